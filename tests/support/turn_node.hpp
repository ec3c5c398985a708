#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/hash.hpp"
#include "turn/core/long_term_keys.hpp"
#include "turn/core/server.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

/// A TURN server's core without a network: time, ports and chance are the test's own.
namespace turnpike::test {

using core::CloseReason;
using stun::Attribute;
using stun::Class;
using stun::ErrorCode;
using stun::Method;

inline Endpoint at(std::string_view text) { return Endpoint::parse(text).value(); }
inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
inline Cidr cidr(std::string_view text) { return Cidr::parse(text).value(); }

/// The same "random" bytes in every run.
class ScriptedRandom final : public Random {
public:
    explicit ScriptedRandom(std::uint64_t seed = 1) : seed_(seed) {}
    void fill_public(ByteSpan out) noexcept override { fill(out); }
    void fill_secret(ByteSpan out) noexcept override { fill(out); }

private:
    void fill(ByteSpan out) noexcept {
        for (std::uint8_t& byte : out) {
            std::array<std::uint8_t, 8> raw{};
            store_u64(raw, 0, ++count_);
            byte = static_cast<std::uint8_t>(keyed_hash(seed_, 0, raw));
        }
    }
    std::uint64_t seed_, count_ = 0;
};

/// One STUN message that left the core.
struct Answer {
    core::Path path;
    Bytes bytes;

    stun::MessageView view() const { return stun::MessageView::parse(bytes).value(); }
    bool success() const { return view().message_class() == Class::Success; }
    /// The error's code; 0 for a success.
    int code() const {
        const auto value = view().find(Attribute::ErrorCode);
        return value ? stun::decode_error(*value).value().code : 0;
    }
    bool has(Attribute type) const { return view().has(type); }
    std::string text(Attribute type) const { return std::string{as_text(view().find(type).value())}; }
    std::uint32_t lifetime() const { return stun::decode_lifetime(view().find(Attribute::Lifetime).value()).value(); }
    Endpoint address(Attribute type) const {
        return stun::decode_xor_address(view().find(type).value(), view().transaction_id()).value();
    }
    std::vector<Endpoint> relayed() const {
        std::vector<Endpoint> all;
        view().for_each([&](std::uint16_t type, ByteView value) {
            if (type != static_cast<std::uint16_t>(Attribute::XorRelayedAddress)) return;
            all.push_back(stun::decode_xor_address(value, view().transaction_id()).value());
        });
        return all;
    }
};

struct Datagram {
    core::RelayId relay;
    Endpoint peer;
    Bytes payload;
    bool dont_fragment = false;
};

/// What a node is made of, with defaults that fit most tests.
struct NodeOptions {
    NodeOptions() {
        config.listeners = {{"turnpike", Transport::Udp}, {"other.example", Transport::Tcp}};
        config.relay_v6 = true;
        config.nonce_key = Secret{std::string_view{"0123456789abcdef0123456789abcdef"}};
        users = {{"alice", Secret{std::string_view{"wonderland"}}}, {"bob", Secret{std::string_view{"builder"}}}};
        relays = {{ip("10.0.0.5"), ip("203.0.113.7")}, {ip("2001:db8::5"), ip("2001:db8::5")}};
    }
    core::Config config;
    std::vector<core::StaticUser> users;
    std::vector<crypto::RestSecret> secrets;
    std::optional<core::ThirdParty> third_party;
    crypto::Capability cap;
    core::PeerPolicy::Rules rules;
    std::vector<core::RelayDirectory::Address> relays;
    std::uint64_t seed = 1;
};

/// What the workers of a node share.
struct SharedState {
    explicit SharedState(const NodeOptions& options)
        : relays(options.relays), random(options.seed), strangers(options.config, random) {}
    core::RelayDirectory relays;
    core::AllocationQuota quota;
    core::Revocations revocations;
    std::atomic<std::uint64_t> next_id{1};
    core::Reservations reservations;
    core::Owners tickets, nonces;
    ScriptedRandom random;
    core::StrangerLimits strangers;
    std::vector<class TurnNode*> workers;
    std::uint16_t next_port = 50'000;
    std::set<Endpoint> held;  // ports after even ones, local form
};

class TurnNode {
public:
    explicit TurnNode(NodeOptions with = {}) : TurnNode(std::move(with), nullptr) {}
    /// A second worker of `node`.
    TurnNode(NodeOptions with, std::shared_ptr<SharedState> same)
        : options(std::move(with)),
          shared(same ? std::move(same) : std::make_shared<SharedState>(options)),
          random(options.seed),
          server(options.config, chain(), policy(options.rules),
                 {shared->relays, shared->quota, shared->revocations, shared->next_id, shared->reservations,
                  shared->strangers, shared->tickets, shared->nonces, static_cast<unsigned>(shared->workers.size())},
                 random) {
        shared->workers.push_back(this);
    }

