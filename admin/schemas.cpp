#include "admin/schemas.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

namespace turnpike::admin {
namespace {

using Json = nlohmann::ordered_json;

// Members that only the one or the other role has are not required of a node.
constexpr bool kMay = false;

constexpr auto kNode = std::to_array<Field>({
    {"id", "string", "node.id of its configuration"},
    {"role", "string", "relay or signaling"},
    {"boot_id", "string", "new with each start"},
    {"version", "string", "of the daemon"},
    {"pid", "integer", "its process"},
    {"started_at", "time", "when it started"},
    {"uptime_seconds", "integer", "since then"},
    {"state", "string", "active, cordoned, draining, drained or lost", kMay},
    {"socket", "string", "the admin socket that answered", kMay},
    {"workers", "integer", "relay: threads that relay", kMay},
    {"io_engine", "object", "relay: how relayed addresses reach peers", kMay},
    {"io_engine.name", "string", "sockets or range"},
    {"io_engine.why", "string", "why that one"},
    {"realm", "string", "relay: its realm", kMay},
    {"urls", "strings", "relay: ICE URLs that signaling hands out", kMay},
    {"listeners", "objects", "relay: where it listens", kMay},
    {"listeners[].transport", "string", "udp, tcp, tls, dtls, or two of them"},
    {"listeners[].address", "string", "endpoint"},
    {"relay_addresses", "objects", "relay: where relayed addresses are from", kMay},
    {"relay_addresses[].local", "string", "address of the machine"},
    {"relay_addresses[].external", "string", "address that peers see"},
    {"labels", "object", "relay: node.labels", kMay},
    {"capacity", "number", "relay: what it can carry, beside others", kMay},
    {"allocations", "object", "relay: its allocations", kMay},
    {"allocations.active", "integer", "live now"},
    {"allocations.limit", "integer", "at most so many"},
    {"allocations.opened_total", "integer", "since the start"},
    {"ports", "object", "relay: its relay ports", kMay},
    {"ports.used", "integer", "in use"},
    {"ports.capacity", "integer", "there are"},
    {"traffic", "object", "relay: what it relayed since the start", kMay},
    {"traffic.bytes_to_peer", "integer", "payload"},
    {"traffic.packets_to_peer", "integer", "datagrams"},
    {"traffic.bytes_to_client", "integer", "payload"},
    {"traffic.packets_to_client", "integer", "datagrams"},
    {"stream_sessions", "integer", "relay: TCP, TLS and DTLS clients", kMay},
    {"load", "number", "relay: 0 idle to 1 full", kMay},
    {"address", "string", "signaling: endpoint of the page", kMay},
    {"rooms", "integer", "signaling: open rooms", kMay},
    {"participants", "integer", "signaling: people and bots in them", kMay},
    {"sessions", "integer", "signaling: WebSockets", kMay},
    {"relays", "objects", "signaling: the relays that it knows", kMay},
    {"relays[].id", "string", "empty until it was seen"},
    {"relays[].socket", "string", "its admin socket"},
    {"relays[].state", "string", "as signaling sees it"},
    {"relays[].urls", "strings", "ICE URLs"},
    {"relays[].allocations", "integer", "live there"},
    {"relays[].load", "number", "0 to 1"},
    {"relays[].last_seen_seconds", "number | null", "since it answered; null: never"},
});

constexpr auto kAllocation = std::to_array<Field>({
    {"id", "string", "of the node"},
    {"node", "string", "the relay"},
    {"transport", "string", "of the client: udp, tcp, tls or dtls"},
    {"client", "string", "the client's transport address"},
    {"server", "string", "the listener's"},
    {"relayed", "strings", "relayed transport addresses"},
    {"username", "string", "as it was in USERNAME"},
    {"subject", "string", "without expiry and limits"},
    {"realm", "string", "of the listener"},
    {"age_seconds", "integer", "since Allocate"},
    {"expires_in_seconds", "integer", "unless refreshed"},
    {"traffic", "object", "since Allocate"},
    {"traffic.bytes_to_peer", "integer", "payload"},
    {"traffic.packets_to_peer", "integer", "datagrams"},
    {"traffic.bytes_to_client", "integer", "payload"},
    {"traffic.packets_to_client", "integer", "datagrams"},
    {"permissions", "objects", "peers that may send"},
    {"permissions[].peer", "string", "address"},
    {"permissions[].expires_in_seconds", "integer", "unless refreshed"},
    {"channels", "objects", "bound channels"},
    {"channels[].number", "integer", "0x4000 and above"},
    {"channels[].peer", "string", "transport address"},
    {"channels[].expires_in_seconds", "integer", "unless refreshed"},
});

constexpr auto kKilled = std::to_array<Field>({
    {"id", "string", "the allocation"},
    {"node", "string", "the relay"},
    {"subject", "string", "whose it was"},
    {"client", "string", "the client's transport address"},
    {"result", "string", "killed, would be killed, or why not"},
});

constexpr auto kRoom = std::to_array<Field>({
    {"room", "string", "its id"},
    {"name", "string", "what people see"},
    {"visibility", "string", "public or unlisted"},
    {"members", "integer", "in it"},
    {"max", "integer", "may be in it"},
    {"created_at", "time", "when it was opened"},
    {"relay", "string", "the node that its members share; empty: none was up"},
    {"region", "string", "where its members are; empty: not known", kMay},
    {"tags", "strings", "of a single room", kMay},
    {"participants", "objects", "of a single room", kMay},
});

constexpr auto kParticipant = std::to_array<Field>({
    {"id", "string", "peer_id on the wire"},
    {"room", "string", "the room"},
    {"name", "string", "what others see"},
    {"kind", "string", "human or bot"},
    {"joined_at", "time", "when"},
    {"muted", "boolean", "says its page"},
    {"link", "string", "direct, relay or unknown, says its page"},
    {"subject", "string", "of its credentials"},
    {"session_state", "string", "online or reconnecting"},
});

constexpr auto kKicked = std::to_array<Field>({
    {"id", "string", "the participant"},
    {"room", "string", "the room"},
    {"name", "string", "what others saw"},
    {"allocations_ended", "integer", "on all relays", kMay},
    {"result", "string", "kicked, would be kicked, or why not"},
});

constexpr auto kCredential = std::to_array<Field>({
    {"username", "string", "expiry, subject and limits"},
    {"credential", "string", "the password"},
    {"ttl_seconds", "integer", "how long it opens new allocations"},
    {"expires_at", "time", "until then"},
    {"ice_servers", "objects", "for RTCPeerConnection"},
    {"ice_servers[].urls", "strings", "ICE URLs, best first"},
    {"ice_servers[].username", "string", "the same"},
    {"ice_servers[].credential", "string", "the same"},
    {"relay", "string", "the node that was chosen"},
});

constexpr auto kProblem = std::to_array<Field>({
    {"file", "string", "where"},
    {"line", "integer", "from 1"},
    {"column", "integer", "from 1"},
    {"severity", "string", "error or warning"},
    {"message", "string", "what is wrong"},
    {"detail", "string", "the daemon's lines below it", kMay},
});

constexpr auto kSimulation = std::to_array<Field>({
    {"cluster", "integer", "nodes at the start"},
    {"step", "string", "fill, or as given to --step"},
    {"nodes", "integer", "that take rooms after it"},
    {"rooms", "integer", "in all"},
    {"displaced_rooms", "integer", "whose node went"},
    {"turnpike", "object", "placed as signaling does"},
    {"turnpike.most_of_mean", "number", "load of the fullest node, mean = 1"},
    {"turnpike.least_of_mean", "number", "load of the emptiest node"},
    {"turnpike.moved_rooms", "integer", "that live on, elsewhere"},
    {"ring", "object", "placed by a hash ring"},
    {"ring.most_of_mean", "number", "load of the fullest node, mean = 1"},
    {"ring.least_of_mean", "number", "load of the emptiest node"},
    {"ring.moved_rooms", "integer", "that live on, elsewhere"},
});

constexpr auto kCoturn = std::to_array<Field>({
    {"option", "string", "as coturn names it"},
    {"given", "string", "what the file says"},
    {"outcome", "string", "what became of it"},
    {"key", "string", "the key of relay.toml"},
    {"value", "string", "its value"},
    {"note", "string", "what to know"},
    {"stops", "boolean", "whether it cannot be imported"},
    {"line", "integer | null", "of the file; null: it does not say"},
    {"column", "integer | null", "of the file; null: it does not say"},
});

constexpr auto kVersion = std::to_array<Field>({
    {"version", "string", "of this program"},
    {"api_version", "string", "of its JSON"},
});

constexpr auto kSchemaField = std::to_array<Field>({
    {"kind", "string", "a kind of output"},
    {"about", "string", "which commands print it"},
    {"fields", "integer", "members of its items"},
});

constexpr auto kSchemas = std::to_array<Schema>({
    {"Allocation", "allocations show", kAllocation},
    {"AllocationKillList", "allocations kill", kKilled},
    {"AllocationList", "allocations list", kAllocation},
    {"ConfigProblemList", "config validate", kProblem},
    {"CoturnOptionList", "config import-coturn", kCoturn},
    {"Credential", "credentials mint", kCredential},
    {"Node", "nodes show", kNode},
    {"NodeList", "nodes list", kNode},
    {"ParticipantKickList", "participants kick", kKicked},
    {"ParticipantList", "participants list", kParticipant},
    {"PlacementSimulation", "cluster simulate", kSimulation},
    {"Room", "rooms show", kRoom},
    {"RoomList", "rooms list", kRoom},
    {"SchemaList", "schema", kSchemaField},
    {"Status", "status", kNode},
    {"Version", "version", kVersion},
});

Json type_of(std::string_view type) {
    if (type == "time") return {{"type", "string"}, {"format", "date-time"}};
    if (type == "strings") return {{"type", "array"}, {"items", {{"type", "string"}}}};
    if (type == "objects") return {{"type", "array"}, {"items", {{"type", "object"}}}};
    if (const auto bar = type.find(" | null"); bar != std::string_view::npos)
        return {{"type", {type.substr(0, bar), "null"}}};
    return {{"type", type}};
}

// Parents come before their members in the lists above.
void add(Json& object, std::string_view path, const Field& field) {
    const std::size_t dot = path.find('.');
    if (dot == std::string_view::npos) {
        Json type = type_of(field.type);
        type["description"] = field.meaning;
        object["properties"][std::string{path}] = std::move(type);
        if (field.required) object["required"].push_back(path);
        return;
    }
    std::string_view parent = path.substr(0, dot);
    const bool list = parent.ends_with("[]");
    if (list) parent.remove_suffix(2);
    Json& inner = object["properties"][std::string{parent}];
    add(list ? inner["items"] : inner, path.substr(dot + 1), field);
}

}  // namespace

std::span<const Schema> schemas() {
    return kSchemas;
}

const Schema* schema_of(std::string_view kind) {
    const auto found = std::ranges::find(kSchemas, kind, &Schema::kind);
    return found == kSchemas.end() ? nullptr : &*found;
}

Json json_schema(const Schema& schema) {
    Json item{{"type", "object"}};
    for (const Field& field : schema.fields) add(item, field.path, field);
    Json json;
    json["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    json["$id"] = "urn:turnpike:v1:" + std::string{schema.kind};
    json["title"] = schema.kind;
    json["description"] = "turnpike " + std::string{schema.about} + " -o json";
    json["type"] = "object";
    json["required"] = {"apiVersion", "kind", "metadata", "items"};
    Json& members = json["properties"];
    members["apiVersion"] = {{"const", "turnpike/v1"}};
    members["kind"] = {{"const", schema.kind}};
    Json metadata{{"type", "object"}, {"required", {"generated_at", "partial", "errors"}}};
    metadata["properties"]["generated_at"] = type_of("time");
    metadata["properties"]["partial"] = {{"type", "boolean"},
                                         {"description", "whether a daemon did not answer"}};
    metadata["properties"]["errors"] = type_of("strings");
    metadata["properties"]["dry_run"] = {{"type", "boolean"}, {"description", "nothing was done"}};
    members["metadata"] = std::move(metadata);
    members["items"] = {{"type", "array"}, {"items", std::move(item)}};
    return json;
}

}  // namespace turnpike::admin
