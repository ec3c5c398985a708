// rooms: common/config common/base
//
// A configuration file and, behind a NUL, a --set flag. Whatever they are, reading ends with values
// or with problems that name a place; and what is printed as the configuration in effect reads back
// the same.

#include <optional>
#include <string>
#include <string_view>

#include "common/config/document.hpp"
#include "tests/support/fuzz_check.hpp"

using namespace turnpike;

namespace {

void read_all(config::Table table, int depth) {
    bool flag = true;
    std::string text = "default";
    std::vector<std::string> texts;
    std::map<std::string, std::string> labels;
    int number = 5;
    double rate = 1;
    Seconds seconds = 20s;
    Milliseconds milliseconds = 250ms;
    std::size_t bytes = 1024;
    Endpoint endpoint = *Endpoint::parse("127.0.0.1:3478");
    std::vector<IpAddress> addresses;
    std::vector<Cidr> blocks;
    table.flag("flag", flag);
    table.text("text", text);
    table.texts("texts", texts);
    table.labels("labels", labels);
    table.number("number", number, 1, 65535);
    table.number("rate", rate, 0, 1e9);
    table.duration("seconds", seconds, 1s, 24h);
    table.duration("milliseconds", milliseconds, 0ms, 10s);
    table.bytes("bytes", bytes, 0, 1 << 20);
    table.endpoint("endpoint", endpoint);
    table.addresses("addresses", addresses);
    table.cidrs("blocks", blocks);
    table.choice("choice", number, {{"one", 1}, {"two", 2}, {"three", 3}});
    FUZZ_CHECK(number >= 1 && number <= 65535 && seconds >= 1s && seconds <= 24h &&
               bytes <= 1 << 20);
    if (depth == 0) return;
    read_all(table.table("table"), depth - 1);
    for (const config::Table& element : table.tables("list")) read_all(element, depth - 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all{reinterpret_cast<const char*>(data), size};
    const std::size_t nul = std::min(all.find('\0'), size);
    const std::string_view file = all.substr(0, nul);
    const std::string_view flag = nul < size ? all.substr(nul + 1) : std::string_view{};

    config::Document document;
    document.parse(file, "fuzz.toml");
    if (!flag.empty()) document.set(flag);
    read_all(document.root(), 2);
    // Secrets by file would read this machine's files.
    if (all.find('/') == std::string_view::npos) {
        std::vector<config::SharedSecret> secrets;
        config::SecretText one;
        document.root().shared_secrets("secrets", secrets);
        document.root().secret("secret", one);
        for (const auto& secret : secrets)
            FUZZ_CHECK(secret.value.size() >= 16 && !secret.id.empty() && secret.id.size() <= 16);
    }
    document.finish();

    FUZZ_CHECK(document.problems().size() <= config::Document::kProblemsMax);
    for (const config::Problem& problem : document.problems()) {
        FUZZ_CHECK(!problem.message.empty() && (problem.line == 0 || problem.column > 0));
        for (const char c : problem.excerpt)
            FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
    }
    const std::string printed = document.effective();
    FUZZ_CHECK(!document.report().empty() || document.ok());
    if (!document.ok() || printed.find("(redacted)") != std::string::npos ||
        printed.find("[secret]") != std::string::npos)
        return 0;
    config::Document again;
    again.parse(printed, "printed.toml");
    read_all(again.root(), 2);
    again.finish();
    FUZZ_CHECK(again.ok());
    return 0;
}