    ~TurnNode() { std::ranges::replace(shared->workers, this, static_cast<TurnNode*>(nullptr)); }
    TurnNode(const TurnNode&) = delete;
    TurnNode& operator=(const TurnNode&) = delete;

    std::shared_ptr<const core::CredentialSource> chain() const {
        std::vector<std::string> realms;
        for (const auto& listener : options.config.listeners) realms.push_back(listener.realm);
        return std::make_shared<core::CredentialChain>(options.users, options.secrets, options.cap, std::move(realms),
                                                       options.third_party);
    }
    std::shared_ptr<const core::PeerPolicy> policy(core::PeerPolicy::Rules rules) const {
        return std::make_shared<core::PeerPolicy>(std::move(rules), shared->relays);
    }

    /// A datagram or frame from a client; STUN only.
    void receive(const core::Path& path, ByteView bytes) {
        const auto message = stun::MessageView::parse(bytes);
        if (!message) return;
        server.on_message(path, *message, now, wall, out);
        run();
    }
    void advance(Nanoseconds by) {
        now += by;
        wall += std::chrono::duration_cast<Milliseconds>(by);
        server.advance(now, wall, out);
        run();
    }
    /// Moves the clocks without telling the server.
    void pass(Nanoseconds by) {
        now += by;
        wall += std::chrono::duration_cast<Milliseconds>(by);
    }

