// rooms: signaling/core common/cluster common/crypto common/base
//
// Lines of text as the messages of three sessions to one hub: by its first byte a line goes to session
// a, b or c, drops one ('-'), or lets time pass ('+'). Whatever comes, the hub answers with valid JSON,
// numbers it without a gap, says nothing to who is closed, and at the end holds nothing.

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "signaling/core/hub.hpp"
#include "tests/support/fuzz_check.hpp"

using namespace turnpike;
using namespace turnpike::signaling;
using nlohmann::json;

namespace {

class FixedRandom final : public Random {
public:
    void fill_public(ByteSpan out) noexcept override { fill(out); }
    void fill_secret(ByteSpan out) noexcept override { fill(out); }

private:
    void fill(ByteSpan out) noexcept {
        for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>((state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL) >> 56);
    }
    std::uint64_t state_ = 1;
};

HubConfig config() {
    HubConfig config;
    config.limits.exempt = {*Cidr::parse("192.0.2.0/24")};
    crypto::RestSecret& secret = config.ice.secrets.emplace_back();
    secret.kid = "k1";
    secret.value = Secret{std::string_view{"0123456789abcdef"}};
    secret.issued_by_turnpike = true;
    config.ice.ttl = Seconds{20};
    config.ice.room_tag_key = Secret{std::string_view{"room-tag-key"}};
    return config;
}

class Sessions {
public:
    Sessions() : hub_(config(), random_) {
        cluster::NodeInfo node;
        node.id = "r";
        node.state = cluster::NodeState::Active;
        node.urls = {"turn:192.0.2.1:3478?transport=udp"};
        Outbox out;
        hub_.set_relays({node}, at_, out);
        take(out);
        for (std::size_t i = 0; i < ids_.size(); ++i) open(i);
    }
    void line(std::string_view text) {
        if (text.empty()) return;
        const char what = text.front();
        text.remove_prefix(1);
        if (what == '+') pass(Seconds{1});
        else if (what == '-') reopen(text.empty() ? 0 : static_cast<std::size_t>(text.front()) % ids_.size());
        else say(static_cast<std::size_t>(what - 'a') % ids_.size(), text);
    }
    void end() {
        for (std::size_t i = 0; i < ids_.size(); ++i) drop(i);
        for (int i = 0; i < 12; ++i) pass(Seconds{10});
        FUZZ_CHECK(hub_.session_count() == 0);
        FUZZ_CHECK(hub_.participant_count() == 0);
        FUZZ_CHECK(hub_.room_count() == 0);
    }

private:
    struct Seen {
        std::uint64_t s = 0;
        bool closed = false;
    };

    void open(std::size_t i) {
        ids_[i] = SessionId{++last_};
        seen_[i] = {};
        Outbox out;
        hub_.on_open(ids_[i], *IpAddress::parse("192.0.2.1"), at_, out);
        take(out);
        say(i, R"({"jsonrpc":"2.0","id":0,"method":"session.hello","params":{"v":1}})");
    }
    void drop(std::size_t i) {
        Outbox out;
        hub_.on_close(ids_[i], at_, out);
        take(out);
    }
    void reopen(std::size_t i) {
        drop(i);
        open(i);
    }
    void say(std::size_t i, std::string_view text) {
        Outbox out;
        hub_.on_message(ids_[i], text, at_, out);
        take(out);
    }
    void pass(Seconds time) {
        at_.now += time;
        at_.wall += time;
        Outbox out;
        hub_.advance(at_, out);
        take(out);
    }
    void take(const Outbox& out) {
        for (const Action& action : out) {
            if (const auto* text = std::get_if<SendText>(&action)) check(*text);
            if (const auto* close = std::get_if<CloseSession>(&action)) {
                for (std::size_t i = 0; i < ids_.size(); ++i) {
                    if (ids_[i] == close->session) seen_[i].closed = true;
                }
            }
        }
    }
    void check(const SendText& sent) {
        FUZZ_CHECK(sent.text.size() < 256 * 1024);
        const json frame = json::parse(sent.text, nullptr, false);
        FUZZ_CHECK(frame.is_object() && frame.value("jsonrpc", "") == "2.0");
        for (std::size_t i = 0; i < ids_.size(); ++i) {
            if (!(ids_[i] == sent.session)) continue;
            FUZZ_CHECK(!seen_[i].closed);
            if (frame.contains("error")) continue;
            const json& body = frame.contains("result") ? frame["result"] : frame["params"];
            FUZZ_CHECK(body.at("s").get<std::uint64_t>() == ++seen_[i].s);
        }
    }

    FixedRandom random_;
    Hub hub_;
    Moment at_{Instant{Seconds{1000}}, WallTime{Seconds{1'790'000'000}}};
    std::array<SessionId, 3> ids_{};
    std::array<Seen, 3> seen_{};
    std::uint64_t last_ = 0;
};

void check_parse(std::string_view text) {
    const auto request = parse_request(text);
    if (request) {
        FUZZ_CHECK(request->id.empty() || json::parse(request->id, nullptr, false).is_primitive());
        if (const auto* signal = std::get_if<Signal>(&request->call)) {
            FUZZ_CHECK(json::parse("{" + signal->payload + "}", nullptr, false).is_object());
        }
        return;
    }
    FUZZ_CHECK(!request.error().message.empty());
    FUZZ_CHECK(request.error().id.empty() || json::parse(request.error().id, nullptr, false).is_primitive());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    check_parse(text);
    Sessions sessions;
    for (std::size_t at = 0, lines = 0; at < text.size() && lines < 200; ++lines) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        sessions.line(text.substr(at, end - at));
        at = end + 1;
    }
    sessions.end();
    return 0;
}
