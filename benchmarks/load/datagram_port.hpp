#pragma once

#include <sys/socket.h>

#include <array>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/load/address_pool.hpp"
#include "benchmarks/load/socket.hpp"
#include "benchmarks/load/socket_name.hpp"
#include "common/base/bytes.hpp"

namespace turnpike::bench {

/// Many UDP endpoints on few sockets: a socket is bound to one port of every address, and packet
/// info says which address a datagram leaves from and which it came to. Sends and receives in
/// batches.
///
/// Shape      endpoint i has address i mod pool and socket (and port) i / pool
/// Errors     open() says a sentence; later a datagram that the kernel does not take is counted in
/// refused() Threading  one thread
class DatagramPort {
public:
    static constexpr std::size_t kBatch = 64;
    static constexpr std::size_t kDatagramMax = 2048;

    struct Options {
        Cidr addresses;
        std::uint32_t count = 1;
        std::string netns;  // where the sockets are opened; empty: here
        bool segments =
            false;  // UDP_SEGMENT out, UDP_GRO in: bursts of a flow cross the kernel as one
    };
    static std::expected<std::unique_ptr<DatagramPort>, std::string> open(const Options& options);

    Endpoint local(std::uint32_t index) const noexcept;
    /// Sockets that it needs.
    std::size_t sockets() const noexcept { return sockets_.size(); }

    /// Queues one datagram; a full batch goes out by itself. `segment` is 0, or the size of the
    /// datagrams that `bytes` is cut into, the last one may be shorter (only with `segments`).
    void send(std::uint32_t from, SocketName to, ByteView bytes, std::size_t segment = 0);
    void flush();

    /// Calls each(std::uint32_t index, SocketName& from, ByteView datagram) for at most a batch of
    /// each socket that has some. The bytes live until the next call. Returns how many there were.
    template <typename Each>
    std::size_t receive(Each&& each) {
        std::size_t total = 0;
        find_ready();
        for (const std::uint32_t socket : ready_) {
            const std::size_t count = receive_batch(socket);
            for (std::size_t i = 0; i < count; ++i) {
                const Incoming in = incoming(socket, i);
                if (!in.ours) continue;
                for (ByteView rest = in.bytes; !rest.empty();) {
                    const std::size_t size = std::min(in.segment, rest.size());
                    each(in.index, in_[i].name, rest.first(size));
                    rest = rest.subspan(size);
                    ++total;
                }
            }
        }
        return total;
    }
    /// For poll(2): readable when receive() finds something.
    int descriptor() const noexcept;

    /// While on, an ICMP error shows in unreachable().
    void watch_errors(bool on);
    /// The last ICMP error as errno, 0: none. Asking clears it.
    int unreachable() noexcept { return std::exchange(unreachable_, 0); }

    /// Datagrams that the kernel threw away because nobody read them in time.
    std::uint64_t drops() const noexcept;
    /// Datagrams that it did not take for sending.
    std::uint64_t refused() const noexcept { return refused_; }

private:
    // Packet info of either family and a segment size.
    using Control = std::array<std::uint8_t, 96>;
    struct alignas(16) Slot {
        SocketName name;
        iovec vector{};
        alignas(cmsghdr) Control control{};
    };
    struct Incoming {
        bool ours = false;
        std::uint32_t index = 0;
        ByteView bytes;
        std::size_t segment = 0;
    };

    DatagramPort(const Options& options, std::size_t slots, std::size_t slot_bytes);
    std::expected<void, std::string> open_socket();
    void prepare_control(Slot& slot, const IpAddress& from, std::size_t segment) noexcept;
    void find_ready();
    std::size_t receive_batch(std::uint32_t socket);
    Incoming incoming(std::uint32_t socket, std::size_t i) noexcept;
    void note_error(int descriptor, int error) noexcept;

    AddressPool pool_;
    std::uint32_t count_ = 0;
    bool v4_ = true, segments_ = false;
    Endpoint bound_;  // address of the sockets; the port is each one's own
    std::vector<Socket> sockets_;
    std::vector<std::uint16_t> ports_;
    Socket epoll_;  // with more than one socket
    std::vector<std::uint32_t> ready_;

    std::size_t slot_bytes_;
    std::vector<Slot> in_, out_;
    std::vector<mmsghdr> in_headers_, out_headers_;
    Bytes in_bytes_, out_bytes_;
    std::size_t queued_ = 0;
    std::uint32_t queued_socket_ = 0;
    std::uint64_t refused_ = 0;
    int unreachable_ = 0;
};

}  // namespace turnpike::bench