    /// Does what the driver would, and keeps what went out.
    void run() {
        for (std::size_t i = 0; i < out.actions().size(); ++i) {
            const core::Action action = out.actions()[i];
            if (const auto* send = std::get_if<core::SendToClient>(&action)) {
                const ByteView bytes = out.bytes(send->message);
                answers.push_back({send->path, {bytes.begin(), bytes.end()}});
            } else if (const auto* datagram = std::get_if<core::SendToPeer>(&action)) {
                datagrams.push_back({datagram->relay, datagram->peer,
                                     {datagram->payload.begin(), datagram->payload.end()},
                                     datagram->dont_fragment});
            } else if (const auto* open = std::get_if<core::OpenRelay>(&action)) {
                asked.push_back(*open);
                if (opens) opened(*open);
            } else if (const auto* close = std::get_if<core::CloseRelay>(&action)) {
                closed_relays.push_back(close->relay);
                closed_with_next += close->with_next ? 1 : 0;
                const auto found = sockets.find(key(close->relay));
                if (found == sockets.end()) continue;
                shared->relays.set_ended(found->second);
                sockets.erase(found);
            } else if (const auto* end = std::get_if<core::EndReservation>(&action)) {
                ended_reservations.push_back(end->local);
                shared->held.erase(end->local);
            } else if (const auto* wanted = std::get_if<core::FetchAllocation>(&action)) {
                const ByteView bytes = out.bytes(wanted->message);
                fetches.push_back({*wanted, {bytes.begin(), bytes.end()}});
            } else if (const auto* moved = std::get_if<core::ClientMoved>(&action)) {
                moved_clients.push_back(*moved);
            } else if (const auto* connect = std::get_if<core::OpenConnection>(&action)) {
                connects.push_back(*connect);
            } else if (const auto* gone = std::get_if<core::CloseConnection>(&action)) {
                closed_connections.push_back(gone->id);
            } else if (const auto* bind = std::get_if<core::BindConnection>(&action)) {
                bound_connections.push_back(*bind);
            } else if (const auto* pass = std::get_if<core::PassOn>(&action)) {
                const ByteView bytes = out.bytes(pass->request);
                passed_on.push_back({*pass, {bytes.begin(), bytes.end()}});
            } else if (const auto* close_client = std::get_if<core::CloseClient>(&action)) {
                closed_clients.push_back(close_client->path);
            } else if (const auto* begun = std::get_if<core::AllocationOpened>(&action)) {
                begun_allocations.push_back(*begun);
            } else if (const auto* ended = std::get_if<core::AllocationClosed>(&action)) {
                ended_allocations.push_back(*ended);
            }
        }
        out.clear();
        for (const Fetch& fetch : std::exchange(fetches, {})) {
            const bool came = take_from(*shared->workers.at(fetch.action.worker), fetch);
            server.on_message(fetch.action.path, stun::MessageView::parse(fetch.message).value(), now, wall, out, came);
            run();
        }
    }
    /// What the driver does for FetchAllocation: the allocation with its sockets, from another worker.
    struct Fetch {
        core::FetchAllocation action;
        Bytes message;
    };
    bool take_from(TurnNode& owner, const Fetch& fetch) {
        const FiveTuple& tuple = fetch.action.tuple;
        if (!owner.server.signed_by_owner(tuple, stun::MessageView::parse(fetch.message).value())) return false;
        const auto released = owner.server.release(tuple, owner.now);
        if (!released) return false;
        const auto record = core::AllocationRecord::decode(released->record.encode()).value();
        core::Path path;
        path.tuple = record.tuple;
        path.listener = record.listener;
        const auto relays = server.adopt(record, path, now).value();
        for (std::size_t i = 0; i < relays.size(); ++i) {
            const auto socket = owner.sockets.find(key(released->relays[i]));
            sockets[key(relays[i])] = socket->second;
            asked.push_back({relays[i], socket->second.address.family(), {}});
            owner.sockets.erase(socket);
        }
        return true;
    }
    /// Binds what OpenRelay asks for, or fails the way `open_error` says.
    void opened(const core::OpenRelay& open) {
        if (open_error) {
            server.relay_opened(open.relay, std::unexpected{*open_error}, now, wall, out);
            return;
        }
        Endpoint local = open.exact.value_or(Endpoint{});
        for (const auto& address : shared->relays.addresses()) {
            if (open.exact || address.local.family() != open.family) continue;
            if (open.even && shared->next_port % 2 != 0) ++shared->next_port;
            local = {address.local, shared->next_port++};
            if (open.reserve_next) shared->held.insert({address.local, shared->next_port++});
            break;
        }
        if (open.reserved) shared->held.erase(local);
        sockets[key(open.relay)] = local;
        const auto worker = std::ranges::find(shared->workers, this) - shared->workers.begin();
        shared->relays.set_live(local, core::RelayHome{static_cast<unsigned>(worker), open.relay}, open.protocol);
        server.relay_opened(open.relay, local, now, wall, out);
    }
    static std::uint64_t key(core::RelayId relay) {
        return (std::uint64_t{relay.generation} << 32) | relay.slot;
    }

