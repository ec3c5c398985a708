#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "benchmarks/load/bare_fleet.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/socket.hpp"
#include "benchmarks/load/target.hpp"
#include "benchmarks/load/target_flags.hpp"

namespace turnpike::bench {
namespace {

constexpr std::size_t kBatch = 64, kSlot = 2048, kChannelHeader = 4, kHeaders = 20 + 8;
constexpr int kBatchesPerWake = 4, kWaitMs = 100;
constexpr int kBufferBytes = 8 << 20;

struct ForwardFlags {
    std::string server, relayed, clients, peers, layout = "sockets";
    std::uint32_t members = 100;
    bool owned = false;
};

sockaddr_in name_of(const Endpoint& endpoint) noexcept {
    sockaddr_storage any{};
    endpoint.to(any);
    sockaddr_in name;
    std::memcpy(&name, &any, sizeof name);
    return name;
}

std::expected<Socket, std::string> open_socket(int type, int protocol, const Endpoint& local) {
    Socket socket{::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)};
    const sockaddr_in name = name_of(local);
    if (socket.descriptor() < 0 ||
        ::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        return std::unexpected(fmt::format("{}: {}", local.to_string(), error_text(errno)));
    }
    for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE})
        ::setsockopt(socket.descriptor(), SOL_SOCKET, option, &kBufferBytes, sizeof kBufferBytes);
    return socket;
}

/// What a relay cannot do without: receive in batches, tell from the address where a datagram goes, send in batches.
/// No TURN, no permissions, no header fields, no checksums.
class Forwarder {
public:
    static std::expected<std::unique_ptr<Forwarder>, std::string> open(const BareFleet& fleet) {
        auto made = std::unique_ptr<Forwarder>{new Forwarder{fleet}};
        if (auto opened = made->open_sockets(); !opened) return std::unexpected(opened.error());
        return made;
    }

    void run(const volatile std::sig_atomic_t& stop) {
        std::array<epoll_event, kBatch> events;
        while (stop == 0) {
            const int ready = ::epoll_wait(poller_.descriptor(), events.data(), static_cast<int>(events.size()), kWaitMs);
            for (int i = 0; i < ready; ++i) {
                const std::uint64_t which = events[static_cast<std::size_t>(i)].data.u64;
                if (which == 0) from_clients();
                else from_peers(relays_[which - 1].descriptor());
            }
        }
    }

private:
    struct Batch {
        std::array<mmsghdr, kBatch> messages{};
        std::array<iovec, kBatch> payloads{};
        std::array<sockaddr_in, kBatch> names{};
        std::array<std::array<std::uint8_t, kSlot>, kBatch> slots;
    };
    struct Sends {
        std::array<mmsghdr, kBatch> messages{};
        std::array<std::array<iovec, 2>, kBatch> parts{};
        std::array<sockaddr_in, kBatch> names{};
        std::array<std::array<std::uint8_t, kHeaders + kChannelHeader>, kBatch> headers{};
        std::size_t size = 0;
    };

    explicit Forwarder(const BareFleet& fleet) : fleet_(fleet) {}

    std::expected<void, std::string> open_sockets() {
        const bool raw = fleet_.layout == Layout::Range;
        poller_ = Socket{::epoll_create1(EPOLL_CLOEXEC)};
        const auto add = [&](std::expected<Socket, std::string> socket, Socket& to, std::optional<std::uint64_t> which)
            -> std::expected<void, std::string> {
            if (!socket) return std::unexpected(socket.error());
            to = std::move(*socket);
            epoll_event event{.events = EPOLLIN, .data = {.u64 = which.value_or(0)}};
            if (which && ::epoll_ctl(poller_.descriptor(), EPOLL_CTL_ADD, to.descriptor(), &event) != 0)
                return std::unexpected(error_text(errno));
            return {};
        };
        if (auto ok = add(open_socket(SOCK_DGRAM, 0, fleet_.server), listener_, 0); !ok) return ok;
        const std::uint32_t sockets = raw ? 1 : fleet_.members;
        relays_.resize(sockets);
        for (std::uint32_t i = 0; i < sockets; ++i) {
            if (auto ok = add(open_socket(SOCK_DGRAM, 0, fleet_.relayed_of(i)), relays_[i], i + 1); !ok) return ok;
        }
        if (!raw) return {};
        if (auto ok = add(open_socket(SOCK_RAW, IPPROTO_RAW, {fleet_.relayed, 0}), to_peers_, {}); !ok) return ok;
        return add(open_socket(SOCK_RAW, IPPROTO_RAW, {fleet_.server.address, 0}), to_clients_, {});
    }

