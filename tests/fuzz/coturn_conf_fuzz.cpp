// rooms: common/config common/base
//
// A turnserver.conf. Whatever it says, it ends with TOML that is TOML, an entry for each line and
// problems that name a place; and no secret is in what is shown.

#include <algorithm>
#include <string>
#include <string_view>

#include "common/config/coturn_conf.hpp"
#include "common/config/coturn_lines.hpp"
#include "common/config/document.hpp"
#include "tests/support/fuzz_check.hpp"

using namespace turnpike;
using config::coturn::Conf;
using config::coturn::Outcome;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const Conf conf =
        Conf::read(text, {.name = "fuzz.conf", .directory = "/d", .ipv6 = size % 2 == 0});

    const auto lines = static_cast<std::uint32_t>(std::ranges::count(text, '\n')) + 1;
    std::uint32_t last = 0;
    bool absent = false, wrong = false;
    for (const auto& entry : conf.entries) {
        // In the file's order, those of no line at the end.
        absent = absent || entry.at.line == 0;
        FUZZ_CHECK(absent ? entry.at.line == 0 : entry.at.line > last && entry.at.line <= lines);
        last = entry.at.line;
        FUZZ_CHECK(!entry.option.empty() && (absent || entry.at.column > 0));
        FUZZ_CHECK(entry.outcome != Outcome::Mapped || !entry.key.empty());
        FUZZ_CHECK(entry.outcome == Outcome::Mapped || !entry.note.empty());
        wrong = wrong || entry.outcome == Outcome::Wrong;
        FUZZ_CHECK(!entry.to_string("f").empty());
    }
    FUZZ_CHECK(!wrong || !conf.problems.empty());
    for (const auto& [place, message] : conf.problems)
        FUZZ_CHECK(!message.empty() && place.line <= lines &&
                   (place.line == 0 || place.column > 0));

    // What coturn would check credentials with is starred.
    for (const auto& line : config::coturn::take_apart(text).lines) {
        if (!line.option || !line.option->secret || line.value.size() < 8) continue;
        if (line.value.find_first_of(" \t*") != std::string::npos) continue;
        const std::string_view shown = conf.translation.shown;
        if (text.find(line.value) == text.rfind(line.value))
            FUZZ_CHECK(shown.find(line.value) == std::string_view::npos);
    }

    config::Document document;
    config::Translation translation = conf.translation;
    FUZZ_CHECK(static_cast<std::size_t>(std::ranges::count(translation.toml, '\n')) ==
               translation.origins.size());
    document.translated(std::move(translation));
    FUZZ_CHECK(document.ok());
    for (config::Table listen : document.root().tables("listen"))
        listen.problem("address", "is where nobody listens");
    for (const config::Problem& problem : document.problems()) {
        FUZZ_CHECK(problem.line <= lines && (problem.line == 0 || problem.column > 0));
        for (const char c : problem.excerpt)
            FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
    }
    return 0;
}