    NodeOptions options;
    std::shared_ptr<SharedState> shared;
    ScriptedRandom random;
    core::Server server;
    core::Outbox out;
    Instant now{1000s};
    WallTime wall = from_unix_seconds(1'700'000'000);
    bool opens = true;
    std::optional<core::OpenError> open_error;

    std::vector<Answer> answers;
    std::vector<Datagram> datagrams;
    std::vector<core::OpenRelay> asked;
    std::vector<core::RelayId> closed_relays;
    std::vector<core::Path> closed_clients;
    std::vector<Endpoint> ended_reservations;
    std::vector<Fetch> fetches;
    std::vector<core::ClientMoved> moved_clients;
    std::size_t closed_with_next = 0;
    std::vector<core::OpenConnection> connects;
    std::vector<core::ConnectionId> closed_connections;
    std::vector<core::BindConnection> bound_connections;
    std::vector<std::pair<core::PassOn, Bytes>> passed_on;
    std::vector<core::AllocationOpened> begun_allocations;
    std::vector<core::AllocationClosed> ended_allocations;
    std::map<std::uint64_t, Endpoint> sockets;  // open relay sockets, local form
};

using Fill = std::function<void(stun::MessageBuilder&)>;

/// A client of a TurnNode on one 5-tuple.
class TurnClient {
public:
    explicit TurnClient(TurnNode& on, std::string_view address = "192.0.2.1:40000",
                        Transport transport = Transport::Udp)
        : node(on) {
        path.tuple.client = at(address);
        path.tuple.server = path.tuple.client.address.is_v4() ? at("192.0.2.100:3478") : at("[2001:db8::64]:3478");
        path.tuple.transport = transport;
        path.link = 7;
    }

    /// Sends raw bytes; the last answer that came back, if one did.
    std::optional<Answer> send(ByteView bytes) {
        const std::size_t before = node.answers.size();
        node.receive(path, bytes);
        if (node.answers.size() == before) return {};
        return node.answers.back();
    }

    /// A request without credentials.
    Bytes plain(Method method, const Fill& fill = {}, Class message_class = Class::Request) {
        return build(method, message_class, fill, [](stun::MessageBuilder&) {});
    }
    /// A request signed with what the client has: username (or its hash), realm, nonce, password. With an
    /// algorithm it answers the offer and signs with MESSAGE-INTEGRITY-SHA256.
    Bytes signed_request(Method method, const Fill& fill = {}) {
        return build(method, Class::Request, fill, [&](stun::MessageBuilder& message) {
            if (anonymous) {
                message.bytes(Attribute::Userhash, stun::userhash(username, realm));
            } else {
                message.text(Attribute::Username, username);
            }
            message.text(Attribute::Realm, realm).text(Attribute::Nonce, nonce);
            if (algorithm) {
                message.bytes(Attribute::PasswordAlgorithms, offered).password_algorithm(*algorithm);
                message.message_integrity_sha256(key_of(*algorithm));
            } else {
                message.message_integrity(key());
            }
            if (fingerprint) message.fingerprint();
        });
    }
    crypto::Md5 key() const { return stun::long_term_key_md5(username, realm, password); }
    Bytes key_of(stun::PasswordAlgorithm which) const {
        const core::LongTermKeys keys = core::LongTermKeys::of_password(username, realm, password);
        const ByteView one = keys.of(which).reveal();
        return {one.begin(), one.end()};
    }

    /// A signed request, once more with the new nonce where the first is refused for it.
    std::optional<Answer> request(Method method, const Fill& fill = {}) {
        if (nonce.empty()) learn(send(plain(Method::Allocate, transport_udp)));
        auto answer = send(signed_request(method, fill));
        if (answer && answer->code() == 438) {
            learn(answer);
            answer = send(signed_request(method, fill));
        }
        return answer;
    }
    void learn(const std::optional<Answer>& challenge) {
        nonce = challenge.value().text(Attribute::Nonce);
        realm = challenge->text(Attribute::Realm);
        const stun::MessageView view = challenge->view();
        const ByteView list = view.find(Attribute::PasswordAlgorithms).value_or(ByteView{});
        offered.assign(list.begin(), list.end());
    }