    std::size_t receive(int descriptor) {
        Batch& b = *batch_;
        for (std::size_t i = 0; i < kBatch; ++i) {
            b.payloads[i] = {b.slots[i].data(), kSlot};
            b.messages[i].msg_hdr = {};
            b.messages[i].msg_hdr.msg_name = &b.names[i];
            b.messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
            b.messages[i].msg_hdr.msg_iov = &b.payloads[i];
            b.messages[i].msg_hdr.msg_iovlen = 1;
        }
        const int got = ::recvmmsg(descriptor, b.messages.data(), kBatch, 0, nullptr);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

    std::optional<std::uint32_t> sender(std::size_t index, const AddressPool& pool) const {
        return fleet_.member_at(pool, IpAddress::v4(ntohl(batch_->names[index].sin_addr.s_addr)));
    }

    void from_clients() {
        for (int round = 0; round < kBatchesPerWake; ++round) {
            const std::size_t got = receive(listener_.descriptor());
            for (std::size_t i = 0; i < got; ++i) {
                const auto member = sender(i, fleet_.clients);
                if (!member || batch_->messages[i].msg_len < kChannelHeader) continue;
                const ByteView payload = ByteView{batch_->slots[i]}.first(batch_->messages[i].msg_len).subspan(kChannelHeader);
                enqueue(fleet_.relayed_of(*member), fleet_.peer(*member), {}, payload);
                if (fleet_.layout == Layout::Sockets) send(relays_[*member].descriptor());
            }
            if (sends_->size > 0) send(to_peers_.descriptor());
            if (got < kBatch) return;
        }
    }

    void from_peers(int descriptor) {
        for (int round = 0; round < kBatchesPerWake; ++round) {
            const std::size_t got = receive(descriptor);
            for (std::size_t i = 0; i < got; ++i) {
                const auto member = sender(i, fleet_.peers);
                if (!member) continue;
                const ByteView payload = ByteView{batch_->slots[i]}.first(batch_->messages[i].msg_len);
                std::array<std::uint8_t, kChannelHeader> header;
                store_u16(header, 0, BareFleet::kChannel);
                store_u16(header, 2, static_cast<std::uint16_t>(payload.size()));
                enqueue(fleet_.server, fleet_.client(*member), header, payload);
            }
            if (sends_->size > 0) send((fleet_.layout == Layout::Range ? to_clients_ : listener_).descriptor());
            if (got < kBatch) return;
        }
    }

    void enqueue(const Endpoint& from, const Endpoint& to, ByteView header, ByteView payload) {
        Sends& s = *sends_;
        const std::size_t at = s.size++;
        const ByteSpan all{s.headers[at]};
        s.names[at] = name_of(to);
        const bool raw = fleet_.layout == Layout::Range;
        const std::size_t before = raw ? kHeaders : 0;
        std::ranges::copy(header, all.begin() + static_cast<std::ptrdiff_t>(before));
        s.parts[at] = {iovec{all.data(), before + header.size()}, iovec{const_cast<std::uint8_t*>(payload.data()), payload.size()}};
        if (raw) {
            // Length and checksum of the IPv4 header are the kernel's; UDP's checksum is none.
            s.names[at].sin_port = 0;
            all[0] = 0x45;
            store_u16(all, 4, ++identification_ == 0 ? ++identification_ : identification_);
            all[8] = 64;
            all[9] = IPPROTO_UDP;
            std::ranges::copy(from.address.bytes(), all.begin() + 12);
            std::ranges::copy(to.address.bytes(), all.begin() + 16);
            store_u16(all, 20, from.port);
            store_u16(all, 22, to.port);
            store_u16(all, 24, static_cast<std::uint16_t>(8 + header.size() + payload.size()));
        }
        msghdr& message = s.messages[at].msg_hdr;
        message = {};
        message.msg_name = &s.names[at];
        message.msg_namelen = sizeof(sockaddr_in);
        message.msg_iov = s.parts[at].data();
        message.msg_iovlen = 2;
    }

    void send(int descriptor) {
        for (std::size_t at = 0; at < sends_->size;) {
            const int done = ::sendmmsg(descriptor, sends_->messages.data() + at, static_cast<unsigned>(sends_->size - at), MSG_NOSIGNAL);
            at += done > 0 ? static_cast<std::size_t>(done) : 1;  // one that cannot go is dropped
        }
        sends_->size = 0;
    }

    const BareFleet fleet_;
    Socket poller_, listener_, to_peers_, to_clients_;
    std::vector<Socket> relays_;
    std::unique_ptr<Batch> batch_ = std::make_unique<Batch>();
    std::unique_ptr<Sends> sends_ = std::make_unique<Sends>();
    std::uint16_t identification_ = 0;
};

int run(const ForwardFlags& flags, Bench& bench) {
    const auto server = resolve(flags.server);
    const auto relayed = IpAddress::parse(flags.relayed);
    const auto clients = address_block("--client-addresses", flags.clients), peers = address_block("--peer-addresses", flags.peers);
    if (!server) return complain(server.error(), kUsage);
    if (!relayed) return complain(fmt::format("--relayed: '{}' is no address", flags.relayed), kUsage);
    for (const auto* block : {&clients, &peers}) {
        if (!*block) return complain(block->error(), kUsage);
    }
    const AddressPool client_pool{**clients}, peer_pool{**peers};
    if (!server->address.is_v4() || !relayed->is_v4() || !(*clients)->base.is_v4() || !(*peers)->base.is_v4())
        return complain("the bare forwarder is for IPv4", kUsage);
    if (std::min(client_pool.size(), peer_pool.size()) < flags.members)
        return complain("--client-addresses and --peer-addresses need an address for each of --allocations", kUsage);
    for (const AddressPool* pool : {&client_pool, &peer_pool}) {
        if (auto ok = refuse_strangers({pool->at(0), server->port}, {}, flags.owned); !ok) return complain(ok.error(), kUsage);
    }
    auto forwarder = Forwarder::open({.server = *server,
                                      .relayed = *relayed,
                                      .clients = client_pool,
                                      .peers = peer_pool,
                                      .members = flags.members,
                                      .layout = flags.layout == "range" ? Layout::Range : Layout::Sockets});
    if (!forwarder) return complain(forwarder.error(), kUnreachable);
    (*forwarder)->run(bench.stop);
    return kOk;
}

}  // namespace

