#include <algorithm>
#include <set>

#include "common/config/coturn_translator.hpp"
#include "common/config/reading.hpp"
#include "common/config/units.hpp"

namespace turnpike::config::coturn {
namespace {

constexpr std::uint64_t kAny = 1'000'000'000'000;      // no longer a slip of the finger
constexpr std::uint64_t kAllocationsMost = 1'000'000;  // of our keys
constexpr std::uint64_t kBandwidthMost = 100'000'000;
constexpr std::uint64_t kWorkersMost = 256;
constexpr std::uint16_t kPlainPort = 3478, kTlsPort = 5349, kMetricsPort = 9641;
constexpr std::string_view kNearest = "the nearest that can be had";

/// What no `allow` lifts on a machine that is no lab.
bool hard_denied(const AddressRange& range) {
    for (const char* block : {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::/127",
                              "fe80::/10", "ff00::/8"}) {
        if (range.overlaps(*AddressRange::parse(block))) return true;
    }
    return false;
}

const AddressRange& ipv4_mapped() {
    static const AddressRange mapped = *AddressRange::parse("::ffff:0.0.0.0/96");
    return mapped;
}

}  // namespace

void Translator::node() {
    if (const Setting* threads = last("relay-threads")) {
        if (const auto count = number(*threads, 0, kAny)) {
            const std::uint64_t workers = std::clamp<std::uint64_t>(*count, 1, kWorkersMost);
            toml_.table("[node]");
            toml_.add("workers = " + std::to_string(workers), threads->line.value_at);
            mapped(*threads, "node.workers", std::to_string(workers),
                   workers < *count ? kNearest : std::string_view{});
        }
    }
    if (const Setting* verbose = last("Verbose"); verbose && verbose->on) {
        toml_.table("[log]");
        toml_.add("level = \"debug\"", verbose->line.name_at);
        mapped(*verbose, "log.level", "\"debug\"");
    }
    const Setting* prometheus = last("prometheus");
    const bool exported = prometheus && prometheus->on;
    std::optional<IpAddress> at = IpAddress{};
    std::optional<std::uint16_t> metrics_port = kMetricsPort;
    if (last("prometheus-port")) metrics_port = port("prometheus-port");
    if (const Setting* where = last("prometheus-address")) at = address(*where, where->line.value);
    for (const std::string_view option : {"prometheus-port", "prometheus-address"}) {
        const Setting* setting = last(option);
        if (!setting || entry(*setting).outcome == Outcome::Wrong) continue;
        if (exported)
            mapped(*setting, "metrics.address", setting->line.value);
        else
            becomes(*setting, Outcome::Ignored, "there is no `prometheus`");
    }
    if (exported && at && metrics_port) {
        const std::string value = toml_string(Endpoint{*at, *metrics_port}.to_string());
        toml_.table("[metrics]");
        toml_.add("address = " + value, prometheus->line.name_at);
        mapped(*prometheus, "metrics.address", value, "the metrics have names of their own");
    }
}

void Translator::auth() {
    toml_.table("[auth]");
    if (const Setting* realm = last("realm")) {
        toml_.add("realm = " + toml_string(realm->line.value), realm->line.value_at);
        mapped(*realm, "auth.realm", toml_string(realm->line.value));
    }
    nonces();
    // coturn takes any time of expiry.
    toml_.add("max_ttl = \"720h\"");

    std::vector<std::pair<std::string, Place>> secrets;
    for (const Setting* setting : all("static-auth-secret")) {
        secrets.emplace_back("{ value = " + toml_string(setting->line.value) + " }",
                             setting->line.value_at);
        mapped(*setting, "auth.secrets", "[{ value = \"(redacted)\" }]");
    }
    if (!secrets.empty()) toml_.list("secrets", secrets);
    credentials_ += secrets.size();
    if (const Setting* use = last("use-auth-secret"); use && use->on && secrets.empty())
        becomes(*use, Outcome::Unsupported,
                "there is no static-auth-secret, and secrets in a database are not read");
    if (const Setting* separator = last("rest-api-separator");
        separator && separator->line.value == ":")
        becomes(*separator, Outcome::Default, separator->option->note);
    users(!secrets.empty() || on("use-auth-secret"));
    databases();
    credentials_are_there();
}

void Translator::users(bool beside_secret) {
    std::set<std::string, std::less<>> names;
    auto settings = all("user");
    std::vector<const Setting*> taken;
    // From the back: of two with one name the last one holds.
    std::ranges::reverse(settings);
    for (const Setting* setting : settings) {
        const std::string& value = setting->line.value;
        const std::size_t colon = value.find(':');
        if (beside_secret) {
            becomes(*setting, Outcome::Ignored,
                    "beside a shared secret coturn lets no user of its own in");
            entry(*setting).notable = true;
        } else if (colon == std::string::npos || colon == 0 || colon + 1 == value.size()) {
            wrong(*setting, "is no name:password");
        } else if (value.compare(colon + 1, 2, "0x") == 0) {
            becomes(
                *setting, Outcome::Unsupported,
                "a key (0x…) is no password, and passwords are needed; write user=name:password");
        } else if (!names.insert(value.substr(0, colon)).second) {
            becomes(*setting, Outcome::Ignored, "a later line has the same name");
        } else {
            taken.push_back(setting);
        }
    }
    std::ranges::reverse(taken);
    for (const Setting* setting : taken) {
        const std::string& value = setting->line.value;
        const std::size_t colon = value.find(':');
        toml_.table("[[auth.users]]");
        toml_.add("name = " + toml_string(value.substr(0, colon)), setting->line.value_at);
        toml_.add("password = { value = " + toml_string(value.substr(colon + 1)) + " }",
                  setting->line.value_at);
        mapped(*setting, "auth.users", "{ name = " + toml_string(value.substr(0, colon)) + ", … }");
    }
    credentials_ += taken.size();
}

void Translator::nonces() {
    const Setting* stale = last("stale-nonce");
    if (!stale || stale->line.value.empty()) {
        if (stale) becomes(*stale, Outcome::Default, "10 minutes are the default here, too");
        return;
    }
    constexpr std::uint64_t kLeast = 10, kMost = 86'400;
    const auto seconds = number(*stale, 0, kAny);
    if (!seconds) return;
    // 0: for ever
    const std::uint64_t granted = *seconds == 0 ? kMost : std::clamp(*seconds, kLeast, kMost);
    toml_.add("nonce_lifetime = " + std::to_string(granted), stale->line.value_at);
    mapped(*stale, "auth.nonce_lifetime", std::to_string(granted),
           granted == *seconds ? std::string_view{} : kNearest);
}

void Translator::databases() {
    for (auto& [option, into] :
         {std::pair{"redis-userdb", &out_.redis_userdb}, {"redis-statsdb", &out_.redis_statsdb}}) {
        const Setting* setting = last(option);
        if (!setting) continue;
        auto read = RedisDatabase::parse(setting->line.value);
        if (!read) {
            wrong(*setting, read.error().message);
            // Stars hide the value; the place in it says which part is meant.
            Place& at = out_.problems.back().first;
            const auto fault = read.error();
            at = setting->line.value_at;
            at.column += static_cast<std::uint32_t>(fault.at);
            at.width = static_cast<std::uint32_t>(std::max<std::size_t>(fault.size, 1));
            continue;
        }
        becomes(*setting, Outcome::Unsupported,
                read->to_string() + ": " + std::string{setting->option->note});
        *into = std::move(*read);
    }
}

void Translator::credentials_are_there() {
    if (credentials_ > 0) return;
    absent("static-auth-secret", Outcome::Unsupported,
           "no secret and no user can be used from this file, and Turnpike lets nobody in without: "
           "add static-auth-secret=… or user=name:password, or auth.secrets or auth.users of "
           "relay.toml")
        .notable = true;
}

void Translator::redirect() {
    toml_.table("[redirect]");
    const auto plain = servers("alternate-server", kPlainPort);
    const auto secure = servers("tls-alternate-server", kTlsPort);
    if (!plain || !secure || (plain->empty() && secure->empty())) return;
    toml_.list("servers", *plain);
    toml_.list("tls_servers", *secure);  // in place of `servers`, even when there are none
}

std::optional<std::vector<std::pair<std::string, Place>>> Translator::servers(
    std::string_view option, std::uint16_t usual) {
    std::vector<std::pair<std::string, Place>> out;
    bool good = true;
    for (const Setting* setting : all(option)) {
        std::string_view text = setting->line.value;
        std::optional<Endpoint> at = Endpoint::parse(text);
        if (!at) {
            if (text.starts_with('[') && text.ends_with(']'))
                text = text.substr(1, text.size() - 2);
            if (const auto only = IpAddress::parse(text)) at = Endpoint{*only, usual};
        }
        if (!at) {
            wrong(*setting, "is " + in_quotes(setting->line.value) + ", which " +
                                parse_endpoint(setting->line.value).error());
            good = false;
            continue;
        }
        out.emplace_back(toml_string(at->to_string()), setting->line.value_at);
        mapped(*setting, option.starts_with("tls") ? "redirect.tls_servers" : "redirect.servers",
               out.back().first, setting->option->note);
    }
    if (!good) return {};
    return out;
}

void Translator::quota() {
    toml_.table("[quota]");
    const Setting* user = last("user-quota");
    const auto each = user ? number(*user, 0, kAny) : std::optional<std::uint64_t>{0};
    if (each) {
        // coturn counts none where none is said, and one name may be everybody's.
        const std::uint64_t most =
            *each == 0 ? kAllocationsMost : std::min(*each, kAllocationsMost);
        toml_.add("per_user = " + std::to_string(most), user ? user->line.value_at : Place{});
        const std::string_view note = *each == 0 ? "no limit worth the name, as in coturn" : "";
        if (user) {
            mapped(*user, "quota.per_user", std::to_string(most), note);
        } else {
            Entry& entry = absent("user-quota", Outcome::Mapped, note);
            entry.key = "quota.per_user";
            entry.value = std::to_string(most);
        }
    }
    if (const Setting* total = last("total-quota")) {
        if (const auto all_of_them = number(*total, 0, kAny)) {
            const std::uint64_t most = std::min(*all_of_them, kAllocationsMost);
            toml_.add("total = " + std::to_string(most), total->line.value_at);
            mapped(*total, "quota.total", std::to_string(most),
                   most == *all_of_them ? std::string_view{} : kNearest);
        }
    }
    if (const Setting* rate = last("max-bps")) {
        if (const auto bytes = number(*rate, 0, kAny)) {
            // Bytes a second each way → bits of both ways together.
            const std::uint64_t kbit = std::min((*bytes * 16 + 999) / 1000, kBandwidthMost);
            toml_.add("bandwidth_kbit_s = " + std::to_string(kbit), rate->line.value_at);
            mapped(*rate, "quota.bandwidth_kbit_s", std::to_string(kbit),
                   kbit == 0 ? "no limit" : "both ways together");
        }
    }
    if (const Setting* capacity = last("bps-capacity"); capacity && capacity->line.value == "0")
        becomes(*capacity, Outcome::Default, "no limit");
}

void Translator::peers() {
    toml_.table("[peers]");
    std::vector<AddressRange> allowed, forbidden;
    std::vector<const Setting*> deny;
    std::vector<std::pair<std::string, Place>> allow;

    const Setting* loopback = last("allow-loopback-peers");
    const bool lab = std::ranges::all_of(
        listening_, [](const Listening& l) { return l.setting && l.address.is_loopback(); });
    if (loopback && loopback->on && lab && !listening_.empty()) {
        toml_.add("mode = \"lab\"", loopback->line.name_at);
        for (const char* block : {"127.0.0.0/8", "::1/128"})
            allow.emplace_back(toml_string(block), loopback->line.name_at);
        mapped(*loopback, "peers.mode", "\"lab\"", "since every listening-ip is loopback");
    }
    for (const Setting* setting : all("allowed-peer-ip")) {
        const auto range = AddressRange::parse(setting->line.value);
        if (!range) {
            wrong(*setting, "is " + in_quotes(setting->line.value) + ", which " + range.error());
            continue;
        }
        allowed.push_back(*range);
        std::string blocks;
        for (const Cidr& block : to_blocks(*range)) {
            if (ipv4_mapped().overlaps({block.base, block.base})) continue;
            allow.emplace_back(toml_string(block.to_string()), setting->line.value_at);
            blocks += (blocks.empty() ? "" : ", ") + allow.back().first;
        }
        mapped(*setting, "peers.allow", "[" + blocks + "]",
               hard_denied(*range) && !lab ? "loopback, link-local and multicast stay denied" : "");
    }
    for (const Setting* setting : all("denied-peer-ip")) {
        const auto range = AddressRange::parse(setting->line.value);
        if (!range) {
            wrong(*setting, "is " + in_quotes(setting->line.value) + ", which " + range.error());
            continue;
        }
        forbidden.push_back(*range);
        deny.push_back(setting);
    }
    if (!allow.empty()) toml_.list("allow", allow);
    denied(deny, forbidden, allowed);
    absent(
        "denied-peer-ip", Outcome::Default,
        "private blocks and this machine's own addresses are denied unless allowed-peer-ip names "
        "them, and ports below 1024 but 443 (peers.allow_ports); coturn allows them")
        .notable = true;
}

void Translator::denied(const std::vector<const Setting*>& settings,
                        const std::vector<AddressRange>& ranges,
                        const std::vector<AddressRange>& allowed) {
    constexpr std::size_t kBlocksShown = 8;
    std::vector<std::pair<std::string, Place>> deny;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        // In coturn an address that is both is allowed; here it would be denied.
        std::vector<AddressRange> in_the_way;
        for (const AddressRange& each : allowed) {
            if (each.overlaps(ranges[i])) in_the_way.push_back(each);
        }
        const bool less = !in_the_way.empty();
        std::string shown;
        std::size_t blocks = 0;
        for (const AddressRange& rest : subtract({ranges[i]}, std::move(in_the_way))) {
            for (const Cidr& block : to_blocks(rest)) {
                if (ipv4_mapped().overlaps({block.base, block.base})) continue;
                deny.emplace_back(toml_string(block.to_string()), settings[i]->line.value_at);
                if (++blocks <= kBlocksShown)
                    shown += (shown.empty() ? "" : ", ") + deny.back().first;
            }
        }
        if (blocks > kBlocksShown) shown += ", … (" + std::to_string(blocks) + " blocks)";
        if (blocks == 0 && !less)
            becomes(*settings[i], Outcome::Default, "IPv4-mapped addresses are never peers");
        else
            mapped(*settings[i], "peers.deny", "[" + shown + "]",
                   less ? "less what allowed-peer-ip names" : "");
    }
    if (!deny.empty()) toml_.list("deny", deny);
}

void Translator::fixed_lifetimes() {
    for (const auto& [option, seconds] :
         {std::pair{"channel-lifetime", "600"}, {"permission-lifetime", "300"}}) {
        const Setting* setting = last(option);
        if (!setting || !number(*setting, 0, kAny)) continue;
        if (setting->line.value == seconds)
            becomes(*setting, Outcome::Default, setting->option->note);
    }
}

void Translator::what_stops() {
    for (const Setting& setting : settings_) {
        if (!setting.option->stops || !setting.on) continue;
        entry(setting).stops = true;
        entry(setting).note = std::string{setting.option->note} +
                              ": more would be let through than coturn lets through; take the line "
                              "out to go on without it";
    }
}

}  // namespace turnpike::config::coturn
