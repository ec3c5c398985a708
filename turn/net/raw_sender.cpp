#include "turn/net/raw_sender.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace turnpike::net {
namespace {

constexpr std::size_t kIpv4 = 20, kIpv6 = 40, kUdp = 8;
constexpr std::size_t kPacketMax = 65'535;  // IPv4's total length; IPv6's payload length
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::size_t kIdentifications = 256;  // counters, by destination
constexpr std::array<std::uint8_t, Outgoing::kPaddingMax> kZeroes{};

bool set(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// What the system sends with when nobody says.
int default_ttl_of(int fd, bool v4) noexcept {
    int value = 0;
    socklen_t size = sizeof value;
    const int got = v4 ? ::getsockopt(fd, IPPROTO_IP, IP_TTL, &value, &size)
                       : ::getsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value, &size);
    return got == 0 && value > 0 && value <= 255 ? value : 64;
}

std::uint64_t mixed(std::uint64_t secret, const IpAddress& address, std::uint64_t ports) noexcept {
    std::uint64_t low, high;
    std::memcpy(&low, address.raw().data(), 8);
    std::memcpy(&high, address.raw().data() + 8, 8);
    std::uint64_t h = (low ^ secret) * 0x9E37'79B9'7F4A'7C15;
    h = (h ^ (h >> 32) ^ high ^ ports) * (secret | 1);
    return h ^ (h >> 29);
}

}  // namespace

struct RawSender::Entry {
    std::array<std::uint8_t, kIpv6 + kUdp + Outgoing::kHeaderMax> header;
    union {
        sockaddr_in v4;
        sockaddr_in6 v6;
    } name;
    std::array<iovec, 3> parts;  // headers, payload, padding
    From from;
    std::uint32_t size;  // of the datagram
    bool dont_fragment;
};

struct RawSender::Queue {
    std::array<Entry, kCapacity> entries{};
    std::array<mmsghdr, kCapacity> messages{};
    std::array<std::uint16_t, kIdentifications> identifications{};
};

std::expected<RawSender, int> RawSender::open(const IpAddress& source, int buffer_bytes,
                                              Random& random) {
    const bool v4 = source.is_v4();
    // IPPROTO_RAW: the header is ours, and nothing is received.
    FileDescriptor fd{
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW)};
    if (!fd) return std::unexpected{errno};
    // No path MTU that anybody told: what fits the link leaves, and fragments where it must.
    const bool ok = v4 ? set(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
                       : set(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    if (!ok) return std::unexpected{errno};
    if (!set(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes))
        set(fd.get(), SOL_SOCKET, SO_SNDBUF, buffer_bytes);
    sockaddr_storage name{};
    const socklen_t size = Endpoint{source, 0}.to(name);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0)
        return std::unexpected{errno};
    const int ttl = default_ttl_of(fd.get(), v4);
    return RawSender{std::move(fd), source, ttl, random};
}

RawSender::RawSender(FileDescriptor fd, const IpAddress& source, int default_ttl, Random& random)
    : fd_(std::move(fd)),
      source_(source),
      default_ttl_(default_ttl),
      secret_(random.public_u64()),
      queue_(std::make_unique<Queue>()) {
    source_sum_.add(source.bytes());
    source_sum_.add(std::uint16_t{kProtocolUdp});
    for (std::uint16_t& id : queue_->identifications)
        id = static_cast<std::uint16_t>(random.public_u64());
    // What never changes is written once.
    const bool v4 = source.is_v4();
    for (std::size_t i = 0; i < kCapacity; ++i) {
        Entry& entry = queue_->entries[i];
        if (v4) {
            entry.header[0] = 0x45;
            entry.header[9] = kProtocolUdp;
            std::memcpy(entry.header.data() + 12, source.raw().data(), 4);
            entry.name.v4.sin_family = AF_INET;
        } else {
            entry.header[6] = kProtocolUdp;
            std::memcpy(entry.header.data() + 8, source.raw().data(), 16);
            entry.name.v6 = {};
            entry.name.v6.sin6_family = AF_INET6;
        }
        entry.parts[0].iov_base = entry.header.data();
        msghdr& message = queue_->messages[i].msg_hdr;
        message.msg_name = &entry.name;
        message.msg_namelen = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        message.msg_iov = entry.parts.data();
    }
}

RawSender::RawSender(RawSender&&) noexcept = default;
RawSender& RawSender::operator=(RawSender&&) noexcept = default;
RawSender::~RawSender() = default;

void RawSender::enqueue(const From& from, const Endpoint& to, const Outgoing& datagram,
                        const IpFields& ip, bool dont_fragment) noexcept {
    const std::size_t udp_bytes = kUdp + datagram.size();
    const bool v4 = source_.is_v4();
    if (to.address.is_v4() != v4 || udp_bytes + (v4 ? kIpv4 : 0) > kPacketMax) {
        ++dropped;
        return;
    }
    Entry& entry = queue_->entries[size_];
    entry.from = from;
    entry.size = static_cast<std::uint32_t>(datagram.size());
    entry.dont_fragment = dont_fragment;
    std::ranges::copy(datagram.header, entry.header.begin() + static_cast<std::ptrdiff_t>(header_bytes()));
    entry.parts[0].iov_len = header_bytes() + datagram.header.size();
    // iovec has no const; sendmmsg only reads.
    entry.parts[1] = {const_cast<std::uint8_t*>(datagram.payload.data()), datagram.payload.size()};
    entry.parts[2] = {const_cast<std::uint8_t*>(kZeroes.data()), datagram.padding};
    queue_->messages[size_++].msg_hdr.msg_iovlen = datagram.padding > 0 ? 3 : 2;
    if (v4)
        write_ipv4(entry, to, udp_bytes, ip, dont_fragment);
    else
        write_ipv6(entry, from.port, to, udp_bytes, ip);

    const ByteSpan udp = ByteSpan{entry.header}.subspan(v4 ? kIpv4 : kIpv6, kUdp);
    store_u16(udp, 0, from.port);
    store_u16(udp, 2, to.port);
    store_u16(udp, 4, static_cast<std::uint16_t>(udp_bytes));
    store_u16(udp, 6, 0);
    InternetChecksum sum = source_sum_;
    sum.add(to.address.bytes());
    sum.add(static_cast<std::uint16_t>(udp_bytes));
    sum.add(udp);
    sum.add(datagram.header);  // of an even size, as all STUN and ChannelData headers are
    sum.add(datagram.payload);
    const std::uint16_t field = sum.udp_field();
    std::memcpy(udp.data() + 6, &field, sizeof field);
}

