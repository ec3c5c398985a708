#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/crypto/system_random.hpp"
#include "tests/support/temp_dir.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/tls_context.hpp"
#include "turn/net/worker_pool.hpp"
#include "turn/stun/message_builder.hpp"
#include "turn/stun/message_view.hpp"

// A relay on loopback, and synchronous clients and peers to try it with. All waiting is for an event
// with a deadline.
namespace turnpike::net::testing {

/// Time that only the test moves.
class ManualClock final : public Clock {
public:
    Instant now() const noexcept override { return Instant{Nanoseconds{now_.load()}}; }
    WallTime wall() const noexcept override {
        return WallTime{Milliseconds{1'800'000'000'000 + now_.load() / 1'000'000}};
    }
    void advance(Nanoseconds by) noexcept { now_.fetch_add(by.count()); }

private:
    std::atomic<std::int64_t> now_{Nanoseconds{1000s}.count()};
};

/// A certificate for "localhost" and its key, in PEM files.
struct SelfSigned {
    /// `names`: subjectAltName, "DNS:a.example,DNS:*.b.example".
    explicit SelfSigned(const TempDir& directory, const std::string& name = "relay", const std::string& names = {});
    std::string certificate_file, key_file;
};

struct Received {
    Bytes bytes;
    Endpoint from;
    IpAddress to;
    int ttl = -1;
    int traffic_class = -1;
};

/// A UDP socket that sees its datagrams' IP headers: a peer, or a client's own socket.
class UdpEnd {
public:
    explicit UdpEnd(const std::string& address = "127.0.0.9");  // with port 0
    const Endpoint& local() const noexcept { return local_; }
    int fd() const noexcept { return fd_.get(); }
    void send(ByteView bytes, const Endpoint& to, int ttl = -1, int traffic_class = -1);
    void send(std::string_view text, const Endpoint& to, int ttl = -1, int traffic_class = -1) {
        send(as_bytes(text), to, ttl, traffic_class);
    }
    std::optional<Received> receive(Milliseconds wait = 2000ms);

private:
    FileDescriptor fd_;
    Endpoint local_;
};

/// What a client got: a response or indication, or channel data.
struct Incoming {
    Bytes bytes;  // the whole message
    Received datagram;  // UDP only: the IP header

    bool is_channel_data() const { return !bytes.empty() && bytes[0] >= 0x40; }
    std::uint16_t channel() const { return load_u16(bytes, 0); }
    std::string data() const;            // of ChannelData or a Data indication
    std::optional<Endpoint> peer() const;  // of a Data indication
    bool is(stun::Class c, stun::Method m) const;
    std::uint16_t error() const;         // 0: none
    std::optional<Endpoint> address(stun::Attribute type) const;
    std::uint32_t u32(stun::Attribute type) const;
};

/// A TURN client with blocking calls, over UDP, TCP, TLS or DTLS.
class TestClient {
public:
    /// `from` is the local address, with port 0 as a rule.
    TestClient(Transport transport, const Endpoint& server, const std::string& from = {}, Milliseconds handshake = 5000ms,
               const Bytes& preface = {});
    ~TestClient();
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    std::string username = "alice", password = "wonderland";
    int ttl = -1, traffic_class = -1;  // of what it sends by UDP
    bool abandoned = false;            // DTLS: it ends without a word
    Bytes prefix;                      // UDP: in front of each datagram

    /// Builds, signs when there is a nonce, sends and waits; answers 401 and 438 once. Retransmits over UDP.
    std::optional<Incoming> request(stun::Method method, const std::function<void(stun::MessageBuilder&)>& attributes = {});

    /// Each is true, or has a value, on success only.
    std::optional<Endpoint> allocate(std::optional<Family> family = {}, std::uint32_t lifetime = 600);
    std::optional<Endpoint> allocate_tcp();
    std::optional<std::uint32_t> connect(const Endpoint& peer);  // CONNECTION-ID
    bool bind_connection(std::uint32_t id);
    bool permit(const Endpoint& peer);
    bool bind_channel(std::uint16_t number, const Endpoint& peer);
    /// The lifetime granted.
    std::optional<std::uint32_t> refresh(std::uint32_t lifetime);
    std::uint16_t last_error() const noexcept { return last_error_; }

