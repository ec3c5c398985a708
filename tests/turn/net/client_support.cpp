#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <csignal>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/udp_socket.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/channel_data.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/stream_framer.hpp"

namespace turnpike::net::testing {
namespace {

using stun::Attribute;
using stun::Class;
using stun::Method;

// The whole process' clients count together: one that gets an ended one's port is no retransmission of it.
std::uint64_t next_transaction() {
    static std::atomic<std::uint64_t> transactions{0};
    return ++transactions;
}

bool wait_readable(int fd, Milliseconds wait) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, static_cast<int>(wait.count())) == 1;
}

void set(int fd, int level, int name, int value) { ASSERT_EQ(0, ::setsockopt(fd, level, name, &value, sizeof value)); }

}  // namespace

// ---- UdpEnd ----

UdpEnd::UdpEnd(const std::string& address) {
    const IpAddress ip = IpAddress::parse(address).value();
    auto socket = open_udp({ip, 0}, {.buffer_bytes = 1 << 20});
    EXPECT_TRUE(socket) << address;
    fd_ = std::move(socket->fd);
    local_ = socket->local;
    if (ip.is_v4()) set(fd_.get(), IPPROTO_IP, IP_PKTINFO, 1);
    else set(fd_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

void UdpEnd::send(ByteView bytes, const Endpoint& to, int ttl, int traffic_class) {
    const bool v4 = local_.address.is_v4();
    if (ttl >= 0) set(fd_.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, ttl);
    if (traffic_class >= 0) set(fd_.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, traffic_class);
    sockaddr_storage name{};
    const socklen_t size = to.to(name);
    ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&name), size);
}

std::optional<Received> UdpEnd::receive(Milliseconds wait) {
    if (!wait_readable(fd_.get(), wait)) return {};
    Received result;
    result.bytes.resize(70000);
    sockaddr_storage name{};
    alignas(cmsghdr) std::array<std::uint8_t, 256> control{};
    iovec payload{result.bytes.data(), result.bytes.size()};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_iov = &payload;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd_.get(), &message, 0);
    if (got < 0) return {};
    result.bytes.resize(static_cast<std::size_t>(got));
    result.from = Endpoint::from(reinterpret_cast<sockaddr&>(name));
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        int value = 0;
        std::memcpy(&value, CMSG_DATA(c), std::min(sizeof value, c->cmsg_len - CMSG_LEN(0)));
        const bool v4 = c->cmsg_level == IPPROTO_IP;
        if (c->cmsg_type == (v4 ? IP_TTL : IPV6_HOPLIMIT)) result.ttl = value;
        if (c->cmsg_type == (v4 ? IP_TOS : IPV6_TCLASS)) result.traffic_class = value;
    }
    return result;
}

// ---- Incoming ----

bool Incoming::is(Class c, Method m) const {
    const auto view = stun::MessageView::parse(bytes);
    return view && view->message_class() == c && view->method() == m;
}

std::string Incoming::data() const {
    if (is_channel_data()) {
        const auto view = stun::ChannelDataView::parse(bytes);
        return view ? std::string{as_text(view->data)} : "";
    }
    const auto view = stun::MessageView::parse(bytes);
    const auto value = view ? view->find(Attribute::Data) : std::nullopt;
    return value ? std::string{as_text(*value)} : "";
}

std::optional<Endpoint> Incoming::peer() const { return address(Attribute::XorPeerAddress); }

std::optional<Endpoint> Incoming::address(Attribute type) const {
    const auto view = stun::MessageView::parse(bytes);
    const auto value = view ? view->find(type) : std::nullopt;
    if (!value) return {};
    return stun::decode_xor_address(*value, view->transaction_id());
}

std::uint16_t Incoming::error() const {
    const auto view = stun::MessageView::parse(bytes);
    const auto value = view ? view->find(Attribute::ErrorCode) : std::nullopt;
    const auto error = value ? stun::decode_error(*value) : std::nullopt;
    return error ? error->code : std::uint16_t{0};
}

std::uint32_t Incoming::u32(Attribute type) const {
    const auto view = stun::MessageView::parse(bytes);
    const auto value = view ? view->find(type) : std::nullopt;
    return value ? stun::decode_u32(*value).value_or(0) : 0;
}

// ---- TestClient ----