void add_forward_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<ForwardFlags>();
    CLI::App* forward = app.add_subcommand("forward", "a bare forwarder: what a relay could do at best, for frames --bare");
    forward->add_option("--listen", flags->server, "where clients send")->required()->type_name("ADDRESS:PORT");
    forward->add_option("--relayed", flags->relayed, "where peers send")->required()->type_name("ADDRESS");
    forward->add_option("--client-addresses", flags->clients, "clients, one address each")->required()->type_name("CIDR");
    forward->add_option("--peer-addresses", flags->peers, "peers, one address each")->required()->type_name("CIDR");
    forward->add_option("--allocations", flags->members, "clients and their peers")->capture_default_str()->type_name("N")
        ->check(CLI::Range(1U, BareFleet::kMembersMax));
    forward->add_option("--layout", flags->layout, "sockets: one for each; range: one for all, and raw ones to send")
        ->capture_default_str()->check(CLI::IsMember({"sockets", "range"}))->type_name("NAME");
    forward->add_flag("--target-is-mine", flags->owned, "allow addresses that are neither on this machine nor behind a veth of it");
    forward->footer(
        "No TURN: the n-th client's datagrams go to the n-th peer without their first four bytes, and back with four more.\n"
        "Ends by SIGINT or SIGTERM. ./dev bench runs it beside the relay.");
    forward->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
