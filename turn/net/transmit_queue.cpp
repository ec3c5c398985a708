#include "turn/net/transmit_queue.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace turnpike::net {
namespace {

constexpr std::size_t kBatchMax = 64;
constexpr int kTriesMax = 3;  // of one datagram: another error may arrive between two of them
constexpr std::size_t kCopyBytes = 64 * 1024;

// Appends control messages to a buffer.
class ControlWriter {
public:
    ControlWriter(std::uint8_t* bytes, std::size_t& size) noexcept : bytes_(bytes), size_(size) {}

    template <typename Value>
    void add(int level, int type, const Value& value) noexcept {
        cmsghdr header{};
        header.cmsg_len = CMSG_LEN(sizeof value);
        header.cmsg_level = level;
        header.cmsg_type = type;
        std::memset(bytes_ + size_, 0, CMSG_SPACE(sizeof value));
        std::memcpy(bytes_ + size_, &header, sizeof header);
        std::memcpy(bytes_ + size_ + CMSG_LEN(0), &value, sizeof value);
        size_ += CMSG_SPACE(sizeof value);
    }

private:
    std::uint8_t* bytes_;
    std::size_t& size_;
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
    iovec payload;
    socklen_t name_size;
    std::uint16_t next;
    std::size_t control_size;
    alignas(cmsghdr) std::array<std::uint8_t, 2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(in6_pktinfo))> control;
};

struct TransmitQueue::Headers {
    std::array<mmsghdr, kBatchMax> messages{};
};

TransmitQueue::TransmitQueue() : entries_(new Entry[kCapacity]), headers_(std::make_unique<Headers>()), copies_(new std::uint8_t[kCopyBytes]) {
    dirty_.reserve(kCapacity);
}
TransmitQueue::~TransmitQueue() = default;

void TransmitQueue::enqueue(UdpSocket& socket, ByteView payload, const Endpoint& to, const IpFields& ip,
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
    // iovec has no const; sendmmsg only reads.
    entry.payload = {const_cast<std::uint8_t*>(payload.data()), payload.size()};
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

void TransmitQueue::enqueue_copy(UdpSocket& socket, ByteView payload, const Endpoint& to, const IpFields& ip,
                                 const IpAddress& from) noexcept {
    if (payload.size() > kCopyBytes) {
        ++dropped;
        return;
    }
    if (used_ == kCapacity || payload.size() > kCopyBytes - copied_) flush();
    std::uint8_t* const copy = copies_.get() + copied_;
    std::memcpy(copy, payload.data(), payload.size());
    copied_ += payload.size();
    enqueue(socket, {copy, payload.size()}, to, ip, from);
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
    std::size_t count = 0;
    for (std::uint16_t at = socket.first_queued; at != UdpSocket::kNone; at = entries_[at].next) {
        Entry& entry = entries_[at];
        mmsghdr& message = headers_->messages[count++];
        message = {};
        message.msg_hdr.msg_name = &entry.name;
        message.msg_hdr.msg_namelen = entry.name_size;
        message.msg_hdr.msg_iov = &entry.payload;
        message.msg_hdr.msg_iovlen = 1;
        if (entry.control_size > 0) {
            message.msg_hdr.msg_control = entry.control.data();
            message.msg_hdr.msg_controllen = entry.control_size;
        }
        if (count == kBatchMax) {
            send(socket, count);
            count = 0;
        }
    }
    if (count > 0) send(socket, count);
    socket.first_queued = socket.last_queued = UdpSocket::kNone;
}

void TransmitQueue::send(UdpSocket& socket, std::size_t count) noexcept {
    int tries = 0;
    for (std::size_t at = 0; at < count;) {
        const int done = ::sendmmsg(socket.fd.get(), headers_->messages.data() + at,
                                    static_cast<unsigned>(count - at), MSG_NOSIGNAL);
        if (done > 0) {
            at += static_cast<std::size_t>(done);
            sent += static_cast<std::size_t>(done);
            tries = 0;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            dropped += count - at;
            return;
        } else if (errno != EINTR && (++tries == kTriesMax || !may_be_pending(errno))) {
            // The first one cannot go (EMSGSIZE, ENETUNREACH, EPERM, ...); the rest may.
            ++dropped;
            ++at;
            tries = 0;
        }
    }
}

}  // namespace turnpike::net
