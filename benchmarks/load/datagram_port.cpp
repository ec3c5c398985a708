#include "benchmarks/load/datagram_port.hpp"

#include <fmt/format.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "benchmarks/load/network_namespace.hpp"

namespace turnpike::bench {
namespace {

constexpr std::size_t kSegmentedBytes = 65536, kSegmentedBatch = 16;
constexpr std::size_t kPolledSockets = 4;  // that many are read without asking epoll first
constexpr int kBufferBytes = 64 << 20;
constexpr rlim_t kSpareDescriptors = 64;

// As many descriptors as the hard limit gives.
rlim_t raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void set(int descriptor, int level, int name, int value) {
    ::setsockopt(descriptor, level, name, &value, sizeof value);
}

// Privileged past net.core.rmem_max, else up to it.
void enlarge(int descriptor, int forced, int plain, int bytes) {
    if (::setsockopt(descriptor, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        set(descriptor, SOL_SOCKET, plain, bytes);
}

}  // namespace

std::expected<std::unique_ptr<DatagramPort>, std::string> DatagramPort::open(
    const Options& options) {
    const std::size_t slots = options.segments ? kSegmentedBatch : kBatch;
    std::unique_ptr<DatagramPort> port{
        new DatagramPort{options, slots, options.segments ? kSegmentedBytes : kDatagramMax}};
    const std::size_t needed = (options.count + port->pool_.size() - 1) / port->pool_.size();
    if (const rlim_t limit = raise_descriptor_limit(); needed + kSpareDescriptors > limit) {
        return std::unexpected(
            fmt::format("{} endpoints on {} need {} sockets, and {} descriptors are the limit: "
                        "give more addresses",
                        options.count, options.addresses.to_string(), needed, limit));
    }
    const auto inside = InNamespace::enter(options.netns);
    if (!inside) return std::unexpected(inside.error());
    if (needed > 1) port->epoll_ = Socket{::epoll_create1(EPOLL_CLOEXEC)};
    for (std::size_t i = 0; i < needed; ++i) {
        if (auto opened = port->open_socket(); !opened) return std::unexpected(opened.error());
    }
    return port;
}

DatagramPort::DatagramPort(const Options& options, std::size_t slots, std::size_t slot_bytes)
    : pool_(options.addresses),
      count_(options.count),
      v4_(options.addresses.base.is_v4()),
      segments_(options.segments),
      slot_bytes_(slot_bytes),
      in_(slots),
      out_(slots),
      in_headers_(slots),
      out_headers_(slots),
      in_bytes_(slots * slot_bytes),
      out_bytes_(slots * slot_bytes) {
    // One address is bound as it is; of several, the wildcard.
    if (pool_.size() == 1)
        bound_.address = pool_.at(0);
    else if (!v4_)
        bound_.address = IpAddress::v6(std::array<std::uint8_t, 16>{});
    for (std::size_t i = 0; i < slots; ++i) {
        in_[i].vector = {.iov_base = in_bytes_.data() + i * slot_bytes, .iov_len = slot_bytes};
        out_[i].vector = {.iov_base = out_bytes_.data() + i * slot_bytes, .iov_len = 0};
        in_headers_[i].msg_hdr.msg_name = in_[i].name.raw();
        out_headers_[i].msg_hdr.msg_name = out_[i].name.raw();
        for (auto [slot, header] :
             {std::pair{&in_[i], &in_headers_[i]}, {&out_[i], &out_headers_[i]}}) {
            header->msg_hdr.msg_iov = &slot->vector;
            header->msg_hdr.msg_iovlen = 1;
            header->msg_hdr.msg_control = slot->control.data();
        }
    }
}

std::expected<void, std::string> DatagramPort::open_socket() {
    Socket socket{::socket(v4_ ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int descriptor = socket.descriptor();
    if (descriptor < 0) return std::unexpected(fmt::format("no socket: {}", error_text(errno)));
    const int buffer = sockets_.size() < kPolledSockets ? kBufferBytes : kBufferBytes / 64;
    enlarge(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
    enlarge(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
    // Addresses that are local by a route alone (ip route add local …) are as good as configured
    // ones.
    if (v4_) {
        set(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
        set(descriptor, IPPROTO_IP, IP_FREEBIND, 1);
        // A datagram that may not be fragmented needs no IP id, which all processors would share a
        // counter for.
        set(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    } else {
        set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        set(descriptor, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    }
    if (segments_) set(descriptor, IPPROTO_UDP, UDP_GRO, 1);

    sockaddr_storage name{};
    socklen_t length = bound_.to(name);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&name), length) != 0) {
        return std::unexpected(
            fmt::format("cannot bind {}: {}", bound_.address.to_string(), error_text(errno)));
    }
    length = sizeof name;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &length);
    if (epoll_.descriptor() >= 0) {
        epoll_event event{.events = EPOLLIN,
                          .data = {.u32 = static_cast<std::uint32_t>(sockets_.size())}};
        ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, descriptor, &event);
    }
    ready_.push_back(static_cast<std::uint32_t>(sockets_.size()));
    ports_.push_back(Endpoint::from(reinterpret_cast<const sockaddr&>(name)).port);
    sockets_.push_back(std::move(socket));
    return {};
}

Endpoint DatagramPort::local(std::uint32_t index) const noexcept {
    return {pool_.at(index % pool_.size()), ports_[index / pool_.size()]};
}

int DatagramPort::descriptor() const noexcept {
    return epoll_.descriptor() >= 0 ? epoll_.descriptor() : sockets_.front().descriptor();
}

void DatagramPort::prepare_control(Slot& slot, const IpAddress& from,
                                   std::size_t segment) noexcept {
    msghdr& header = out_headers_[static_cast<std::size_t>(&slot - out_.data())].msg_hdr;
    auto* info = reinterpret_cast<cmsghdr*>(slot.control.data());
    std::size_t used = 0;
    if (v4_) {
        *info = {.cmsg_len = CMSG_LEN(sizeof(in_pktinfo)),
                 .cmsg_level = IPPROTO_IP,
                 .cmsg_type = IP_PKTINFO};
        in_pktinfo value{};
        std::memcpy(&value.ipi_spec_dst, from.raw().data(), 4);
        std::memcpy(CMSG_DATA(info), &value, sizeof value);
        used = CMSG_SPACE(sizeof value);
    } else {
        *info = {.cmsg_len = CMSG_LEN(sizeof(in6_pktinfo)),
                 .cmsg_level = IPPROTO_IPV6,
                 .cmsg_type = IPV6_PKTINFO};
        in6_pktinfo value{};
        std::memcpy(&value.ipi6_addr, from.raw().data(), 16);
        std::memcpy(CMSG_DATA(info), &value, sizeof value);
        used = CMSG_SPACE(sizeof value);
    }
    if (segment != 0) {
        auto* cut = reinterpret_cast<cmsghdr*>(slot.control.data() + used);
        *cut = {.cmsg_len = CMSG_LEN(sizeof(std::uint16_t)),
                .cmsg_level = IPPROTO_UDP,
                .cmsg_type = UDP_SEGMENT};
        const auto value = static_cast<std::uint16_t>(segment);
        std::memcpy(CMSG_DATA(cut), &value, sizeof value);
        used += CMSG_SPACE(sizeof value);
    }
    header.msg_controllen = used;
}

void DatagramPort::send(std::uint32_t from, SocketName to, ByteView bytes, std::size_t segment) {
    const std::uint32_t socket = from / pool_.size();
    if (queued_ == out_.size() || socket != queued_socket_) flush();
    queued_socket_ = socket;
    if (bytes.size() > slot_bytes_) {
        ++refused_;
        return;
    }
    Slot& slot = out_[queued_];
    slot.name = to;
    std::memcpy(slot.vector.iov_base, bytes.data(), bytes.size());
    slot.vector.iov_len = bytes.size();
    out_headers_[queued_].msg_hdr.msg_namelen = to.size();
    prepare_control(slot, pool_.at(from % pool_.size()), segment);
    ++queued_;
}

void DatagramPort::flush() {
    std::size_t sent = 0;
    const int descriptor = sockets_[queued_socket_].descriptor();
    bool retried = false;
    while (sent < queued_) {
        const int count = ::sendmmsg(descriptor, out_headers_.data() + sent,
                                     static_cast<unsigned>(queued_ - sent), 0);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
            retried = false;
            continue;
        }
        if (errno == EINTR) continue;
        // An ICMP error of an earlier datagram is told once, then the same call succeeds.
        note_error(descriptor, errno);
        if (!std::exchange(retried, true)) continue;
        ++refused_;
        ++sent;
        retried = false;
    }
    queued_ = 0;
}

void DatagramPort::find_ready() {
    if (sockets_.size() <= kPolledSockets) return;  // ready_ has all of them
    std::array<epoll_event, kBatch> events;
    const int count =
        ::epoll_wait(epoll_.descriptor(), events.data(), static_cast<int>(events.size()), 0);
    ready_.clear();
    for (int i = 0; i < count; ++i) ready_.push_back(events[static_cast<std::size_t>(i)].data.u32);
}

std::size_t DatagramPort::receive_batch(std::uint32_t socket) {
    for (std::size_t i = 0; i < in_headers_.size(); ++i) {
        msghdr& header = in_headers_[i].msg_hdr;
        header.msg_namelen = sizeof(sockaddr_in6);
        header.msg_controllen = sizeof(Control);
    }
    const int descriptor = sockets_[socket].descriptor();
    const int count = ::recvmmsg(descriptor, in_headers_.data(),
                                 static_cast<unsigned>(in_headers_.size()), MSG_DONTWAIT, nullptr);
    if (count >= 0) return static_cast<std::size_t>(count);
    note_error(descriptor, errno);
    return 0;
}

DatagramPort::Incoming DatagramPort::incoming(std::uint32_t socket, std::size_t i) noexcept {
    const std::size_t size = in_headers_[i].msg_len;
    Incoming in{.ours = false,
                .index = 0,
                .bytes = {static_cast<const std::uint8_t*>(in_[i].vector.iov_base), size},
                .segment = size};
    IpAddress to;
    msghdr& header = in_headers_[i].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            to = IpAddress::v4(ntohl(info.ipi_addr.s_addr));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            to = IpAddress::v6(ByteView{info.ipi6_addr.s6_addr, 16});
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int segment = 0;
            std::memcpy(&segment, CMSG_DATA(c), sizeof segment);
            if (segment > 0) in.segment = static_cast<std::size_t>(segment);
        }
    }
    const auto address = pool_.index_of(to);
    if (!address) return in;
    in.index = socket * pool_.size() + *address;
    in.ours = in.index < count_;
    return in;
}

void DatagramPort::watch_errors(bool on) {
    for (const Socket& socket : sockets_) {
        set(socket.descriptor(), v4_ ? IPPROTO_IP : IPPROTO_IPV6, v4_ ? IP_RECVERR : IPV6_RECVERR,
            on ? 1 : 0);
    }
}

void DatagramPort::note_error(int descriptor, int error) noexcept {
    if (error == EAGAIN || error == EINTR || error == ENOBUFS) return;
    unreachable_ = error;
    // The queued details keep the socket readable until they are read.
    std::array<std::uint8_t, 64> bytes;
    while (::recv(descriptor, bytes.data(), bytes.size(), MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
    }
}

std::uint64_t DatagramPort::drops() const noexcept {
    std::uint64_t sum = 0;
    for (const Socket& socket : sockets_) sum += socket.receive_drops();
    return sum;
}

}  // namespace turnpike::bench