    std::optional<Answer> allocate(const Fill& more = {}) {
        return request(Method::Allocate, [&](stun::MessageBuilder& message) {
            transport_udp(message);
            if (more) more(message);
        });
    }
    std::optional<Answer> refresh(std::optional<std::uint32_t> lifetime = {}) {
        return request(Method::Refresh, [&](stun::MessageBuilder& message) {
            if (lifetime) message.u32(Attribute::Lifetime, *lifetime);
        });
    }
    std::optional<Answer> permit(std::initializer_list<std::string_view> peers) {
        return request(Method::CreatePermission, [&](stun::MessageBuilder& message) {
            for (const std::string_view peer : peers) message.xor_address(Attribute::XorPeerAddress, at(peer));
        });
    }
    std::optional<Answer> bind(std::uint16_t number, std::string_view peer) { return bind(number, at(peer)); }
    std::optional<Answer> bind(std::uint16_t number, const Endpoint& peer) {
        return request(Method::ChannelBind, [&](stun::MessageBuilder& message) {
            message.u16(Attribute::ChannelNumber, number).xor_address(Attribute::XorPeerAddress, peer);
        });
    }
    void indicate(std::string_view peer, std::string_view data, const Fill& more = {}) {
        send(plain(
            Method::Send,
            [&](stun::MessageBuilder& message) {
                message.xor_address(Attribute::XorPeerAddress, at(peer)).text(Attribute::Data, data);
                if (more) more(message);
            },
            Class::Indication));
    }
    std::optional<core::ToPeer> channel_data(std::uint16_t number, std::string_view data = "media") {
        const auto to = node.server.to_peer(path.tuple, stun::ChannelDataView{number, as_bytes(data)}, node.now);
        if (to && to->arrived) {
            node.server.client_arrived(path.tuple, node.out);
            node.run();
        }
        return to;
    }
    /// The relay id behind the client's allocation.
    core::RelayId relay(std::size_t index = 0) const {
        std::size_t seen = 0;
        for (const auto& open : node.asked) {
            const auto found = node.sockets.find(TurnNode::key(open.relay));
            if (found == node.sockets.end() || !owner_is_me(found->second)) continue;
            if (seen++ == index) return open.relay;
        }
        return {};
    }
    std::optional<core::ToClient> from_peer(std::string_view peer, std::size_t size = 5, std::size_t index = 0) {
        return node.server.to_client(relay(index), at(peer), size, node.now);
    }

    /// Another object for the same client must not repeat its transaction ids.
    void skip_transactions(std::uint64_t count) { count_ += count; }

    static void transport_udp(stun::MessageBuilder& message) {
        message.u8(Attribute::RequestedTransport, stun::kProtocolUdp);
    }

    TurnNode& node;
    core::Path path;
    std::string username = "alice", password = "wonderland", realm = "turnpike", nonce;
    std::optional<stun::PasswordAlgorithm> algorithm;  // nothing: as before RFC 8489
    Bytes offered;                                     // PASSWORD-ALGORITHMS of the last challenge
    bool anonymous = false, fingerprint = false;
    stun::TransactionId transaction{};  // of the last request

private:
    template <typename Close>
    Bytes build(Method method, Class message_class, const Fill& fill, Close&& close) {
        store_u64(transaction, 4, ++count_);
        store_u16(transaction, 0, path.tuple.client.port);
        std::array<std::uint8_t, 4096> space;
        stun::MessageBuilder message{space, message_class, method, transaction};
        if (fill) fill(message);
        close(message);
        const ByteView bytes = message.bytes();
        return {bytes.begin(), bytes.end()};
    }
    bool owner_is_me(const Endpoint& local) const {
        const auto record = node.server.record(path.tuple, node.now);
        if (!record) return false;
        for (const Endpoint& relayed : record->relayed) {
            if (relayed == local) return true;
        }
        return false;
    }
    std::uint64_t count_ = 0;
};

}  // namespace turnpike::test
