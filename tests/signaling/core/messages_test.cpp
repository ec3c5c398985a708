#include "signaling/core/messages.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace turnpike::signaling {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string request(std::string_view method, std::string_view params, std::string_view id = "1") {
    return R"({"jsonrpc":"2.0","id":)" + std::string{id} + R"(,"method":")" + std::string{method} + R"(","params":)" + std::string{params} + "}";
}

struct Malformed {
    std::string text;
    ErrorCode code;
    std::string id = "null";
};

// security.md rows 60 and 61; JSON-RPC 2.0 §5.1.
TEST(ParseRequest, AnswersEachMalformedTextWithItsCode) {
    const std::vector<Malformed> table{
        {"", ErrorCode::ParseError},
        {"{", ErrorCode::ParseError},
        {"nonsense", ErrorCode::ParseError},
        {"{\"jsonrpc\":\"2.0\",}", ErrorCode::ParseError},
        {request("session.ping", "{}") + " trailing", ErrorCode::ParseError},
        {request("session.ping", "{\"t\":1e999}"), ErrorCode::ParseError},
        {request("session.ping", "{\"t\":NaN}"), ErrorCode::ParseError},
        {request("session.ping", "{\"x\":\"\\ud800\"}"), ErrorCode::ParseError},
        {request("session.ping", "{\"x\":\"\xC3\x28\"}"), ErrorCode::ParseError},
        {request("session.ping", std::string{"{\"x\":\"a\0b\"}", 11}), ErrorCode::ParseError},
        {"/* comment */{}", ErrorCode::ParseError},
        {request("session.ping", "{\"x\":\"a\\u0000b\"}"), ErrorCode::InvalidRequest},
        {request("session.ping", "{\"x\":1,\"x\":2}"), ErrorCode::InvalidRequest},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"session.ping\"}", ErrorCode::InvalidRequest},
        {request("session.ping", "{\"x\":" + nested(15) + "}"), ErrorCode::InvalidRequest},
        {nested(30'000), ErrorCode::InvalidRequest},
        {std::string(60'000, '['), ErrorCode::InvalidRequest},
        {"[]", ErrorCode::InvalidRequest},
        {"[" + request("session.ping", "{}") + "]", ErrorCode::InvalidRequest},
        {"null", ErrorCode::InvalidRequest},
        {"17", ErrorCode::InvalidRequest},
        {"{}", ErrorCode::InvalidRequest},
        {R"({"jsonrpc":"1.0","id":1,"method":"session.ping"})", ErrorCode::InvalidRequest, "1"},
        {R"({"id":1,"method":"session.ping"})", ErrorCode::InvalidRequest, "1"},
        {R"({"jsonrpc":"2.0","id":{"a":1},"method":"session.ping"})", ErrorCode::InvalidRequest},
        {R"({"jsonrpc":"2.0","id":1.5,"method":"session.ping"})", ErrorCode::InvalidRequest},
        {R"({"jsonrpc":"2.0","id":null,"method":"session.ping"})", ErrorCode::InvalidRequest},
        {R"({"jsonrpc":"2.0","id":")" + std::string(65, 'x') + R"(","method":"session.ping"})", ErrorCode::InvalidRequest},
        {R"({"jsonrpc":"2.0","id":1})", ErrorCode::InvalidRequest, "1"},
        {R"({"jsonrpc":"2.0","id":1,"result":{}})", ErrorCode::InvalidRequest, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":7})", ErrorCode::InvalidRequest, "1"},
        {request("session.sudo", "{}"), ErrorCode::MethodNotFound, "1"},
        {request("rpc.discover", "{}", "\"a\""), ErrorCode::MethodNotFound, "\"a\""},
        {request("session.ping", "[1]"), ErrorCode::InvalidParams, "1"},
        {request("session.ping", "\"x\""), ErrorCode::InvalidParams, "1"},
        {std::string(70'000, ' '), ErrorCode::TooLarge},
    };
    for (const Malformed& each : table) {
        const auto parsed = parse_request(each.text);
        ASSERT_FALSE(parsed) << each.text.substr(0, 100);
        EXPECT_EQ(parsed.error().code, each.code) << each.text.substr(0, 100) << ": " << parsed.error().message;
        EXPECT_EQ(parsed.error().id, each.id) << each.text.substr(0, 100);
    }
}

TEST(ParseRequest, TakesDepthSixteenAndNotSeventeen) {
    EXPECT_TRUE(parse_request(request("session.ping", "{\"x\":" + nested(14) + "}")));
    EXPECT_FALSE(parse_request(request("session.ping", "{\"x\":" + nested(15) + "}")));
}

TEST(ParseRequest, KeepsTheIdAsItWasWritten) {
    EXPECT_EQ(parse_request(request("session.bye", "{}", "\"req-\\\"7\\\"\""))->id, "\"req-\\\"7\\\"\"");
    EXPECT_EQ(parse_request(request("session.bye", "{}", "-3"))->id, "-3");
    EXPECT_EQ(parse_request(request("session.bye", "{}", "18446744073709551615"))->id, "18446744073709551615");
}

TEST(ParseRequest, ReadsANotification) {
    const auto parsed = parse_request(R"({"jsonrpc":"2.0","method":"session.bye"})");
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->id.empty());
    // Its refusal has no id either, so it is not answered.
    const auto refused = parse_request(R"({"jsonrpc":"2.0","method":"ice.get"})");
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().id.empty());
}

TEST(ParseRequest, IgnoresMembersItDoesNotKnow) {
    const auto parsed = parse_request(R"({"jsonrpc":"2.0","id":1,"method":"ice.get","params":{"room":"abc","a":17,"later":{}}})");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<GetIce>(parsed->call).room, "abc");
}

// Each method: what is taken, and what is refused with −32602 (or 1301) beside it.
TEST(ParseRequest, ChecksTheParametersOfEachMethod) {
    struct Row {
        std::string_view method;
        std::vector<std::string> good, bad;
    };
    const std::string longest_name(32, 'n');
    const std::vector<Row> table{
        {"session.hello", {R"({"v":1})", R"({"v":1,"client":"web/0.3","token":null})", R"({"v":9})"},
         {R"({})", R"({"v":"1"})", R"({"v":1.0})", R"({"v":1,"client":7})", R"({"v":1,"client":")" + std::string(65, 'c') + "\"}"}},
        {"session.resume", {R"({})", R"({"resume_token":"x","last_s":3,"rooms":[]})"}, {}},
        {"session.ping", {R"({})", R"({"t":1})", R"({"t":1.5})"}, {R"({"t":"now"})", R"({"t":[]})"}},
        {"session.bye", {R"({})"}, {}},
        {"room.create",
         {R"({})", R"({"room":"abc","name":"Tea","visibility":"public","tags":["a","b"],"max":4})", R"({"visibility":"unlisted","name":""})"},
         {R"({"room":"A"})", R"({"room":7})", R"({"visibility":"secret"})", R"({"visibility":"private"})", R"({"visibility":1})",
          R"({"tags":"a"})", R"({"tags":[1]})", R"({"tags":["a","b","c","d","e","f"]})", R"({"tags":[""]})", R"({"max":-1})",
          R"({"max":4.0})", R"({"max":"4"})", R"({"max":100000})", R"({"name":")" + std::string(65, 'n') + "\"}", R"({"name":[]})"}},
        {"room.join",
         {R"({"room":"abc","peer":{"name":"Ada"}})", R"({"room":"abc","peer":{"name":"Ada","kind":"bot"},"host_key":"k","create":true})",
          R"({"room":"abc","peer":{"name":")" + longest_name + "\"}}",
          R"({"room":"abc","peer":{"name":"A"},"rejoin":{"peer_id":"p_x","token":"t"}})", R"({"room":"abc","peer":{"name":"A"},"rejoin":null})"},
         {R"({})", R"({"room":"abc"})", R"({"room":"abc","peer":"Ada"})", R"({"room":"abc","peer":{}})", R"({"room":"abc","peer":{"name":""}})",
          R"({"room":"abc","peer":{"name":")" + longest_name + "n\"}}", R"({"room":"abc","peer":{"name":"A","kind":"cat"}})",
          R"({"room":"abc","peer":{"name":"A"},"create":"yes"})", R"({"room":"abc","peer":{"name":"A"},"host_key":5})",
          R"({"room":"abc","peer":{"name":"A"},"rejoin":{"peer_id":"p"}})", R"({"room":"abc","peer":{"name":"A"},"rejoin":"p"})",
          R"({"room":"../etc","peer":{"name":"A"}})"}},
        {"room.leave", {R"({"room":"abc"})"}, {R"({})", R"({"room":null})"}},
        {"room.kick", {R"({"room":"abc","peer":"p_1","reason":"noise"})"}, {R"({"room":"abc"})", R"({"room":"abc","peer":"p 1"})", R"({"room":"abc","peer":"p","reason":1})"}},
        {"presence.set", {R"({"room":"abc"})", R"({"room":"abc","muted":true,"hand":false,"link":"relay"})"},
         {R"({"room":"abc","muted":1})", R"({"room":"abc","link":"carrier-pigeon"})", R"({"muted":true})"}},
        {"peer.signal",
         {R"({"room":"abc","to":"p","e":0,"n":0,"description":{"type":"offer","sdp":"v=0"}})",
          R"({"room":"abc","to":"p","e":0,"n":0,"description":{"type":"rollback"}})",
          R"({"room":"abc","to":"p","e":9007199254740991,"n":1,"candidates":[{"candidate":"","sdpMid":null,"sdpMLineIndex":0,"usernameFragment":"x"}]})"},
         {R"({"room":"abc","to":"p","e":0,"n":0})", R"({"room":"abc","to":"p","e":0,"n":0,"candidates":[]})",
          R"({"room":"abc","to":"p","e":0,"n":0,"description":{"type":"offer","sdp":"v=0"},"candidates":[{"candidate":""}]})",
          R"({"room":"abc","to":"p","e":-1,"n":0,"candidates":[{"candidate":""}]})", R"({"room":"abc","to":"p","e":0,"n":9007199254740992,"candidates":[{"candidate":""}]})",
          R"({"room":"abc","to":"p","e":0,"candidates":[{"candidate":""}]})", R"({"room":"abc","to":7,"e":0,"n":0,"candidates":[{"candidate":""}]})",
          R"({"room":"abc","to":"p","e":0,"n":0,"candidates":[{}]})", R"({"room":"abc","to":"p","e":0,"n":0,"candidates":["c"]})",
          R"({"room":"abc","to":"p","e":0,"n":0,"candidates":[{"candidate":"c","sdpMLineIndex":-1}]})",
          R"({"room":"abc","to":"p","e":0,"n":0,"description":{"type":"offer"}})", R"({"room":"abc","to":"p","e":0,"n":0,"description":{"type":"banana","sdp":""}})",
          R"({"room":"abc","to":"p","e":0,"n":0,"description":"v=0"})"}},
        {"chat.send", {R"({"room":"abc","mid":"m1","body":"hi\nthere"})"},
         {R"({"room":"abc","mid":"m1"})", R"({"room":"abc","body":"x"})", R"({"room":"abc","mid":"m 1","body":"x"})", R"({"room":"abc","mid":"m","body":"  "})", R"({"room":"abc","mid":"m","body":7})"}},
        {"ice.get", {R"({"room":"abc"})"}, {R"({})"}},
    };
    for (const Row& row : table) {
        for (const std::string& params : row.good) {
            const auto parsed = parse_request(request(row.method, params));
            ASSERT_TRUE(parsed) << row.method << params << ": " << parsed.error().message;
            EXPECT_EQ(method_of(parsed->call), row.method);
        }
        for (const std::string& params : row.bad) {
            const auto parsed = parse_request(request(row.method, params));
            ASSERT_FALSE(parsed) << row.method << params;
            EXPECT_EQ(parsed.error().code, ErrorCode::InvalidParams) << row.method << params;
            EXPECT_EQ(parsed.error().id, "1");
            EXPECT_FALSE(parsed.error().message.empty());
        }
    }
    EXPECT_EQ(table.size(), std::variant_size_v<Call>);
}

