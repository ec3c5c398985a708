#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "tests/support/turn_node.hpp"

/// Clients, peers, an operator and the clock doing anything in any order to a node of two workers, next
/// to a model that was written from RFC 8656 alone. Where the two differ, a std::logic_error says so.
namespace turnpike::test {

/// Where the next step comes from: a seeded generator, or a fuzzer's bytes.
class Choices {
public:
    /// A number in [0, bound).
    virtual std::uint32_t below(std::uint32_t bound) = 0;
    virtual bool done() const = 0;

protected:
    ~Choices() = default;
};

class SessionSequence {
public:
    explicit SessionSequence(Choices& choices) : choices_(choices) {
        NodeOptions options;
        options.config.allocations_per_subject = kQuota;
        options.config.permissions_max = 4;
        options.config.channels_max = 3;
        options.config.unauthenticated_per_second = options.config.unauthenticated_network_per_second = 0;
        options.config.lifetime_max = 1200s;
        options.config.max_session = 3000s;
        options.config.mobility = options.config.nat_rebinding = true;
        shared_ = std::make_shared<SharedState>(options);
        for (std::uint64_t i = 0; i < kWorkers; ++i) {
            options.seed = i + 1;
            workers_.push_back(std::make_unique<TurnNode>(options, shared_));
        }
        for (std::size_t i = 0; i < kClients; ++i) {
            const Transport transport = i % 3 == 2 ? Transport::Tcp : Transport::Udp;
            clients_.push_back({std::make_unique<TurnClient>(*workers_[i % kWorkers], kClientAddresses[i], transport),
                                i % kWorkers,
                                {}});
            clients_.back().turn->nonce.clear();
        }
    }

    void run() {
        while (!choices_.done()) step();
        // Everything that has a lifetime is over by now.
        for (int i = 0; i < 40; ++i) pass(100s);
        for (const auto& worker : workers_) {
            check(worker->server.allocations() == 0, "no allocation outlives its lifetime");
            check(worker->sockets.empty(), "no relay socket outlives its allocation");
            check(!worker->server.next_deadline(worker->now), "no deadline is left");
        }
        check(shared_->tickets.size() == 0 && shared_->nonces.size() == 0, "nothing names an allocation that is gone");
        check(shared_->reservations.size() == 0 && shared_->held.empty(), "no reservation outlives its time");
        check(shared_->quota.total() == 0, "no quota is left taken");
    }

private:
    static constexpr std::size_t kWorkers = 2, kClients = 6;
    static constexpr std::uint32_t kQuota = 3;
    static constexpr std::array<std::string_view, kClients> kClientAddresses = {
        "192.0.2.1:1001", "192.0.2.2:1002", "192.0.2.3:1003", "[2001:db8::11]:1004", "192.0.2.5:1005", "192.0.2.6:1006"};
    static constexpr std::array<std::string_view, 2> kUsers = {"alice", "bob"}, kPasswords = {"wonderland", "builder"};
    struct Peer {
        std::string_view endpoint;
        bool allowed;
    };
    static constexpr std::array<Peer, 9> kPeers = {{{"93.184.216.34:5000", true},
                                                    {"93.184.216.34:5001", true},
                                                    {"93.184.216.35:5000", true},
                                                    {"8.8.8.8:443", true},
                                                    {"[2a00:1450::1]:5000", true},
                                                    {"[2a00:1450::2]:5000", true},
                                                    {"127.0.0.1:5000", false},
                                                    {"169.254.169.254:443", false},
                                                    {"[::ffff:8.8.8.8]:5000", false}}};

    struct Model {
        struct Bound {
            Endpoint peer;
            Instant until;
        };
        std::string user;
        std::set<Family> families;
        Instant opened, expires;
        std::map<IpAddress, Instant> permissions;
        std::map<std::uint16_t, Bound> channels;
        stun::TransactionId transaction{};
        Bytes ticket;  // empty: it has none
    };
    struct Client {
        std::unique_ptr<TurnClient> turn;
        std::size_t worker;
        std::optional<Model> model;
    };

    // The port after an even one, until its token is shown or its time is over.
    struct Reservation {
        Bytes token;
        std::string user;
        Endpoint next;  // external form
        Instant until;
    };

