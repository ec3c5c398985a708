#include "benchmarks/load/scenario.hpp"

#include "benchmarks/load/payload.hpp"
#include "common/config/document.hpp"

namespace turnpike::bench {
namespace {

std::expected<Scenario, std::string> read(config::Document& document) {
    Scenario scenario;
    config::Table root = document.root();
    config::Table calls = root.table("calls");
    calls.number("per_second", scenario.calls.per_second, 0.01, 10'000);
    calls.number("participants", scenario.calls.participants, 1U, 100U);
    calls.number("live_max", scenario.calls.live_max, 1U, 50'000U);
    calls.duration("length", scenario.calls.length, Milliseconds{100}, Milliseconds{24h});
    config::Table audio = root.table("audio");
    audio.number("packets_per_second", scenario.audio.packets_per_second, 0.1, 1000);
    audio.number("size", scenario.audio.size, Payload::kSizeMin, Payload::kSizeMax);
    config::Table video = root.table("video");
    video.number("share", scenario.video.share, 0, 1);
    video.number("frames_per_second", scenario.video.frames_per_second, 0.1, 240);
    video.number("packets_per_frame", scenario.video.packets_per_frame, 1U, 1000U);
    video.number("size", scenario.video.size, Payload::kSizeMin, Payload::kSizeMax);
    document.finish();
    if (!document.ok()) return std::unexpected(document.report());
    return scenario;
}

}  // namespace

std::expected<Scenario, std::string> read_scenario(const std::string& file) {
    config::Document document;
    document.load(file);
    return read(document);
}

std::expected<Scenario, std::string> parse_scenario(std::string_view text, std::string name) {
    config::Document document;
    document.parse(text, std::move(name));
    return read(document);
}

}  // namespace turnpike::bench