// The kernel writes the total length and the header's checksum.
void RawSender::write_ipv4(Entry& entry, const Endpoint& to, std::size_t udp_bytes,
                           const IpFields& ip, bool dont_fragment) noexcept {
    const ByteSpan header{entry.header.data(), kIpv4};
    header[1] = ip.traffic_class;
    store_u16(header, 2, static_cast<std::uint16_t>(kIpv4 + udp_bytes));
    // The kernel would choose where there is 0, which costs more than the rest of the header.
    std::uint16_t& counter =
        queue_->identifications[mixed(secret_, to.address, 0) % kIdentifications];
    if (++counter == 0) ++counter;
    store_u16(header, 4, counter);
    store_u16(header, 6, dont_fragment ? kDontFragment : 0);
    header[8] = static_cast<std::uint8_t>(ip.ttl < 0 ? default_ttl_ : ip.ttl);
    std::memcpy(header.data() + 16, to.address.raw().data(), 4);
    std::memcpy(&entry.name.v4.sin_addr, to.address.raw().data(), 4);
}

void RawSender::write_ipv6(Entry& entry, std::uint16_t port, const Endpoint& to,
                           std::size_t udp_bytes, const IpFields& ip) noexcept {
    const ByteSpan header{entry.header.data(), kIpv6};
    const std::uint64_t flow =
        mixed(secret_, to.address, (std::uint64_t{port} << 16) | to.port);
    store_u32(
        header, 0,
        (std::uint32_t{6} << 28) | (std::uint32_t{ip.traffic_class} << 20) | (flow & 0xF'FFFF));
    store_u16(header, 4, static_cast<std::uint16_t>(udp_bytes));
    header[7] = static_cast<std::uint8_t>(ip.ttl < 0 ? default_ttl_ : ip.ttl);
    std::memcpy(header.data() + 24, to.address.raw().data(), 16);
    std::memcpy(&entry.name.v6.sin6_addr, to.address.raw().data(), 16);
}

RawSender::Queued RawSender::queued(std::size_t index) const noexcept {
    const Entry& entry = queue_->entries[index];
    const bool v4 = source_.is_v4();
    const ByteView header = ByteView{entry.header}.first(entry.parts[0].iov_len);
    Queued queued;
    queued.from = entry.from;
    queued.source = source_;
    queued.to.address =
        v4 ? IpAddress::v4(header.subspan(16, 4)) : IpAddress::v6(header.subspan(24, 16));
    queued.to.port = load_u16(header, (v4 ? kIpv4 : kIpv6) + 2);
    queued.datagram.header = header.subspan(header_bytes());
    queued.datagram.payload = {static_cast<const std::uint8_t*>(entry.parts[1].iov_base),
                               entry.parts[1].iov_len};
    queued.datagram.padding = entry.parts[2].iov_len;
    queued.ip.ttl = v4 ? header[8] : header[7];
    queued.ip.traffic_class = v4 ? header[1] : static_cast<std::uint8_t>(load_u16(header, 0) >> 4);
    queued.dont_fragment = entry.dont_fragment;
    return queued;
}

std::size_t RawSender::burst(std::size_t from) const noexcept {
    const Entry& first = queue_->entries[from];
    const bool v4 = source_.is_v4();
    const auto alike = [&](const Entry& next) {
        if (next.dont_fragment || first.dont_fragment) return false;
        const auto same = [&](std::size_t at, std::size_t bytes) {
            return std::memcmp(first.header.data() + at, next.header.data() + at, bytes) == 0;
        };
        // Traffic class, hop limit, receiver and ports.
        return v4 ? same(1, 1) && same(8, 1) && same(16, 4) && same(kIpv4, 4)
                  : same(0, 4) && same(7, 1) && same(24, 16) && same(kIpv6, 4);
    };
    std::size_t end = from + 1;
    while (end < size_ && queue_->entries[end].size == first.size && alike(queue_->entries[end])) ++end;
    if (end < size_ && end > from + 1 && queue_->entries[end].size < first.size &&
        alike(queue_->entries[end]))
        ++end;
    return end - from;
}

std::size_t RawSender::send(std::size_t from, std::size_t to) noexcept {
    for (std::size_t at = from; at < to;) {
        const int done = ::sendmmsg(fd_.get(), queue_->messages.data() + at,
                                    static_cast<unsigned>(to - at), MSG_NOSIGNAL);
        if (done > 0) {
            at += static_cast<std::size_t>(done);
            sent += static_cast<std::size_t>(done);
            continue;
        }
        switch (errno) {
            case EINTR:
                break;
            case EMSGSIZE:
                return at;
            case EAGAIN:
            case ENOBUFS:
                dropped += to - at;
                return to;
            default:  // the first one cannot go (ENETUNREACH, EPERM, ...); the rest may
                ++dropped;
                ++at;
        }
    }
    return to;
}

}  // namespace turnpike::net