TestClient::TestClient(Transport transport, const Endpoint& server, const std::string& from, Milliseconds handshake, const Bytes& preface)
    : transport_(transport), server_(server), context_(nullptr, &::SSL_CTX_free) {
    const std::string local = !from.empty() ? from : server.address.is_v4() ? "127.0.0.1" : "::1";
    if (transport == Transport::Udp) {
        udp_ = std::make_unique<UdpEnd>(local);
        local_ = udp_->local();
        connected_ = true;
        return;
    }
    std::signal(SIGPIPE, SIG_IGN);  // SSL_write to a server that closed
    const bool dtls = transport == Transport::Dtls;
    fd_ = FileDescriptor{::socket(server.address.is_v4() ? AF_INET : AF_INET6, (dtls ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0)};
    sockaddr_storage name{};
    socklen_t size = Endpoint{IpAddress::parse(local).value(), 0}.to(name);
    EXPECT_EQ(0, ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), size));
    if (!dtls) set(fd_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    const timeval timeout{5, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    size = server.to(name);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&name), size) == 0;
    local_ = local_endpoint(fd_.get());
    if (dtls && connected_) connected_ = handshake_dtls(handshake);
    if (!preface.empty()) ::send(fd_.get(), preface.data(), preface.size(), MSG_NOSIGNAL);
    if (transport == Transport::Tls && connected_) {
        context_.reset(::SSL_CTX_new(::TLS_client_method()));
        ssl_.reset(::SSL_new(context_.get()));
        ::SSL_set_fd(ssl_.get(), fd_.get());
        connected_ = ::SSL_connect(ssl_.get()) == 1;
        // From here on poll() waits: a record may carry no data for us (a session ticket).
        ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
    }
}

TestClient::~TestClient() {
    if (ssl_ && transport_ == Transport::Dtls && !abandoned) ::SSL_shutdown(ssl_.get());
}

bool TestClient::handshake_dtls(Milliseconds wait) {
    ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
    context_.reset(::SSL_CTX_new(::DTLS_client_method()));
    ssl_.reset(::SSL_new(context_.get()));
    BIO* const bio = ::BIO_new_dgram(fd_.get(), BIO_NOCLOSE);
    sockaddr_storage name{};
    server_.to(name);
    BIO_ctrl_set_connected(bio, &name);
    ::SSL_set_bio(ssl_.get(), bio, bio);
    const auto deadline = std::chrono::steady_clock::now() + wait;
    for (;;) {
        const int done = ::SSL_connect(ssl_.get());
        if (done == 1) return true;
        if (::SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ || std::chrono::steady_clock::now() > deadline) return false;
        timeval left{0, 100'000};
        DTLSv1_get_timeout(ssl_.get(), &left);
        if (!wait_readable(fd_.get(), std::min(wait, Milliseconds{left.tv_sec * 1000 + left.tv_usec / 1000 + 1}))) {
            DTLSv1_handle_timeout(ssl_.get());
        }
    }
}

void TestClient::send_raw(ByteView bytes) {
    if (udp_) {
        Bytes datagram = prefix;
        datagram.insert(datagram.end(), bytes.begin(), bytes.end());
        udp_->send(datagram, server_, ttl, traffic_class);
    } else if (ssl_) {
        int done = 0;
        while ((done = ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))) <= 0) {
            if (::SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_WRITE) return;
            pollfd p{fd_.get(), POLLOUT, 0};
            ::poll(&p, 1, 1000);
        }
    } else {
        ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
}