    void check(bool holds, const char* what) const {
        if (!holds) throw std::logic_error{std::string{what} + " (step " + std::to_string(steps_) + ")"};
    }
    Instant now() const { return workers_[0]->now; }
    TurnNode& node_of(const Client& client) { return *workers_[client.worker]; }
    const Peer& any_peer() { return kPeers[choices_.below(kPeers.size())]; }

    void step() {
        ++steps_;
        Client& client = clients_[choices_.below(kClients)];
        const std::size_t user = choices_.below(8) == 0 ? 1 : 0;
        client.turn->username = kUsers[user];
        client.turn->password = kPasswords[user];
        for (const auto& worker : workers_) worker->datagrams.clear();
        switch (choices_.below(16)) {
            case 0: allocate(client, false); break;
            case 1: choices_.below(2) == 0 ? reserve(client) : claim(client); break;
            case 2: allocate(client, true); break;
            case 3: refresh(client); break;
            case 4:
            case 5: permit(client); break;
            case 6:
            case 7: bind(client); break;
            case 8: choices_.below(2) == 0 ? indicate(client) : roam(client); break;
            case 9:
            case 10: channel_data(client); break;
            case 11: from_peer(client); break;
            case 12: pass(kSteps[choices_.below(kSteps.size())]); break;
            case 13: operate(client); break;
            case 14: move(client); break;
            case 15: garbage(client); break;
        }
        check_totals();
    }
    static constexpr std::array<Nanoseconds, 7> kSteps = {100ms, 1s, 10s, 100s, 299s + 900ms, 300s, 600s};

    // ---- steps ----

    void allocate(Client& client, bool fails) {
        TurnNode& node = node_of(client);
        const std::uint32_t family = choices_.below(4);  // say nothing, IPv4, IPv6, both
        const std::uint32_t lifetime = kLifetimes[choices_.below(kLifetimes.size())];
        const bool at_quota = used(client.turn->username) >= kQuota;
        const bool ticket = choices_.below(2) == 0;
        if (fails) node.open_error = core::OpenError::NoPorts;
        const auto answer = client.turn->allocate([&](auto& m) {
            m.u32(Attribute::Lifetime, lifetime);
            if (family == 1 || family == 2) m.u8(Attribute::RequestedAddressFamily, static_cast<std::uint8_t>(family));
            if (family == 3) m.u8(Attribute::AdditionalAddressFamily, 2);
            if (ticket) m.flag(Attribute::MobilityTicket);
        });
        node.open_error.reset();
        check(answer.has_value(), "Allocate is answered");
        const int expected = client.model ? 437 : at_quota ? 486 : fails ? 508 : 0;
        check(answer->code() == expected, "Allocate is answered as RFC 8656 §7.2 says");
        if (expected != 0) return;

        std::set<Family> families;
        if (family != 2) families.insert(Family::V4);
        if (family >= 2) families.insert(Family::V6);
        check(answer->relayed().size() == families.size(), "one relayed address per family");
        begin(client, std::move(families), lifetime);
        check(answer->has(Attribute::MobilityTicket) == ticket, "a ticket comes when asked for, and only then");
        if (ticket) client.model->ticket = ticket_of(*answer);
        check(Seconds{answer->lifetime()} == client.model->expires - now(), "LIFETIME is what is granted");
    }

    // EVEN-PORT with its R bit.
    void reserve(Client& client) {
        const bool at_quota = used(client.turn->username) + 2 > kQuota;
        const auto answer = client.turn->allocate([](auto& m) { m.bytes(Attribute::EvenPort, Bytes{0x80}); });
        check(answer.has_value(), "Allocate is answered");
        const int expected = client.model ? 437 : at_quota ? 486 : 0;
        check(answer->code() == expected, "EVEN-PORT is answered as RFC 8656 §7.2 says");
        if (expected != 0) return;
        const Endpoint even = answer->relayed().at(0);
        check(even.port % 2 == 0, "EVEN-PORT gives an even port");
        const ByteView token = answer->view().find(Attribute::ReservationToken).value();
        reservations_.push_back({{token.begin(), token.end()}, client.turn->username,
                                 {even.address, static_cast<std::uint16_t>(even.port + 1)}, now() + 30s});
        begin(client, {Family::V4}, 0);
    }

