#include "signaling/server/metrics.hpp"

#include <array>

namespace turnpike::signaling {
namespace {

struct Numbers {
    HubCounters hub;
    WebCounters web;
    std::size_t sessions, rooms, participants;
    std::size_t relays, relays_active;
};

double number(std::uint64_t value) { return static_cast<double>(value); }

constexpr std::array<std::string_view, std::variant_size_v<Call>> kMethods{
    "session.hello", "session.resume", "session.ping", "session.bye", "room.create", "room.join",
    "room.leave", "room.kick", "presence.set", "peer.signal", "chat.send", "ice.get"};

void collect(ops::Scrape& s, const Numbers& n) {
    s.gauge("turnpike_signaling_build_info", "Version of the program.", 1, {{"version", TURNPIKE_VERSION}});
    s.gauge("turnpike_signaling_sessions", "Open WebSockets that the hub knows.", number(n.sessions));
    s.gauge("turnpike_signaling_rooms", "Rooms.", number(n.rooms));
    s.gauge("turnpike_signaling_participants", "Members of rooms, those who are reconnecting included.", number(n.participants));
    s.gauge("turnpike_signaling_relays", "Relays by state.", number(n.relays_active), {{"state", "active"}});
    s.gauge("turnpike_signaling_relays", "Relays by state.", number(n.relays - n.relays_active), {{"state", "other"}});

    const HubCounters& h = n.hub;
    s.counter("turnpike_signaling_sessions_opened_total", "WebSockets opened.", number(h.sessions_opened));
    s.counter("turnpike_signaling_sessions_refused_total", "WebSockets refused for a limit.", number(h.sessions_refused + n.web.upgrades_refused));
    for (std::size_t i = 0; i < kMethods.size(); ++i) {
        s.counter("turnpike_signaling_calls_total", "Requests that were granted.", number(h.calls[i]), {{"method", kMethods[i]}});
    }
    const std::string_view refusals = "turnpike_signaling_refusals_total";
    s.counter(refusals, "Requests that were refused.", number(h.refused_parse), {{"reason", "malformed"}});
    s.counter(refusals, "Requests that were refused.", number(h.refused_params), {{"reason", "parameters"}});
    s.counter(refusals, "Requests that were refused.", number(h.refused_rate), {{"reason", "rate"}});
    s.counter(refusals, "Requests that were refused.", number(h.refused_other), {{"reason", "state"}});
    s.counter("turnpike_signaling_rooms_opened_total", "Rooms opened.", number(h.rooms_opened));
    s.counter("turnpike_signaling_joins_total", "Participants who joined a room.", number(h.joined));
    s.counter("turnpike_signaling_rejoins_total", "Participants who came back within the grace.", number(h.rejoined));
    const std::string_view leaves = "turnpike_signaling_leaves_total";
    s.counter(leaves, "Participants who left a room.", number(h.left - h.timed_out - h.kicked), {{"reason", "left"}});
    s.counter(leaves, "Participants who left a room.", number(h.timed_out), {{"reason", "timeout"}});
    s.counter(leaves, "Participants who left a room.", number(h.kicked), {{"reason", "kicked"}});
    s.counter("turnpike_signaling_credentials_issued_total", "TURN credentials minted.", number(h.credentials_issued));
    s.counter("turnpike_signaling_credentials_renewed_total", "TURN credentials pushed by ice.update.", number(h.credentials_renewed));

    const WebCounters& w = n.web;
    s.gauge("turnpike_signaling_connections", "Open TCP connections.", number(w.connections));
    s.gauge("turnpike_signaling_websockets", "Open WebSockets.", number(w.websockets));
    s.counter("turnpike_signaling_connections_total", "TCP connections accepted.", number(w.connections_accepted));
    s.counter("turnpike_signaling_connections_refused_total", "TCP connections closed at once for the limit.", number(w.connections_refused));
    const std::string_view responses = "turnpike_signaling_http_responses_total";
    s.counter(responses, "HTTP responses.", number(w.http_2xx), {{"class", "2xx"}});
    s.counter(responses, "HTTP responses.", number(w.http_3xx), {{"class", "3xx"}});
    s.counter(responses, "HTTP responses.", number(w.http_4xx), {{"class", "4xx"}});
    s.counter(responses, "HTTP responses.", number(w.http_5xx), {{"class", "5xx"}});
    const std::string_view messages = "turnpike_signaling_messages_total";
    s.counter(messages, "WebSocket messages.", number(w.messages_in), {{"direction", "in"}});
    s.counter(messages, "WebSocket messages.", number(w.messages_out), {{"direction", "out"}});
    const std::string_view bytes = "turnpike_signaling_message_bytes_total";
    s.counter(bytes, "Bytes of WebSocket messages.", number(w.bytes_in), {{"direction", "in"}});
    s.counter(bytes, "Bytes of WebSocket messages.", number(w.bytes_out), {{"direction", "out"}});
    s.counter("turnpike_signaling_slow_consumers_total", "WebSockets closed for not reading.", number(w.slow_consumers));
    s.counter("turnpike_signaling_silent_total", "WebSockets closed for silence.", number(w.silent));
}

}  // namespace

void add_metrics(ops::Metrics& metrics, Service& service) {
    metrics.add([&service](ops::Scrape& scrape) {
        const auto numbers = service.ask<Numbers>([](Service::Inside in) {
            return Numbers{in.hub.counters(), in.web.counters(), in.hub.session_count(), in.hub.room_count(),
                           in.hub.participant_count(), in.relays.views().size(), in.relays.active()};
        });
        if (numbers) collect(scrape, *numbers);
    });
    metrics.add([](ops::Scrape& scrape) { ops::collect_process(scrape); });
}

}  // namespace turnpike::signaling