void TestClient::send_all(std::string_view text) {
    while (!text.empty()) {
        const long done = ssl_ ? ::SSL_write(ssl_.get(), text.data(), static_cast<int>(std::min<std::size_t>(text.size(), 16'384)))
                               : ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (done > 0) {
            text.remove_prefix(static_cast<std::size_t>(done));
            continue;
        }
        if (!ssl_ || ::SSL_get_error(ssl_.get(), static_cast<int>(done)) != SSL_ERROR_WANT_WRITE) return;
        pollfd p{fd_.get(), POLLOUT, 0};
        ::poll(&p, 1, 1000);
    }
}

std::string TestClient::read_bytes(std::size_t size, Milliseconds wait) {
    while (buffered_.size() < size) {
        std::array<std::uint8_t, 65536> space;
        const long got = read_some(space, wait);
        if (got <= 0) break;
        buffered_.insert(buffered_.end(), space.begin(), space.begin() + got);
    }
    size = std::min(size, buffered_.size());
    const std::string text{as_text(ByteView{buffered_}.first(size))};
    buffered_.erase(buffered_.begin(), buffered_.begin() + static_cast<long>(size));
    return text;
}

void TestClient::end_writing() {
    if (ssl_) ::SSL_shutdown(ssl_.get());
    ::shutdown(fd_.get(), SHUT_WR);
}

long TestClient::read_some(ByteSpan space, Milliseconds wait) {
    const auto deadline = std::chrono::steady_clock::now() + wait;
    while (!closed_) {
        const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
        const bool pending = ssl_ && ::SSL_pending(ssl_.get()) > 0;
        if (!pending && !wait_readable(fd_.get(), std::max(left, 0ms))) return -1;
        const long got = ssl_ ? ::SSL_read(ssl_.get(), space.data(), static_cast<int>(space.size()))
                              : ::recv(fd_.get(), space.data(), space.size(), 0);
        if (got > 0) return got;
        if (ssl_ && ::SSL_get_error(ssl_.get(), static_cast<int>(got)) == SSL_ERROR_WANT_READ) continue;
        closed_ = true;
    }
    return 0;
}

std::optional<Incoming> TestClient::next_frame(Milliseconds wait) {
    const auto deadline = std::chrono::steady_clock::now() + wait;
    for (;;) {
        const auto frame = stun::next_frame(buffered_, 70000);
        EXPECT_TRUE(frame) << "the server's stream is no TURN";
        if (!frame) return {};
        if (*frame) {
            Incoming incoming;
            incoming.bytes.assign(buffered_.begin(), buffered_.begin() + static_cast<long>((*frame)->size));
            buffered_.erase(buffered_.begin(), buffered_.begin() + static_cast<long>((*frame)->consumed));
            return incoming;
        }
        const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
        std::array<std::uint8_t, 16384> space;
        const long got = read_some(space, std::max(left, 0ms));
        if (got <= 0) return {};
        buffered_.insert(buffered_.end(), space.begin(), space.begin() + got);
    }
}

std::optional<Incoming> TestClient::next(Milliseconds wait) {
    if (transport_ == Transport::Dtls) {
        Incoming incoming;
        incoming.bytes.resize(16'384);
        const long got = read_some(incoming.bytes, wait);
        if (got <= 0) return {};
        incoming.bytes.resize(static_cast<std::size_t>(got));
        return incoming;
    }
    if (!udp_) return next_frame(wait);
    auto received = udp_->receive(wait);
    if (!received) return {};
    Incoming incoming;
    incoming.bytes = received->bytes;
    incoming.datagram = std::move(*received);
    return incoming;
}

std::optional<Incoming> TestClient::receive(Milliseconds wait) {
    if (!waiting_.empty()) {
        Incoming first = std::move(waiting_.front());
        waiting_.erase(waiting_.begin());
        return first;
    }
    return next(wait);
}

bool TestClient::closed_by_server(Milliseconds wait) {
    const auto deadline = std::chrono::steady_clock::now() + wait;
    while (!closed_) {
        const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
        std::array<std::uint8_t, 4096> space;
        const long got = read_some(space, std::max(left, 0ms));
        if (got < 0) return false;
        if (got > 0) buffered_.insert(buffered_.end(), space.begin(), space.begin() + got);
    }
    return true;
}

std::optional<Incoming> TestClient::request(Method method, const std::function<void(stun::MessageBuilder&)>& attributes) {
    const bool datagrams = !is_stream(transport_);
    for (int attempt = 0; attempt < 3; ++attempt) {
        std::array<std::uint8_t, 12> id{};
        store_u16(id, 0, local_.port);
        store_u64(id, 4, next_transaction());
        std::array<std::uint8_t, 2048> space{};
        stun::MessageBuilder builder{space, Class::Request, method, id};
        if (attributes) attributes(builder);
        if (!nonce_.empty()) {
            builder.text(Attribute::Username, username).text(Attribute::Realm, realm_).text(Attribute::Nonce, nonce_);
            builder.message_integrity(stun::long_term_key_md5(username, realm_, password));
        }
        Bytes message{builder.bytes().begin(), builder.bytes().end()};
        if (!nonce_.empty()) message.insert(message.end(), behind.begin(), behind.end());

        std::optional<Incoming> answer;
        for (int sent = 0; sent < (datagrams ? 5 : 1) && !answer; ++sent) {
            send_raw(message);
            const auto deadline = std::chrono::steady_clock::now() + (datagrams ? 1000ms : 5000ms);
            while (!answer) {
                const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
                auto incoming = next(std::max(left, 0ms));
                if (!incoming) break;
                const auto view = stun::MessageView::parse(incoming->bytes);
                const bool ours = !incoming->is_channel_data() && view && std::ranges::equal(view->transaction_id(), id);
                if (ours) answer = std::move(incoming);
                else if (incoming->is_channel_data() || incoming->is(Class::Indication, Method::Data) ||
                         incoming->is(Class::Indication, Method::ConnectionAttempt) || !behind.empty()) {
                    waiting_.push_back(std::move(*incoming));
                }
            }
        }
        if (!answer) return {};
        last_error_ = answer->error();
        const bool again = last_error_ == 438 || (last_error_ == 401 && nonce_.empty());
        if (!again) return answer;
        const auto view = stun::MessageView::parse(answer->bytes);
        nonce_ = as_text(view->find(Attribute::Nonce).value_or(ByteView{}));
        realm_ = as_text(view->find(Attribute::Realm).value_or(ByteView{}));
    }
    return {};
}

void TestClient::change_port() {
    // The old socket lives on until the new one has its port, so that it is another.
    auto fresh = std::make_unique<UdpEnd>(local_.address.to_string());
    udp_ = std::move(fresh);
    local_ = udp_->local();
}

std::optional<Endpoint> TestClient::allocate(std::optional<Family> family, std::uint32_t lifetime) {
    const auto answer = request(Method::Allocate, [&](stun::MessageBuilder& b) {
        b.u8(Attribute::RequestedTransport, stun::kProtocolUdp).u32(Attribute::Lifetime, lifetime);
        if (family) b.u8(Attribute::RequestedAddressFamily, static_cast<std::uint8_t>(*family));
    });
    if (!answer || answer->error() != 0) return {};
    return answer->address(Attribute::XorRelayedAddress);
}

std::optional<Endpoint> TestClient::allocate_tcp() {
    const auto answer = request(Method::Allocate, [](stun::MessageBuilder& b) { b.u8(Attribute::RequestedTransport, stun::kProtocolTcp); });
    if (!answer || answer->error() != 0) return {};
    return answer->address(Attribute::XorRelayedAddress);
}

std::optional<std::uint32_t> TestClient::connect(const Endpoint& peer) {
    const auto answer = request(Method::Connect, [&](stun::MessageBuilder& b) { b.xor_address(Attribute::XorPeerAddress, peer); });
    if (!answer || answer->error() != 0) return {};
    return answer->u32(Attribute::ConnectionId);
}

bool TestClient::bind_connection(std::uint32_t id) {
    const auto answer = request(Method::ConnectionBind, [&](stun::MessageBuilder& b) { b.u32(Attribute::ConnectionId, id); });
    return answer && answer->error() == 0;
}

bool TestClient::permit(const Endpoint& peer) {
    const auto answer = request(Method::CreatePermission, [&](stun::MessageBuilder& b) { b.xor_address(Attribute::XorPeerAddress, peer); });
    return answer && answer->error() == 0;
}

bool TestClient::bind_channel(std::uint16_t number, const Endpoint& peer) {
    const auto answer = request(Method::ChannelBind, [&](stun::MessageBuilder& b) {
        b.u16(Attribute::ChannelNumber, number).xor_address(Attribute::XorPeerAddress, peer);
    });
    return answer && answer->error() == 0;
}

std::optional<std::uint32_t> TestClient::refresh(std::uint32_t lifetime) {
    const auto answer = request(Method::Refresh, [&](stun::MessageBuilder& b) { b.u32(Attribute::Lifetime, lifetime); });
    if (!answer || answer->error() != 0) return {};
    return answer->u32(Attribute::Lifetime);
}

void TestClient::send_channel(std::uint16_t number, std::string_view data) {
    Bytes message(4 + data.size());
    store_u16(message, 0, number);
    store_u16(message, 2, static_cast<std::uint16_t>(data.size()));
    std::copy(data.begin(), data.end(), message.begin() + 4);
    if (is_stream(transport_)) message.resize((message.size() + 3) & ~std::size_t{3});
    send_raw(message);
}

void TestClient::send_indication(const Endpoint& peer, std::string_view data, bool dont_fragment) {
    std::array<std::uint8_t, 12> id{};
    store_u64(id, 4, next_transaction());
    Bytes space(data.size() + 100);
    stun::MessageBuilder builder{space, Class::Indication, Method::Send, id};
    builder.xor_address(Attribute::XorPeerAddress, peer);
    if (dont_fragment) builder.flag(Attribute::DontFragment);
    builder.text(Attribute::Data, data);
    send_raw(builder.bytes());
}

}  // namespace turnpike::net::testing