    void claim(Client& client) {
        if (reservations_.empty()) return;
        const auto which = choices_.below(static_cast<std::uint32_t>(reservations_.size()));
        const Reservation reservation = reservations_[which];
        const auto answer = client.turn->allocate(
            [&](auto& m) { m.bytes(Attribute::ReservationToken, reservation.token); });
        check(answer.has_value(), "Allocate is answered");
        const int expected = client.model                                                           ? 437
                             : reservation.user == client.turn->username && now() < reservation.until ? 0
                                                                                                      : 508;
        check(answer->code() == expected, "RESERVATION-TOKEN is answered as RFC 8656 §7.2 says");
        if (expected != 0) return;
        check(answer->relayed().at(0) == reservation.next, "a token gets the port after the even one");
        reservations_.erase(reservations_.begin() + which);
        begin(client, {Family::V4}, 0);
    }

    void begin(Client& client, std::set<Family> families, std::uint32_t lifetime) {
        Model model;
        model.user = client.turn->username;
        model.families = std::move(families);
        model.opened = now();
        model.expires = now() + granted(lifetime, 0s);
        model.transaction = client.turn->transaction;
        client.model = model;
    }

    static Bytes ticket_of(const Answer& answer) {
        const ByteView ticket = answer.view().find(Attribute::MobilityTicket).value();
        return {ticket.begin(), ticket.end()};
    }

    // RFC 8016: on the 5-tuple of another client, which has none of its own then.
    void roam(Client& client) {
        Client& other = clients_[choices_.below(kClients)];
        if (&other == &client || !client.model || client.model->ticket.empty()) return;
        other.turn->username = client.turn->username;
        other.turn->password = client.turn->password;
        const auto answer = other.turn->request(Method::Refresh, [&](auto& m) {
            m.bytes(Attribute::MobilityTicket, client.model->ticket).u32(Attribute::Lifetime, 900);
        });
        check(answer.has_value(), "Refresh is answered");
        // On a 5-tuple in use the ticket is not that allocation's.
        const std::string& owner = other.model ? other.model->user : client.model->user;
        const int expected = owner != other.turn->username ? 441 : other.model ? 437 : 0;
        check(answer->code() == expected, "a ticket is answered as RFC 8016 §3.2 says");
        if (expected != 0) return;
        check(ticket_of(*answer) != client.model->ticket, "a ticket is good once");
        client.model->ticket = ticket_of(*answer);
        client.model->expires = now() + granted(900, now() - client.model->opened);

        // The client's data makes it so. One without a peer to send to gets one.
        TurnNode& node = node_of(other);
        const auto family = *client.model->families.begin();
        const Endpoint peer = at(family == Family::V4 ? "93.184.216.34:5000" : "[2a00:1450::1]:5000");
        const auto permitted_now = other.turn->permit({peer.to_string()});
        const bool heard = permitted_now->success();
        const auto path_of = [&] { return node.server.to_client(other.turn->relay(), peer, 1, now())->path->tuple; };
        if (heard) {
            client.model->permissions[peer.address] = now() + 300s;
            check(path_of() == client.turn->path.tuple, "peers' data goes to the old 5-tuple until then");
            other.turn->indicate(peer.to_string(), "here");
            check(path_of() == other.turn->path.tuple, "peers' data goes to the new 5-tuple from then on");
        } else {
            // No room for a permission: the old connection's end makes it so too.
            node.server.client_gone(client.turn->path.tuple, now(), node.out);
            node.run();
        }
        other.model = std::exchange(client.model, std::nullopt);
    }

    void refresh(Client& client) {
        const std::uint32_t lifetime = kLifetimes[choices_.below(kLifetimes.size())];
        const auto answer = client.turn->refresh(lifetime);
        check(answer.has_value(), "Refresh is answered");
        const int expected = expected_code(client);
        check(answer->code() == expected, "Refresh is answered as RFC 8656 §8.2 says");
        if (expected != 0) return;
        if (lifetime == 0) {
            client.model.reset();
            return;
        }
        client.model->expires = now() + granted(lifetime, now() - client.model->opened);
        check(Nanoseconds{Seconds{answer->lifetime()}} - (client.model->expires - now()) < 1s, "LIFETIME is what is granted");
    }

