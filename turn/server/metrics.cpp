#include "turn/server/metrics.hpp"

#include <array>
#include <string>

namespace turnpike::relay {
namespace {

struct MethodName {
    stun::Method method;
    std::string_view name;
};
constexpr std::array<MethodName, 7> kMethods{{{stun::Method::Binding, "binding"},
                                              {stun::Method::Allocate, "allocate"},
                                              {stun::Method::Refresh, "refresh"},
                                              {stun::Method::CreatePermission, "create_permission"},
                                              {stun::Method::ChannelBind, "channel_bind"},
                                              {stun::Method::Connect, "connect"},
                                              {stun::Method::ConnectionBind, "connection_bind"}}};

using core::CloseReason;
constexpr std::array kReasons{
    CloseReason::Refreshed0, CloseReason::Expired,    CloseReason::ClientGone, CloseReason::Killed,
    CloseReason::Revoked,    CloseReason::MaxSession, CloseReason::NodeStopped,
    CloseReason::NotRestored};

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

void collect_allocations(ops::Scrape& s, const Node& node, const net::Snapshot& snap) {
    for (const Transport transport :
         {Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Dtls}) {
        s.gauge("turnpike_relay_allocations", "Live allocations.",
                number(snap.allocations_by_transport[static_cast<std::size_t>(transport)]),
                {{"transport", to_string(transport)}});
    }
    s.counter("turnpike_relay_allocations_created_total", "Allocations made.",
              number(snap.counters.allocations_opened));
    for (const CloseReason reason : kReasons) {
        s.counter("turnpike_relay_allocations_closed_total", "Allocations ended.",
                  number(snap.counters.allocations_closed[static_cast<std::size_t>(reason)]),
                  {{"reason", core::to_string(reason)}});
    }
    s.histogram("turnpike_relay_allocation_duration_seconds", "How long allocations lived.",
                node.usage.durations());
    s.counter("turnpike_relay_usage_records_lost_total",
              "Usage records that did not fit into the queue.", number(node.usage.lost()));
    s.gauge("turnpike_relay_ports", "Relay ports.", number(snap.ports_used), {{"state", "used"}});
    s.gauge("turnpike_relay_ports", "Relay ports.",
            number(snap.ports_capacity -
                   std::min(snap.ports_used + snap.ports_reserved, snap.ports_capacity)),
            {{"state", "free"}});
    s.gauge("turnpike_relay_ports", "Relay ports.", number(snap.ports_reserved),
            {{"state", "reserved"}});
}

void collect_traffic(ops::Scrape& s, const net::Snapshot& snap) {
    const core::Traffic& traffic = snap.counters.traffic;
    s.counter("turnpike_relay_bytes_total", "Payload relayed, without TURN framing.",
              number(traffic.bytes_to_peer), {{"direction", "to_peer"}});
    s.counter("turnpike_relay_bytes_total", "Payload relayed, without TURN framing.",
              number(traffic.bytes_to_client), {{"direction", "to_client"}});
    s.counter("turnpike_relay_packets_total", "Datagrams relayed.", number(traffic.packets_to_peer),
              {{"direction", "to_peer"}});
    s.counter("turnpike_relay_packets_total", "Datagrams relayed.",
              number(traffic.packets_to_client), {{"direction", "to_client"}});

    const core::Counters& c = snap.counters;
    const std::pair<std::string_view, std::uint64_t> dropped[] = {
        {"malformed", c.dropped_malformed},
        {"no_allocation", c.dropped_no_allocation},
        {"no_permission", c.dropped_no_permission},
        {"no_channel", c.dropped_no_channel},
        {"policy", c.dropped_policy},
        {"bandwidth", c.dropped_bandwidth},
        {"rate", c.dropped_rate},
        {"not_live", c.dropped_not_live},
        {"packet_rate", c.dropped_packet_rate},
        {"new_peers", c.dropped_new_peers},
        {"icmp", c.dropped_icmp}};
    for (const auto& [reason, count] : dropped) {
        s.counter("turnpike_relay_dropped_packets_total",
                  "Datagrams and messages that went nowhere.", number(count), {{"reason", reason}});
    }
    s.counter("turnpike_relay_clients_moved_total",
              "Clients that went on from another address: by ticket, or behind their NAT.",
              number(c.clients_moved));
    s.counter("turnpike_relay_icmp_indications_total", "ICMP errors that clients were told of.",
              number(c.icmp_indications));
    s.counter("turnpike_relay_datagrams_total", "UDP datagrams on all sockets.",
              number(snap.datagrams_received), {{"direction", "received"}});
    s.counter("turnpike_relay_datagrams_total", "UDP datagrams on all sockets.",
              number(snap.datagrams_sent), {{"direction", "sent"}});
    s.counter("turnpike_relay_inside_datagrams_total",
              "Datagrams from one relayed address of this node to another, which pass no socket between.",
              number(snap.relayed_inside));
    s.counter("turnpike_relay_socket_receive_drops_total",
              "Datagrams that the kernel dropped on full sockets (SO_RXQ_OVFL).",
              number(snap.receive_drops));
}

void collect_requests(ops::Scrape& s, const net::Snapshot& snap) {
    for (const auto& [method, name] : kMethods) {
        const auto at = static_cast<std::size_t>(method);
        const std::uint64_t asked = snap.counters.requests[at],
                            granted = snap.counters.successes[at];
        s.counter("turnpike_relay_stun_requests_total", "STUN requests, by outcome.",
                  number(granted), {{"method", name}, {"result", "success"}});
        // Errors and those that got no answer.
        s.counter("turnpike_relay_stun_requests_total", "STUN requests, by outcome.",
                  number(asked - std::min(asked, granted)),
                  {{"method", name}, {"result", "other"}});
    }
    for (std::size_t i = 0; i < core::Counters::kCodes; ++i) {
        if (snap.counters.errors[i] == 0) continue;
        s.counter("turnpike_relay_stun_errors_total", "STUN error responses.",
                  number(snap.counters.errors[i]), {{"code", std::to_string(i + 300)}});
    }
    s.gauge("turnpike_relay_stream_sessions",
            "TCP and TLS connections and DTLS associations of clients.",
            number(snap.stream_sessions));
    s.gauge("turnpike_relay_peer_connections", "TCP connections with peers (RFC 6062).",
            number(snap.peer_connections));
    s.counter("turnpike_relay_tls_handshakes_total", "TLS and DTLS handshakes.",
              number(snap.tls_handshakes_ok), {{"result", "ok"}});
    s.counter("turnpike_relay_tls_handshakes_total", "TLS and DTLS handshakes.",
              number(snap.tls_handshakes_failed), {{"result", "failed"}});
    s.counter("turnpike_relay_tls_handshakes_total", "TLS and DTLS handshakes.",
              number(snap.tls_handshakes_refused), {{"result", "refused"}});
    s.gauge("turnpike_relay_upstream_connections", "Connections that are no TURN.",
            number(snap.upstream_connections));
    s.counter("turnpike_relay_upstream_connections_total", "Connections that are no TURN.",
              number(snap.upstream_opened), {{"result", "ok"}});
    s.counter("turnpike_relay_upstream_connections_total", "Connections that are no TURN.",
              number(snap.upstream_failed), {{"result", "failed"}});
}

}  // namespace

void collect(ops::Scrape& s, Node& node) {
    const net::Snapshot snap = node.pool.snapshot();
    s.gauge("turnpike_relay_build_info", "Always 1.", 1, {{"version", TURNPIKE_VERSION}});
    s.gauge("turnpike_relay_io_engine", "1 for the engine that serves relayed addresses.", 1,
            {{"engine", to_string(node.pool.engine())}});
    s.gauge("turnpike_relay_node_state", "1 for the state the node is in.", 1,
            {{"state", "active"}});
    s.gauge("turnpike_relay_start_time_seconds", "When the relay started, Unix time.",
            number(static_cast<std::uint64_t>(unix_seconds(node.started_at))));
    s.gauge("turnpike_relay_load_ratio", "Ports, allocations or processor, whichever is fullest.",
            node.load_now(snap));
    s.gauge("turnpike_relay_peer_policy_relaxed", "1 while peers.mode is lab.",
            node.config.peers.mode == core::PeerPolicy::Mode::Lab ? 1 : 0);
    s.gauge("turnpike_relay_revocations", "Subjects that are revoked now.",
            number(node.pool.revocations().size()));
    s.gauge("turnpike_relay_journals", "Workers that keep a journal.", number(snap.journals));
    s.gauge("turnpike_relay_journal_records", "Allocations that are in journals.",
            number(snap.journal_records));
    s.gauge("turnpike_relay_journal_bytes", "Size of the journals.", number(snap.journal_bytes));
    collect_allocations(s, node, snap);
    collect_traffic(s, snap);
    collect_requests(s, snap);

    for (const auto& [listener, until] : node.config.certificates) {
        s.gauge("turnpike_relay_tls_certificate_expiry_timestamp_seconds",
                "When the listener's certificate ends, Unix time.",
                static_cast<double>(unix_seconds(until)), {{"listener", listener}});
    }
    const Instant now = node.clock.now();
    for (std::size_t i = 0; i < snap.heartbeats.size(); ++i) {
        const double age = std::chrono::duration<double>(now - snap.heartbeats[i]).count();
        s.gauge("turnpike_relay_worker_heartbeat_age_seconds",
                "Since the worker's loop last turned.", std::max(0.0, age),
                {{"worker", std::to_string(i)}});
    }
}

}  // namespace turnpike::relay