TEST(ParseRequest, RefusesWhatIsTooLarge) {
    const auto code = [](const std::string& params) {
        const auto parsed = parse_request(request("peer.signal", params));
        return parsed ? ErrorCode{} : parsed.error().code;
    };
    const auto offer = [](std::size_t size) {
        return R"({"room":"abc","to":"p","e":0,"n":0,"description":{"type":"offer","sdp":")" + std::string(size, 's') + "\"}}";
    };
    EXPECT_EQ(code(offer(32'768)), ErrorCode{});
    EXPECT_EQ(code(offer(32'769)), ErrorCode::TooLarge);

    const auto candidates = [](std::size_t count, std::size_t size) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i) list += (i ? "," : "") + (R"({"candidate":")" + std::string(size, 'c') + "\"}");
        return R"({"room":"abc","to":"p","e":0,"n":0,"candidates":[)" + list + "]}";
    };
    EXPECT_EQ(code(candidates(16, 10)), ErrorCode{});
    EXPECT_EQ(code(candidates(17, 10)), ErrorCode::TooLarge);
    EXPECT_EQ(code(candidates(1, 1024)), ErrorCode{});
    EXPECT_EQ(code(candidates(1, 1025)), ErrorCode::TooLarge);

    const auto chat = parse_request(request("chat.send", R"({"room":"abc","mid":"m","body":")" + std::string(4097, 'x') + "\"}"));
    ASSERT_FALSE(chat);
    EXPECT_EQ(chat.error().code, ErrorCode::TooLarge);
}

// What is forwarded is written anew from what was checked: nothing else passes through.
TEST(ParseRequest, ForwardsOnlyWhatItKnows) {
    const auto parsed = parse_request(request("peer.signal",
        R"({"room":"abc","to":"p","e":1,"n":2,"from":"p_forged","description":{"type":"offer","sdp":"v=0\r\n","evil":{"x":1}}})"));
    ASSERT_TRUE(parsed);
    const auto payload = nlohmann::json::parse("{" + std::get<Signal>(parsed->call).payload + "}");
    EXPECT_EQ(payload, (nlohmann::json{{"description", {{"type", "offer"}, {"sdp", "v=0\r\n"}}}}));
}

TEST(ParseRequest, CleansNames) {
    const auto parsed = parse_request(request("room.join", R"({"room":"abc","peer":{"name":" \u202eAda\u0007 "}})"));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<JoinRoom>(parsed->call).name, "Ada");
}

TEST(ErrorTraits, NameEachCodeOnce) {
    for (const ErrorCode code : {ErrorCode::ParseError, ErrorCode::RoomNotFound, ErrorCode::RateLimited, ErrorCode::ResumeGone}) {
        EXPECT_NE(traits(code).name, "");
    }
    EXPECT_EQ(traits(ErrorCode::RoomNotFound).name, "room_not_found");
    EXPECT_EQ(traits(ErrorCode::ResumeGone).retry, "rejoin");
    EXPECT_EQ(traits(ErrorCode::RateLimited).retry, "after");
}

}  // namespace
}  // namespace turnpike::signaling