    void permit(Client& client) {
        std::vector<const Peer*> peers;
        for (std::uint32_t n = choices_.below(3) + 1; n > 0; --n) peers.push_back(&any_peer());
        const auto answer = client.turn->request(Method::CreatePermission, [&](auto& m) {
            for (const Peer* peer : peers) m.xor_address(Attribute::XorPeerAddress, at(peer->endpoint));
        });
        check(answer.has_value(), "CreatePermission is answered");
        int expected = expected_code(client);
        if (expected == 0) {
            std::set<IpAddress> after;
            for (const auto& [peer, until] : client.model->permissions) {
                if (now() < until) after.insert(peer);
            }
            for (const Peer* peer : peers) after.insert(at(peer->endpoint).address);
            const auto foreign = [&](const Peer* p) { return !has_family(client, p); };
            if (std::ranges::any_of(peers, foreign)) {
                expected = 443;
            } else if (std::ranges::any_of(peers, [](const Peer* p) { return !p->allowed; })) {
                expected = 403;
            } else if (after.size() > 4) {
                expected = 508;
            }
        }
        check(answer->code() == expected, "CreatePermission is answered as RFC 8656 §10.2 says");
        if (expected != 0) return;
        for (const Peer* peer : peers) client.model->permissions[at(peer->endpoint).address] = now() + 300s;
    }

    void bind(Client& client) {
        const std::uint16_t number = static_cast<std::uint16_t>(0x4000 + choices_.below(5));
        const Peer& peer = any_peer();
        const Endpoint endpoint = at(peer.endpoint);
        const auto answer = client.turn->bind(number, peer.endpoint);
        check(answer.has_value(), "ChannelBind is answered");
        int expected = expected_code(client);
        if (expected == 0) {
            std::size_t live = 0;
            bool conflict = false, bound = false;
            for (const auto& [other, channel] : client.model->channels) {
                if (channel.until <= now()) continue;
                ++live;
                conflict = conflict || (other == number) != (channel.peer == endpoint);
                bound = bound || other == number;
            }
            std::set<IpAddress> permitted{endpoint.address};
            for (const auto& [address, until] : client.model->permissions) {
                if (now() < until) permitted.insert(address);
            }
            if (conflict) {
                expected = 400;
            } else if (!has_family(client, &peer)) {
                expected = 443;
            } else if (!peer.allowed) {
                expected = 403;
            } else if ((!bound && live >= 3) || permitted.size() > 4) {
                expected = 508;
            }
        }
        check(answer->code() == expected, "ChannelBind is answered as RFC 8656 §12.2 says");
        if (expected != 0) return;
        // An expired binding of the peer to another number is replaced by this one.
        std::erase_if(client.model->channels, [&](const auto& item) { return item.second.peer == endpoint; });
        client.model->channels[number] = {endpoint, now() + 600s};
        client.model->permissions[endpoint.address] = now() + 300s;
    }

    void indicate(Client& client) {
        const Peer& peer = any_peer();
        TurnNode& node = node_of(client);
        const std::size_t answers = node.answers.size();
        client.turn->indicate(peer.endpoint, "data");
        check(node.answers.size() == answers, "an indication is never answered");
        const bool passes = permitted(client, at(peer.endpoint).address);
        check(!passes || peer.allowed, "a permission is only for allowed peers");
        check(node.datagrams.size() == (passes ? 1U : 0U), "Send passes with a permission, and only then");
        if (passes) check(node.datagrams[0].peer == at(peer.endpoint), "Send goes to its peer");
    }

    void channel_data(Client& client) {
        const std::uint16_t number = static_cast<std::uint16_t>(0x4000 + choices_.below(5));
        const auto to_peer = client.turn->channel_data(number);
        const bool passes = channel(client, number) && permitted(client, channel(client, number)->peer.address);
        check(to_peer.has_value() == passes, "ChannelData passes with channel and permission, and only then");
        if (passes) check(to_peer->peer == channel(client, number)->peer, "ChannelData goes to the channel's peer");
    }

