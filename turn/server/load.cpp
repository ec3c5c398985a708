#include "turn/server/load.hpp"

#include <algorithm>

#include "common/config/text_file.hpp"

namespace turnpike::relay {
namespace {

constexpr const char* kDefaultFile = "/etc/turnpike/relay.toml";

void load_coturn(const std::filesystem::path& file, const Machine& machine, Loaded& loaded) {
    using config::coturn::Conf;
    const auto text = config::TextFile::read(file, Conf::kFileBytesMax);
    if (!text) {
        loaded.document.problem({}, text.error());
        return;
    }
    Conf conf = Conf::read(text->text, {.name = file.string(),
                                        .directory = file.parent_path(),
                                        .ipv6 = machine.has(*IpAddress::parse("::1"))});
    loaded.document.translated(std::move(conf.translation));
    for (auto& [place, message] : conf.problems) loaded.document.problem(place, std::move(message));
    for (const config::coturn::Entry& entry : conf.entries) {
        if (entry.stops)
            loaded.document.problem(entry.at, entry.option + " cannot be had: " + entry.note);
    }
    const bool secrets = std::ranges::any_of(conf.entries, [](const config::coturn::Entry& entry) {
        return entry.given == config::coturn::kRedacted;
    });
    if (secrets && (text->mode & 07U) != 0)
        loaded.document.warning(
            {}, "has secrets, and everybody on this machine may read it; chmod 0640 it");
    loaded.coturn = std::move(conf);
}

}  // namespace

Loaded load(const Options& options, WallTime now) {
    Loaded loaded{config::Document{{.dev = options.dev}}, {}};
    if (!options.coturn_conf.empty()) {
        const Machine machine = Machine::look();
        load_coturn(options.coturn_conf, machine, loaded);
        if (!loaded.document.ok()) return loaded;
        for (const std::string& assignment : options.set) loaded.document.set(assignment);
        loaded.config = read_config(loaded.document, machine,
                                    {.dev = options.dev, .lab = options.lab, .now = now});
        return loaded;
    }
    std::filesystem::path file = options.config;
    std::error_code ignored;
    if (file.empty() && !options.dev &&
        (options.set.empty() || std::filesystem::exists(kDefaultFile, ignored)))
        file = kDefaultFile;
    if (!file.empty()) {
        loaded.document.load(file);
        if (options.config.empty() && !loaded.document.ok())
            loaded.document.problem({},
                                    "give --config FILE, or --dev to try it out on this machine");
        // What is missing in a file that cannot be read is no news.
        if (!loaded.document.ok()) return loaded;
    }
    for (const std::string& assignment : options.set) loaded.document.set(assignment);
    loaded.config = read_config(loaded.document, Machine::look(),
                                {.dev = options.dev, .lab = options.lab, .now = now});
    return loaded;
}

}  // namespace turnpike::relay
