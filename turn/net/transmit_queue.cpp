#include "turn/net/transmit_queue.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace turnpike::net {
namespace {

constexpr std::size_t kBatchMax = 64;
constexpr int kTriesMax = 3;  // of one datagram: another error may arrive between two of them
constexpr std::size_t kCopyBytes = 64 * 1024;
constexpr std::array<std::uint8_t, Outgoing::kPaddingMax> kZeroes{};
// Of datagrams that go together: what fits a usual link, and what the kernel takes.
constexpr std::size_t kSegmentMax = 1472, kSegmentsMax = 64, kTogetherBytesMax = 65'000;

// Appends control messages to a buffer.
class ControlWriter {
public:
    ControlWriter(std::uint8_t* bytes, std::uint8_t& size) noexcept : bytes_(bytes), size_(size) {}

    template <typename Value>
    void add(int level, int type, const Value& value) noexcept {
        cmsghdr header{};
        header.cmsg_len = CMSG_LEN(sizeof value);
        header.cmsg_level = level;
        header.cmsg_type = type;
        std::memset(bytes_ + size_, 0, CMSG_SPACE(sizeof value));
        std::memcpy(bytes_ + size_, &header, sizeof header);
        std::memcpy(bytes_ + size_ + CMSG_LEN(0), &value, sizeof value);
        size_ = static_cast<std::uint8_t>(size_ + CMSG_SPACE(sizeof value));
    }

private:
    std::uint8_t* bytes_;
    std::uint8_t& size_;
};

// Whether an earlier datagram's ICMP error may be what a send failed with: the kernel reports it once, on
// whatever the socket does next, and has not sent anything then.
bool may_be_pending(int error) noexcept {
    switch (error) {
        case ECONNREFUSED:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ENOPROTOOPT:
        case EPROTO:
        case EACCES:
        case EMSGSIZE:
        case EOPNOTSUPP:
        case EHOSTDOWN:
        case ENONET: return true;
        default: return false;
    }
}

}  // namespace

struct TransmitQueue::Entry {
    union {
        sockaddr_in v4;
        sockaddr_in6 v6;
    } name;
    std::array<iovec, 3> parts;
    std::uint8_t parts_used;
    std::uint8_t name_size, control_size;
    std::uint16_t next;
    std::uint32_t size;
    std::array<std::uint8_t, Outgoing::kHeaderMax> header;
    // TTL, TOS, packet information; and UDP_SEGMENT, for it and those that follow
    alignas(cmsghdr) std::array<std::uint8_t, 2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(in6_pktinfo)) +
                                                  CMSG_SPACE(sizeof(std::uint16_t))> control;
};

// What one sendmmsg gets.
struct TransmitQueue::Headers {
    std::array<mmsghdr, kBatchMax> messages{};
    std::array<std::uint16_t, kBatchMax> first{};     // its first entry
    std::array<std::uint16_t, kBatchMax> together{};  // how many entries it is
    std::array<iovec, 3 * kCapacity> parts{};
    std::size_t messages_used = 0, parts_used = 0;
};

TransmitQueue::TransmitQueue() : entries_(new Entry[kCapacity]), headers_(std::make_unique<Headers>()), copies_(new std::uint8_t[kCopyBytes]) {
    dirty_.reserve(kCapacity);
}
TransmitQueue::~TransmitQueue() = default;

