#include "tests/admin/cli_fixture.hpp"

#include "admin/schemas.hpp"

namespace turnpike::admin::test {

const char* const kRelayFacts = R"({"id":"r1","boot_id":"b","role":"relay","state":"active","version":"0.1.0","pid":7,
  "started_at":"2027-01-15T08:00:00Z","uptime_seconds":3675,"workers":2,"io_engine":{"name":"range","why":"the kernel allows it"},"realm":"turnpike",
  "urls":["turn:127.0.0.1:3478?transport=udp","turns:127.0.0.1:5349?transport=tcp"],
  "listeners":[{"transport":"udp","address":"127.0.0.1:3478"}],"relay_addresses":[{"local":"127.0.0.1","external":"127.0.0.1"}],
  "labels":{},"allocations":{"active":3,"limit":0,"opened_total":41},"ports":{"used":3,"capacity":16384},
  "traffic":{"bytes_to_peer":1536000,"packets_to_peer":9000,"bytes_to_client":999,"packets_to_client":8}, "stream_sessions":0,"load":0.25})";

const char* const kSignalingFacts = R"({"id":"s1","boot_id":"c","role":"signaling","version":"0.1.0","pid":8,"started_at":"2027-01-15T08:00:00Z",
  "uptime_seconds":60,"address":"127.0.0.1:8080","rooms":1,"participants":2,"sessions":2,
  "relays":[{"id":"r1","socket":"/run/turnpike/relay/admin.sock","state":"active","urls":[],"allocations":3,"load":0.25,"last_seen_seconds":1}]})";

const char* const kAllocation = R"({"id":"17","node":"r1","transport":"udp","client":"127.0.0.1:50000","server":"127.0.0.1:3478",
  "relayed":["127.0.0.1:49160"],"username":"1800003600:alice","subject":"alice","realm":"turnpike","age_seconds":75,"expires_in_seconds":525,
  "traffic":{"bytes_to_peer":1536,"packets_to_peer":9,"bytes_to_client":12,"packets_to_client":1},
  "permissions":[{"peer":"127.0.0.1","expires_in_seconds":280}],"channels":[{"number":16384,"peer":"127.0.0.1:49161","expires_in_seconds":580}]})";

const char* const kParticipants = R"({"items":[
  {"id":"p1","room":"standup","name":"Ada","kind":"human","joined_at":"2027-01-15T08:00:00Z","muted":false,"link":"relay","subject":"tag.p1","session_state":"live"},
  {"id":"p2","room":"standup","name":"Bo\u001b[2Jb","kind":"human","joined_at":"2027-01-15T08:00:01Z","muted":true,"link":"direct","subject":"tag.p2","session_state":"live"}]})";

CliTest::CliTest() : relay_(folder_.path() / "relay" / "admin.sock"), signaling_(folder_.path() / "signaling" / "admin.sock") {
    relay_.answer("GET /v1/node", {200, kRelayFacts});
    relay_.answer("GET /v1/allocations?limit=1000", {200, R"({"items":[)" + std::string{kAllocation} + "]}"});
    relay_.answer("GET /v1/allocations/17", {200, kAllocation});
    relay_.answer("DELETE /v1/allocations/17", {200, R"({"killed":1})"});
    signaling_.answer("GET /v1/node", {200, kSignalingFacts});
    const std::string room = R"({"room":"standup","visibility":"unlisted","members":2,"max":8,"created_at":"2027-01-15T08:00:00Z","relay":"r1","name":"Stand-up")";
    signaling_.answer("GET /v1/rooms", {200, R"({"items":[)" + room + "}]}"});
    const std::string participants = Json::parse(kParticipants).at("items").dump();
    signaling_.answer("GET /v1/rooms/standup", {200, room + R"(,"participants":)" + participants + "}"});
    signaling_.answer("GET /v1/participants", {200, kParticipants});
    signaling_.answer("POST /v1/participants/p1/kick", {200, R"({"kicked":1,"allocations_ended":2})"});
    signaling_.answer("POST /v1/credentials", {200, R"({"username":"1800003600:alice;k=k1","credential":"p+w/=","ttl_seconds":3600,
      "expires_at":"2027-01-15T09:00:00Z","ice_servers":[{"urls":["turn:127.0.0.1:3478?transport=udp","turns:127.0.0.1:5349?transport=tcp"],
      "username":"1800003600:alice;k=k1","credential":"p+w/="}],"relay":"r1"})"});
}

namespace {

bool is_of(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "integer") return value.is_number_integer();
    return type == "number" && value.is_number();
}

}  // namespace

std::string broken_promise(const Json& schema, const Json& value, const std::string& at) {
    if (schema.contains("const") && value != schema["const"]) return at + " is not " + schema["const"].dump();
    if (schema.contains("type")) {
        const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
        if (std::ranges::none_of(types, [&](const Json& type) { return is_of(value, type); })) return at + " is no " + types.dump();
    }
    for (const Json& name : schema.value("required", Json::array())) {
        if (!value.contains(name)) return at + " lacks " + name.dump();
    }
    const Json members = schema.value("properties", Json::object());
    for (const auto& [name, member] : members.items()) {
        if (!value.contains(name)) continue;
        if (std::string fault = broken_promise(member, value[name], at + "/" + name); !fault.empty()) return fault;
    }
    for (std::size_t i = 0; value.is_array() && schema.contains("items") && i < value.size(); ++i) {
        if (std::string fault = broken_promise(schema["items"], value[i], at + "/" + std::to_string(i)); !fault.empty()) return fault;
    }
    return {};
}

Outcome CliTest::cli(std::vector<std::string> arguments, bool terminal, const std::string& input) {
    if (add_runtime_dir_) {
        arguments.insert(arguments.begin(), {"--runtime-dir", folder_.path().string()});
    }
    std::istringstream in{input};
    std::ostringstream out, err;
    const FixedClock clock;
    World world{.in = in,
                .out = out,
                .err = err,
                .in_is_terminal = terminal,
                .out_is_terminal = terminal,
                .err_is_terminal = terminal,
                .variable = [this](const std::string& name) -> std::optional<std::string> {
                    const auto found = environment_.find(name);
                    return found != environment_.end() ? std::optional{found->second} : std::nullopt;
                },
                .program_folder = program_folder_,
                .clock = clock};
    const int code = run(arguments, world);
    return {code, out.str(), err.str()};
}

Json CliTest::json_of(std::vector<std::string> arguments, const std::string& kind) {
    arguments.insert(arguments.end(), {"-o", "json"});
    const Outcome done = cli(std::move(arguments));
    Json json = Json::parse(done.out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << done.out << done.err;
    if (json.is_discarded()) return {};
    EXPECT_EQ(json.value("apiVersion", ""), "turnpike/v1");
    EXPECT_EQ(json.value("kind", ""), kind);
    EXPECT_TRUE(json.at("metadata").contains("generated_at"));
    const Schema* schema = schema_of(kind);
    EXPECT_NE(schema, nullptr) << kind << " has no schema";
    if (schema != nullptr) {
        EXPECT_EQ(broken_promise(Json(json_schema(*schema)), json), "") << json.dump(2);
    }
    return json;
}

}  // namespace turnpike::admin::test
