#pragma once

#include <cstdint>
#include <expected>
#include <memory>

#include "common/base/random.hpp"
#include "turn/core/path.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/internet_checksum.hpp"
#include "turn/net/outgoing.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// A worker's outgoing datagrams from all ports of one address: one raw socket, to which each is
/// given with the IP and UDP header that is written here.
///
/// What cannot be sent now is dropped and counted, as UDP may be; but for what does not fit the
/// link, which is the caller's to send in another way.
///
/// Lifetime   borrows payloads until clear()
/// Threading  the owning worker
/// Source     raw(7); RFC 791, RFC 8200, RFC 768, RFC 6864 (identification), RFC 6437 (flow label)
class RawSender {
public:
    static constexpr std::size_t kCapacity = 64;
    static constexpr std::size_t kHeaderBytes4 = 20 + 8, kHeaderBytes6 = 40 + 8;

    /// Whose port a datagram leaves from: that of a relayed address, or that of a listener.
    struct From {
        core::RelayId relay{};
        UdpSocket* listener = nullptr;
        std::uint16_t port = 0;
    };
    struct Queued {
        From from;
        IpAddress source;
        Endpoint to;
        Outgoing datagram;
        IpFields ip;
        bool dont_fragment = false;
    };

    /// Bound to `source`, so that rules of routing by source address hold. Else the errno.
    static std::expected<RawSender, int> open(const IpAddress& source, int buffer_bytes,
                                              Random& random);
    RawSender(RawSender&&) noexcept;
    RawSender& operator=(RawSender&&) noexcept;
    ~RawSender();

    const IpAddress& source() const noexcept { return source_; }
    std::size_t size() const noexcept { return size_; }
    bool full() const noexcept { return size_ == kCapacity; }
    std::size_t header_bytes() const noexcept {
        return source_.is_v4() ? kHeaderBytes4 : kHeaderBytes6;
    }

    /// To an address of the source's family. Not when full().
    void enqueue(const From& from, const Endpoint& to, const Outgoing& datagram, const IpFields& ip,
                 bool dont_fragment) noexcept;
    /// Sends what is queued, from the n-th on up to `to`; the number of the first that does not fit
    /// the link, or `to`.
    std::size_t send(std::size_t from, std::size_t to) noexcept;
    /// How many, from the n-th on, are one burst: of one size but the last, from one port to one
    /// receiver, with the same fields. At least one.
    std::size_t burst(std::size_t from) const noexcept;
    Queued queued(std::size_t index) const noexcept;
    void clear() noexcept { size_ = 0; }

    std::uint64_t sent = 0, dropped = 0;

private:
    struct Entry;
    struct Queue;

    RawSender(FileDescriptor fd, const IpAddress& source, int default_ttl, Random& random);
    void write_ipv4(Entry& entry, const Endpoint& to, std::size_t udp_bytes, const IpFields& ip,
                    bool dont_fragment) noexcept;
    void write_ipv6(Entry& entry, std::uint16_t port, const Endpoint& to, std::size_t udp_bytes,
                    const IpFields& ip) noexcept;

    FileDescriptor fd_;
    IpAddress source_;
    int default_ttl_;
    InternetChecksum source_sum_;  // of the pseudo header: source address and protocol
    std::uint64_t secret_;         // identification and flow labels tell strangers nothing
    std::unique_ptr<Queue> queue_;
    std::size_t size_ = 0;
};

}  // namespace turnpike::net