void TransmitQueue::enqueue(UdpSocket& socket, const Outgoing& datagram, const Endpoint& to, const IpFields& ip,
                            const IpAddress& from) noexcept {
    const bool v4 = socket.local.address.is_v4();
    if (to.address.is_v4() != v4) {
        ++dropped;
        return;
    }
    if (used_ == kCapacity) flush();

    const std::uint16_t index = used_++;
    Entry& entry = entries_[index];
    entry.next = UdpSocket::kNone;
    entry.size = static_cast<std::uint32_t>(datagram.size());
    entry.parts_used = 0;
    // iovec has no const; sendmmsg only reads.
    const auto add = [&entry](const std::uint8_t* bytes, std::size_t size) {
        if (size > 0) entry.parts[entry.parts_used++] = {const_cast<std::uint8_t*>(bytes), size};
    };
    std::ranges::copy(datagram.header, entry.header.begin());
    add(entry.header.data(), datagram.header.size());
    add(datagram.payload.data(), datagram.payload.size());
    add(kZeroes.data(), datagram.padding);
    entry.control_size = 0;
    ControlWriter control{entry.control.data(), entry.control_size};
    if (v4) {
        entry.name.v4 = {};
        entry.name.v4.sin_family = AF_INET;
        entry.name.v4.sin_port = htons(to.port);
        std::memcpy(&entry.name.v4.sin_addr, to.address.raw().data(), 4);
        entry.name_size = sizeof(sockaddr_in);
        if (ip.ttl >= 0) control.add(IPPROTO_IP, IP_TTL, ip.ttl);
        if (ip.traffic_class != 0) control.add(IPPROTO_IP, IP_TOS, int{ip.traffic_class});
        if (socket.wildcard()) {
            in_pktinfo info{};
            std::memcpy(&info.ipi_spec_dst, from.raw().data(), 4);
            control.add(IPPROTO_IP, IP_PKTINFO, info);
        }
    } else {
        entry.name.v6 = {};
        entry.name.v6.sin6_family = AF_INET6;
        entry.name.v6.sin6_port = htons(to.port);
        std::memcpy(&entry.name.v6.sin6_addr, to.address.raw().data(), 16);
        entry.name_size = sizeof(sockaddr_in6);
        if (ip.ttl >= 0) control.add(IPPROTO_IPV6, IPV6_HOPLIMIT, ip.ttl);
        if (ip.traffic_class != 0) control.add(IPPROTO_IPV6, IPV6_TCLASS, int{ip.traffic_class});
        if (socket.wildcard()) {
            in6_pktinfo info{};
            std::memcpy(&info.ipi6_addr, from.raw().data(), 16);
            control.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
        }
    }

    if (socket.first_queued == UdpSocket::kNone) {
        socket.first_queued = index;
        dirty_.push_back(&socket);
    } else {
        entries_[socket.last_queued].next = index;
    }
    socket.last_queued = index;
}

void TransmitQueue::enqueue_copy(UdpSocket& socket, const Outgoing& datagram, const Endpoint& to, const IpFields& ip,
                                 const IpAddress& from) noexcept {
    const ByteView payload = datagram.payload;
    if (payload.size() > kCopyBytes) {
        ++dropped;
        return;
    }
    if (used_ == kCapacity || payload.size() > kCopyBytes - copied_) flush();
    std::uint8_t* const copy = copies_.get() + copied_;
    std::ranges::copy(payload, copy);
    copied_ += payload.size();
    enqueue(socket, {datagram.header, {copy, payload.size()}, datagram.padding}, to, ip, from);
}

void TransmitQueue::flush() noexcept {
    for (UdpSocket* socket : dirty_) {
        if (socket != nullptr) send_queued(*socket);
    }
    dirty_.clear();
    used_ = 0;
    copied_ = 0;
}

void TransmitQueue::flush(UdpSocket& socket) noexcept {
    if (socket.first_queued == UdpSocket::kNone) return;
    send_queued(socket);
    std::ranges::replace(dirty_, &socket, nullptr);
}