    void from_peer(Client& client) {
        const Endpoint peer = at(any_peer().endpoint);
        if (!client.model) return;
        const core::RelayId relay = client.turn->relay();
        const auto to_client = node_of(client).server.to_client(relay, peer, 4, now());
        check(to_client.has_value() == permitted(client, peer.address), "a peer passes with a permission, and only then");
        if (!to_client) return;
        check(to_client->path->tuple == client.turn->path.tuple, "a peer's datagram goes to the right client");
        std::uint16_t expected = 0;
        for (const auto& [number, bound] : client.model->channels) {
            if (bound.peer == peer && now() < bound.until) expected = number;
        }
        check(to_client->channel.value() == expected, "a bound peer comes on its channel");
    }

    void pass(Nanoseconds by) {
        for (const auto& worker : workers_) worker->advance(by);
        for (Client& client : clients_) {
            if (client.model && client.model->expires <= now()) client.model.reset();
        }
        std::erase_if(reservations_, [&](const Reservation& one) { return one.until <= now(); });
    }

    void operate(Client& client) {
        TurnNode& node = node_of(client);
        const FiveTuple tuple = client.turn->path.tuple;
        switch (choices_.below(4)) {
            case 0: {
                const auto record = node.server.record(tuple, now());
                check(record.has_value() == client.model.has_value(), "record() finds what is live");
                if (record) node.server.kill(record->id, CloseReason::Killed, now(), node.out);
                node.run();
                client.model.reset();
                break;
            }
            case 1:
                for (const auto& worker : workers_) {
                    worker->server.kill_subject("turnpike", client.turn->username, CloseReason::Revoked, now(), worker->out);
                    worker->run();
                }
                for (Client& other : clients_) {
                    if (other.model && other.model->user == client.turn->username) other.model.reset();
                }
                break;
            case 2:
                node.server.client_gone(tuple, now(), node.out);
                node.run();
                // With a ticket it waits for its client.
                if (client.model && client.model->ticket.empty()) client.model.reset();
                break;
            case 3: retransmit_allocate(client); break;
        }
    }

    // The transaction that made the allocation, once more.
    void retransmit_allocate(Client& client) {
        if (!client.model) return;
        std::array<std::uint8_t, 512> space;
        TurnClient& turn = *client.turn;
        turn.refresh(UINT32_MAX - 1);  // freshens the nonce, if the user fits
        if (client.model->user == turn.username) {
            client.model->expires = now() + granted(UINT32_MAX, now() - client.model->opened);
        }
        stun::MessageBuilder message{space, Class::Request, Method::Allocate, client.model->transaction};
        TurnClient::transport_udp(message);
        message.text(Attribute::Username, turn.username).text(Attribute::Realm, turn.realm);
        message.text(Attribute::Nonce, turn.nonce).message_integrity(turn.key());
        const auto answer = turn.send(message.bytes());
        check(answer.has_value(), "a retransmission is answered");
        check(answer->code() == (client.model->user == turn.username ? 0 : 437), "a retransmission finds its answer");
    }

    // To the other worker, by way of a record's bytes.
    void move(Client& client) {
        TurnNode& from = node_of(client);
        TurnNode& to = *workers_[1 - client.worker];
        const auto released = from.server.release(client.turn->path.tuple, now());
        check(released.has_value() == client.model.has_value(), "release() finds what is live");
        client.worker = 1 - client.worker;
        auto turn = std::make_unique<TurnClient>(to, kClientAddresses[static_cast<std::size_t>(&client - clients_.data())],
                                                 client.turn->path.tuple.transport);
        turn->nonce = client.turn->nonce;
        turn->username = client.turn->username;
        turn->password = client.turn->password;
        turn->skip_transactions(steps_ * 100);
        client.turn = std::move(turn);
        if (!released) return;
        const auto record = core::AllocationRecord::decode(released->record.encode());
        check(record.has_value(), "a record is read back");
        const auto relays = to.server.adopt(*record, client.turn->path, now());
        check(relays && relays->size() == released->relays.size(), "a released allocation is adopted");
        for (std::size_t i = 0; i < relays->size(); ++i) {
            const auto socket = from.sockets.find(TurnNode::key(released->relays[i]));
            check(socket != from.sockets.end(), "a relay has its socket");
            to.sockets[TurnNode::key((*relays)[i])] = socket->second;
            to.asked.push_back({(*relays)[i], socket->second.address.family(), {}});
            from.sockets.erase(socket);
        }
        check(to.server.record(client.turn->path.tuple, now())->encode() == record->encode(), "moving changes nothing");
    }

