// rooms: turn/server turn/net turn/core turn/stun common/ops common/config common/crypto common/base
//
// The relay's admin routes: verb, path, query and body. Input: a byte for the verb, then path, query (k=v&k=v) and body,
// separated by newlines. Every answer has a status that the API documents; errors name themselves in JSON, and no
// handler throws.

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/base/system_clock.hpp"
#include "common/crypto/system_random.hpp"
#include "tests/support/fuzz_check.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/turn/server/config_support.hpp"
#include "turn/server/admin_routes.hpp"

using namespace turnpike;
using namespace turnpike::relay;

namespace {

/// A relay that listens nowhere: its workers were never started.
struct Relay {
    Relay() {
        read.config.net.core.nonce_key = Secret{std::string(32, 'n')};
        FUZZ_CHECK(file.open(clock.wall()).has_value());
        add_admin_routes(router, node, metrics);
    }

    TempDir dir;
    SystemClock clock;
    crypto::SystemRandom random;
    ReadText read{"[[listen]]\naddress = \"127.0.0.1:0\"\n[auth]\nusers = [{name = \"ada\", password = {value = \"correct-horse\"}}]\n",
                  {.dev = true}};
    ops::ControlLoop loop;
    ops::Log log{{ops::Level::Error, ops::Log::Format::Json}, [](ops::Level, std::string_view) {}};
    UsageLog usage{loop, log, ops::ClientIpPrivacy{ops::ClientIp::Full, {}}, clock};
    RevocationFile file{dir.path() / "revocations.jsonl"};
    net::WorkerPool pool{read.config.net, read.config.credentials(), read.config.peers, clock, random, [](const core::Action&) {}};
    Node node{read.config, pool, file, usage, clock, log, "b00t", clock.wall(), clock.now(), {}, {}, read.document.effective(), {}};
    ops::Metrics metrics;
    ops::Router router{log};
};

std::string_view line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view first = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return first;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Relay relay;
    static std::size_t runs = 0;
    if (++runs % 1024 == 0) FUZZ_CHECK(relay.file.rewrite({}).has_value());  // what was revoked is not kept for ever
    if (size == 0) return 0;

    std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    ops::Request request;
    request.verb = static_cast<ops::Verb>(data[0] % 4);
    request.path = std::string{line(text)};
    for (std::string_view query = line(text); !query.empty();) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        request.query.emplace(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    request.body = std::string{text};

    const ops::Response answer = relay.router.dispatch(std::move(request));
    constexpr int kStatuses[] = {200, 201, 204, 400, 403, 404, 405, 409, 413, 422, 503};
    FUZZ_CHECK(std::ranges::find(kStatuses, answer.status) != std::end(kStatuses));
    if (answer.content_type == "application/json") {
        const auto json = nlohmann::json::parse(answer.body, nullptr, false);
        FUZZ_CHECK(!json.is_discarded());
        FUZZ_CHECK(answer.status < 400 || json.at("error").at("code").is_string());
    }
    return 0;
}