void TransmitQueue::send_queued(UdpSocket& socket) noexcept {
    Headers& h = *headers_;
    h.messages_used = h.parts_used = 0;
    const Entry* first = nullptr;  // of the message that is being put together
    for (std::uint16_t at = socket.first_queued; at != UdpSocket::kNone; at = entries_[at].next) {
        Entry& entry = entries_[at];
        if (first != nullptr && follows(*first, h.together[h.messages_used - 1], entry)) {
            ++h.together[h.messages_used - 1];
        } else {
            if (h.messages_used == kBatchMax) send(socket);
            first = &entry;
            h.first[h.messages_used] = at;
            h.together[h.messages_used] = 1;
            msghdr& message = h.messages[h.messages_used++].msg_hdr;
            message = {};
            message.msg_name = &entry.name;
            message.msg_namelen = entry.name_size;
            message.msg_iov = h.parts.data() + h.parts_used;
            message.msg_control = entry.control_size > 0 ? entry.control.data() : nullptr;
            message.msg_controllen = entry.control_size;
        }
        for (std::size_t i = 0; i < entry.parts_used; ++i) h.parts[h.parts_used++] = entry.parts[i];
        h.messages[h.messages_used - 1].msg_hdr.msg_iovlen += entry.parts_used;
        // A shorter one ends the message.
        if (first != nullptr && entry.size < first->size) first = nullptr;
    }
    send(socket);
    socket.first_queued = socket.last_queued = UdpSocket::kNone;
}

// Whether `next` can be one more of the `together` datagrams that begin with `first`.
bool TransmitQueue::follows(const Entry& first, std::size_t together, const Entry& next) const noexcept {
    return next.size <= first.size && next.size > 0 && first.size <= kSegmentMax && together < kSegmentsMax &&
           (together + 1) * first.size <= kTogetherBytesMax && next.name_size == first.name_size &&
           std::memcmp(&next.name, &first.name, first.name_size) == 0 && next.control_size == first.control_size &&
           std::memcmp(next.control.data(), first.control.data(), first.control_size) == 0;
}

void TransmitQueue::send(UdpSocket& socket) noexcept {
    Headers& h = *headers_;
    for (std::size_t i = 0; i < h.messages_used; ++i) {
        if (h.together[i] == 1) continue;
        Entry& first = entries_[h.first[i]];
        std::uint8_t size = first.control_size;  // the entry keeps its own, in case it goes alone after all
        ControlWriter{first.control.data(), size}.add(SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(first.size));
        h.messages[i].msg_hdr.msg_control = first.control.data();
        h.messages[i].msg_hdr.msg_controllen = size;
    }
    int tries = 0;
    for (std::size_t at = 0; at < h.messages_used;) {
        const int done = ::sendmmsg(socket.fd.get(), h.messages.data() + at, static_cast<unsigned>(h.messages_used - at),
                                    MSG_NOSIGNAL);
        if (done > 0) {
            for (int i = 0; i < done; ++i) sent += h.together[at++];
            tries = 0;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            while (at < h.messages_used) dropped += h.together[at++];
        } else if (errno != EINTR && (++tries == kTriesMax || !may_be_pending(errno))) {
            // The first one cannot go (EMSGSIZE, ENETUNREACH, EPERM, ...); the rest may. Several at once may be more
            // than this link or device takes.
            if (h.together[at] > 1) send_singly(socket, at);
            else ++dropped;
            ++at;
            tries = 0;
        }
    }
    h.messages_used = h.parts_used = 0;
}

void TransmitQueue::send_singly(UdpSocket& socket, std::size_t message) noexcept {
    std::uint16_t at = headers_->first[message];
    for (std::size_t i = 0; i < headers_->together[message]; ++i, at = entries_[at].next) {
        Entry& entry = entries_[at];
        msghdr single{};
        single.msg_name = &entry.name;
        single.msg_namelen = entry.name_size;
        single.msg_iov = entry.parts.data();
        single.msg_iovlen = entry.parts_used;
        single.msg_control = entry.control_size > 0 ? entry.control.data() : nullptr;
        single.msg_controllen = entry.control_size;
        ssize_t done = -1;
        for (int tries = 0; done < 0 && tries < kTriesMax; ++tries) {
            done = ::sendmsg(socket.fd.get(), &single, MSG_NOSIGNAL);
            if (done < 0 && errno != EINTR && !may_be_pending(errno)) break;
        }
        done < 0 ? ++dropped : ++sent;
    }
}

}  // namespace turnpike::net