    void garbage(Client& client) {
        TurnNode& node = node_of(client);
        const std::size_t answers = node.answers.size();
        const Method methods[] = {Method::Binding, Method::Allocate, Method::Refresh, Method::Data, Method::ChannelBind};
        const Method method = methods[choices_.below(5)];
        const auto message_class = static_cast<Class>(1 + choices_.below(3));
        Bytes bytes = client.turn->plain(method, TurnClient::transport_udp, message_class);
        client.turn->send(bytes);
        check(node.answers.size() == answers, "only requests are answered");
        bytes = client.turn->signed_request(Method::Refresh, [](auto& m) { m.u32(Attribute::Lifetime, 0); });
        bytes[20 + choices_.below(4)] ^= static_cast<std::uint8_t>(1 + choices_.below(255));  // the integrity no longer fits
        const auto answer = client.turn->send(bytes);
        check(!answer || answer->code() != 0, "what is not signed is never obeyed");
    }

    // ---- what the model says ----

    static constexpr std::array<std::uint32_t, 5> kLifetimes = {0, 1, 600, 900, UINT32_MAX};
    static Nanoseconds granted(std::uint32_t asked, Nanoseconds age) {
        const Seconds wanted{std::clamp<std::uint32_t>(asked, 600, 1200)};
        return std::min<Nanoseconds>(wanted, 3000s - age);
    }
    int expected_code(const Client& client) const {
        if (!client.model) return 437;
        return client.model->user == client.turn->username ? 0 : 441;
    }
    std::uint32_t used(std::string_view user) const {
        return static_cast<std::uint32_t>(
            std::ranges::count_if(clients_,
                                  [&](const Client& client) { return client.model && client.model->user == user; }) +
            std::ranges::count(reservations_, user, &Reservation::user));
    }
    static bool has_family(const Client& client, const Peer* peer) {
        return client.model->families.contains(at(peer->endpoint).address.family());
    }
    bool permitted(const Client& client, const IpAddress& peer) const {
        if (!client.model) return false;
        const auto found = client.model->permissions.find(peer);
        return found != client.model->permissions.end() && now() < found->second;
    }
    const Model::Bound* channel(const Client& client, std::uint16_t number) const {
        if (!client.model) return nullptr;
        const auto found = client.model->channels.find(number);
        if (found == client.model->channels.end() || found->second.until <= now()) return nullptr;
        return &found->second;
    }

    void check_totals() {
        std::size_t live = 0, sockets = 0;
        for (const Client& client : clients_) {
            if (!client.model) continue;
            ++live;
            sockets += client.model->families.size();
        }
        std::size_t allocations = 0, open = 0, begun = 0, ended = 0;
        for (const auto& worker : workers_) {
            allocations += worker->server.allocations();
            open += worker->sockets.size();
            begun += worker->begun_allocations.size();
            ended += worker->ended_allocations.size();
        }
        check(allocations == live, "the allocations are those of the model");
        check(open == sockets, "each relayed address has one socket");
        check(begun == live + ended, "each allocation that began ends once");
        check(shared_->quota.total() == live + reservations_.size(), "the quota is exact");
        check(shared_->held.size() == reservations_.size(), "each reservation holds its port");
        for (const std::string_view user : kUsers) {
            check(shared_->quota.of("turnpike", user) == used(user), "each subject's quota is exact");
        }
    }

    Choices& choices_;
    std::shared_ptr<SharedState> shared_;
    std::vector<std::unique_ptr<TurnNode>> workers_;
    std::vector<Client> clients_;
    std::vector<Reservation> reservations_;
    std::uint64_t steps_ = 0;
};

}  // namespace turnpike::test