    void send_channel(std::uint16_t number, std::string_view data);
    void send_indication(const Endpoint& peer, std::string_view data, bool dont_fragment = false);
    void send_raw(ByteView bytes);
    /// A data connection's bytes: all of them; up to `size`, or what came before an end or a pause.
    void send_all(std::string_view text);
    std::string read_bytes(std::size_t size, Milliseconds wait = 2000ms);
    void end_writing();  // close_notify, FIN
    Bytes behind;        // sent in one piece with each signed request
    /// The next message that is not the answer to a request.
    std::optional<Incoming> receive(Milliseconds wait = 2000ms);
    /// Stream or DTLS: whether the server closed within the time.
    bool closed_by_server(Milliseconds wait = 2000ms);

    Endpoint local() const { return local_; }
    Endpoint server() const { return server_; }
    FiveTuple tuple() const { return {local_, server_, transport_}; }
    /// UDP: goes on from another port, as behind a NAT that forgot the client.
    void change_port();
    bool connected() const noexcept { return connected_; }
    /// DTLS: forgets its association without a word, and makes a new one from the same port.
    bool begin_anew(Milliseconds wait = 5000ms) {
        nonce_.clear();
        return handshake_dtls(wait);
    }
    ssl_st* ssl() const noexcept { return ssl_.get(); }
    int fd() const noexcept { return udp_ ? udp_->fd() : fd_.get(); }

private:
    bool handshake_dtls(Milliseconds wait = 5000ms);
    std::optional<Incoming> next(Milliseconds wait);
    std::optional<Incoming> next_frame(Milliseconds wait);
    long read_some(ByteSpan space, Milliseconds wait);  // stream; 0: closed, -1: nothing in time

    Transport transport_;
    Endpoint server_, local_;
    std::unique_ptr<UdpEnd> udp_;
    FileDescriptor fd_;
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
    Ssl ssl_;
    bool connected_ = false, closed_ = false;
    Bytes buffered_;
    std::vector<Incoming> waiting_;
    std::string realm_, nonce_;
    std::uint16_t last_error_ = 0;
};

/// What TURNPIKE_IO_ENGINE says: the whole suite runs on either engine.
IoEngine engine_under_test();
/// Why the range engine cannot run here; empty when it can.
std::string no_range_engine();

/// A running relay: user alice/wonderland and bob/builder, every loopback peer allowed.
class TestRelay {
public:
    struct Setup {
        std::vector<std::pair<Transport, std::string>> listen = {{Transport::Udp, "127.0.0.1:0"}};
        std::vector<core::RelayDirectory::Address> relay_addresses = {
            {IpAddress::parse("127.0.0.1").value(), IpAddress::parse("127.0.0.1").value()},
            {IpAddress::parse("::1").value(), IpAddress::parse("::1").value()}};
        unsigned workers = 1;
        std::uint16_t port_min = 61'000, port_max = 65'535;  // none that the kernel hands out to sockets beside it
        IoEngine engine = engine_under_test();
        Limits limits;
        core::Config core;
        std::vector<Cidr> peers;       // allowed beside loopback
        const Clock* clock = nullptr;  // null: the system's
        std::function<void(Listener&)> each;  // more of a listener's settings
        std::vector<Cidr> limits_exempt;
        std::function<void(const Endpoint&, int)> upstream_failed;
        std::optional<JournalOptions> journal;
    };
    explicit TestRelay(Setup setup);
    TestRelay() : TestRelay(Setup{}) {}

    Endpoint listener(std::size_t index = 0) const { return pool->listeners().at(index).address; }
    /// Polls the snapshot until `until` says yes; false after two seconds.
    bool wait_for(const std::function<bool(const Snapshot&)>& until) const;
    std::vector<core::AllocationClosed> closed() const;

    TempDir directory;
    std::optional<SelfSigned> certificate;
    crypto::SystemRandom random;

private:
    mutable std::mutex mutex_;
    std::vector<core::AllocationClosed> closed_;

public:
    std::unique_ptr<WorkerPool> pool;  // last: its end still reports
};

}  // namespace turnpike::net::testing
