#include <algorithm>

#include "common/config/coturn_translator.hpp"
#include "common/config/reading.hpp"
#include "common/config/units.hpp"

namespace turnpike::config::coturn {
namespace {

constexpr std::uint16_t kPlainPort = 3478, kTlsPort = 5349;

/// A port there, with TLS or without, in the words of [[listen]]; empty: none.
std::string_view transport_of(bool plain, bool secure, std::string_view plain_name,
                              std::string_view secure_name, std::string_view both) {
    if (plain && secure) return both;
    return plain ? plain_name : secure ? secure_name : std::string_view{};
}

}  // namespace

void Translator::listener(std::string_view transport, const Endpoint& at, const Place& origin,
                          bool secure) {
    if (transport.empty()) return;
    ++listeners_;
    toml_.table("[[listen]]");
    toml_.add("transport = " + toml_string(transport), origin);
    toml_.add("address = " + toml_string(at.to_string()), origin);
    if (!secure) return;
    for (const auto& [key, setting] : {std::pair{"certificate", certificate_}, {"key", key_}}) {
        std::filesystem::path file = setting->line.value;
        if (file.is_relative() && !options_.directory.empty()) file = options_.directory / file;
        toml_.add(std::string{key} + " = " + toml_string(file.string()), setting->line.value_at);
    }
}

void Translator::certificates() {
    certificate_ = last("cert");
    key_ = last("pkey");
    const bool wanted = !on("no-tls") || !on("no-dtls");
    if (certificate_ && key_) {
        for (const auto& [setting, key] :
             {std::pair{certificate_, "listen.certificate"}, {key_, "listen.key"}}) {
            if (wanted)
                mapped(*setting, key, toml_string(setting->line.value));
            else
                becomes(*setting, Outcome::Ignored, "no-tls and no-dtls leave nothing to use it");
        }
    } else if (certificate_ || key_) {
        const Setting& one = certificate_ ? *certificate_ : *key_;
        if (wanted)
            wrong(one, certificate_ ? "needs pkey beside it" : "needs cert beside it");
        else
            becomes(one, Outcome::Ignored, "no-tls and no-dtls leave nothing to use it");
    } else if (wanted) {
        absent("cert", Outcome::Default,
               "without cert and pkey there are no listeners for TLS and DTLS")
            .notable = true;
    }
}

void Translator::listeners() {
    plain_port_ = port("listening-port").value_or(kPlainPort);
    tls_port_ = port("tls-listening-port").value_or(kTlsPort);
    for (const Setting* setting : all("listening-ip")) {
        const auto read = address(*setting, setting->line.value);
        if (!read) continue;
        const bool twice =
            std::ranges::any_of(listening_, [&](const Listening& l) { return l.address == *read; });
        if (twice) {
            becomes(*setting, Outcome::Ignored, "it is there already");
            continue;
        }
        mapped(*setting, "listen.address", toml_string(Endpoint{*read, plain_port_}.to_string()));
        listening_.push_back({*read, setting});
    }
    if (all("listening-ip").empty()) {
        listening_.push_back({IpAddress{}, nullptr});
        if (options_.ipv6) listening_.push_back({*IpAddress::parse("::"), nullptr});
        Entry& entry = absent("listening-ip", Outcome::Mapped, "every address of this machine");
        entry.key = "listen.address";
        entry.value = toml_string(Endpoint{{}, plain_port_}.to_string());
    }
    certificates();

    const bool secure = certificate_ && key_;
    const bool udp = !on("no-udp"), tcp = !on("no-tcp");
    const bool dtls = secure && !on("no-dtls"), tls = secure && !on("no-tls");
    const bool one_port = plain_port_ == tls_port_;
    const std::string_view datagrams = transport_of(udp, dtls, "udp", "dtls", "udp+dtls");
    const std::string_view streams = transport_of(tcp, tls, "tcp", "tls", "tcp+tls");

    const Setting* plain = last("listening-port");
    const Setting* encrypted = last("tls-listening-port");
    for (const Listening& each : listening_) {
        const auto origin = [&](const Setting* port) {
            return each.setting ? each.setting->line.value_at
                   : port       ? port->line.value_at
                                : Place{};
        };
        const Endpoint at{each.address, plain_port_}, at_tls{each.address, tls_port_};
        // The order in which URLs are derived: TLS on its usual port before TLS on the plain one.
        if (udp || one_port) listener(datagrams, at, origin(plain), dtls);
        if (tls && !one_port) listener(streams, at_tls, origin(encrypted), true);
        if (dtls && !one_port) listener(datagrams, at_tls, origin(encrypted), true);
        if (tcp || one_port) listener(streams, at, origin(plain), tls);
    }
    if (plain) mapped(*plain, "listen.address", std::to_string(plain_port_));
    if (encrypted) {
        if (dtls || tls)
            mapped(*encrypted, "listen.address", std::to_string(tls_port_));
        else
            becomes(*encrypted, Outcome::Ignored,
                    "there is nothing with TLS or DTLS to listen for");
    }
    for (const auto& [option, words] :
         {std::pair{"no-udp", dtls ? "no \"udp\", but \"dtls\"" : "no \"udp\""},
          {"no-tcp", tls ? "no \"tcp\", but \"tls\"" : "no \"tcp\""},
          {"no-tls", "no \"tls\""},
          {"no-dtls", "no \"dtls\""}}) {
        if (const Setting* setting = last(option); setting && setting->on)
            mapped(*setting, "listen.transport", words);
    }
    auxiliary();
    behaviour_discovery();
    if (listeners_ == 0) {
        for (const Setting& setting : settings_) {
            if (setting.option->name != "no-udp" || !setting.on) continue;
            wrong(setting, secure
                               ? "and its likes leave no listener"
                               : "and no-tcp leave no listener, since there is no cert with pkey");
            break;
        }
    }
}

void Translator::auxiliary() {
    const bool secure = certificate_ && key_;
    const bool dtls = secure && !on("no-dtls"), tls = secure && !on("no-tls");
    for (const Setting* setting : all("aux-server")) {
        const auto at = parse_endpoint(setting->line.value);
        if (!at || at->port == 0) {
            wrong(*setting, "is " + in_quotes(setting->line.value) + ", which " +
                                (at ? "has no port" : at.error()));
            continue;
        }
        mapped(*setting, "listen.address", toml_string(at->to_string()));
        const Place& origin = setting->line.value_at;
        listener(transport_of(!on("no-udp"), dtls, "udp", "dtls", "udp+dtls"), *at, origin, dtls);
        listener(transport_of(!on("no-tcp"), tls, "tcp", "tls", "tcp+tls"), *at, origin, tls);
    }
    if (const Setting* proxy = last("tcp-proxy-port")) {
        if (const auto number = port("tcp-proxy-port")) {
            for (const Listening& each : listening_) {
                listener("tcp", Endpoint{each.address, *number}, proxy->line.value_at, false);
                toml_.add(std::string{"proxy_protocol = ["} +
                              (each.address.is_v4() ? "\"0.0.0.0/0\"]" : "\"::/0\"]"),
                          proxy->line.value_at);
            }
            mapped(*proxy, "listen.proxy_protocol", "[\"0.0.0.0/0\"]", proxy->option->note);
        }
    }
}

void Translator::behaviour_discovery() {
    const Setting* alternate = last("alt-listening-port");
    std::uint16_t other_port = static_cast<std::uint16_t>(plain_port_ + 1);
    bool good = true;
    if (alternate && alternate->line.value != "0") {
        const auto read = port("alt-listening-port");
        good = read.has_value();
        other_port = read.value_or(other_port);
    }
    std::vector<std::pair<std::string, Place>> addresses;
    for (const Family family : {Family::V4, Family::V6}) {
        std::vector<std::pair<std::string, Place>> of_family;
        for (const Listening& each : listening_) {
            if (each.setting && !each.address.is_unspecified() && each.address.family() == family &&
                of_family.size() < 2)
                of_family.emplace_back(toml_string(each.address.to_string()),
                                       each.setting->line.value_at);
        }
        if (of_family.size() == 2)
            addresses.insert(addresses.end(), of_family.begin(), of_family.end());
    }

    std::string_view why;
    if (addresses.empty())
        why = "behaviour discovery needs two listening-ip of one family";
    else if (on("no-rfc5780"))
        why = "no-rfc5780 turns behaviour discovery off";
    else if (on("no-udp"))
        why = "behaviour discovery is done over UDP";
    else if (!all("external-ip").empty())
        why =
            "behaviour discovery is not done behind external-ip: clients would be told private "
            "addresses";
    if (!why.empty()) {
        if (alternate && good)
            becomes(*alternate, Outcome::Ignored, why);
        else if (!addresses.empty() && !on("no-rfc5780"))
            absent("no-rfc5780", Outcome::Ignored, why).notable = true;
        return;
    }
    if (!good) return;
    if (other_port == plain_port_ || other_port == 0) {
        if (alternate) wrong(*alternate, "is the listening port");
        return;
    }
    toml_.table("[behaviour_discovery]");
    toml_.list("addresses", addresses);
    toml_.add("ports = [" + std::to_string(plain_port_) + ", " + std::to_string(other_port) + "]",
              alternate ? alternate->line.value_at : Place{});
    if (alternate) mapped(*alternate, "behaviour_discovery.ports", std::to_string(other_port));
    if (!last("no-rfc5780")) {
        Entry& entry = absent("no-rfc5780", Outcome::Mapped,
                              "two listening-ip of one family turn it on, as in coturn");
        entry.key = "behaviour_discovery.addresses";
        entry.value = addresses[0].first + " and " + addresses[1].first;
    }
}

void Translator::relay() {
    toml_.table("[relay]");
    relay_addresses();
    external_addresses();
    for (const auto& [option, key] :
         {std::pair{"min-port", "min_port"}, {"max-port", "max_port"}}) {
        const Setting* setting = last(option);
        const auto read = port(option);
        if (!setting || !read) continue;
        toml_.add(std::string{key} + " = " + std::to_string(*read), setting->line.value_at);
        mapped(*setting, std::string{"relay."} + key, std::to_string(*read));
    }
    families();
    if (const Setting* mobility = last("mobility"); mobility && mobility->on) {
        toml_.add("mobility = true", mobility->line.name_at);
        mapped(*mobility, "relay.mobility", "true");
    }
    if (const Setting* no = last("no-tcp-relay"); no && no->on) {
        toml_.add("tcp = false", no->line.name_at);
        mapped(*no, "relay.tcp", "false");
    } else {
        toml_.add("tcp = true");
        Entry& entry = absent("no-tcp-relay", Outcome::Mapped,
                              "as in coturn; say no-tcp-relay unless somebody needs it");
        entry.key = "relay.tcp";
        entry.value = "true";
    }
    constexpr std::uint64_t kLeast = 60, kMost = 86'400, kAny = 1'000'000'000;
    if (const Setting* lifetime = last("max-allocate-lifetime")) {
        if (const auto seconds = number(*lifetime, 0, kAny)) {
            const std::uint64_t granted = std::clamp(*seconds, kLeast, kMost);
            toml_.add("max_lifetime = " + std::to_string(granted), lifetime->line.value_at);
            mapped(*lifetime, "relay.max_lifetime", std::to_string(granted),
                   granted == *seconds ? "" : "the nearest that can be had");
        }
    }
    // coturn takes the channel numbers of RFC 5766, and ends no allocation that is refreshed.
    toml_.add("channel_range = \"rfc5766\"");
    toml_.add("max_session = \"720h\"");
}

void Translator::relay_addresses() {
    std::vector<std::pair<std::string, Place>> elements;
    for (const Setting* setting : all("relay-ip")) {
        const auto read = address(*setting, setting->line.value);
        if (!read) continue;
        const std::string text = toml_string(read->to_string());
        const bool twice =
            std::ranges::any_of(elements, [&](const auto& e) { return e.first == text; });
        if (twice) {
            becomes(*setting, Outcome::Ignored, "it is there already");
            continue;
        }
        elements.emplace_back(text, setting->line.value_at);
        mapped(*setting, "relay.address", text);
    }
    if (!elements.empty()) toml_.list("address", elements);
}

void Translator::external_addresses() {
    // Whose private halves can be relay addresses; empty: any may be.
    std::vector<IpAddress> known;
    bool certain = true;
    for (const Setting* setting : all("relay-ip")) {
        if (const auto read = IpAddress::parse(setting->line.value)) known.push_back(*read);
    }
    if (known.empty()) {
        for (const Listening& each : listening_) {
            certain = certain && !each.address.is_unspecified();
            known.push_back(each.address);
        }
    }

    std::vector<std::pair<std::string, Place>> externals, locals;
    for (const Setting* setting : all("external-ip")) {
        const std::string_view text = setting->line.value;
        const std::size_t slash = text.find('/');
        const auto external = address(*setting, text.substr(0, slash));
        if (!external) continue;
        std::string pair = external->to_string();
        if (slash != std::string_view::npos) {
            const auto local = address(*setting, text.substr(slash + 1));
            if (!local) continue;
            pair += "/" + local->to_string();
            if (certain && std::ranges::find(known, *local) == known.end()) {
                becomes(*setting, Outcome::Ignored,
                        "no relay-ip or listening-ip is " + local->to_string());
                entry(*setting).notable = true;
                continue;
            }
            const std::string element = toml_string(local->to_string());
            if (std::ranges::none_of(locals, [&](const auto& l) { return l.first == element; }))
                locals.emplace_back(element, setting->line.value_at);
        }
        externals.emplace_back(toml_string(pair), setting->line.value_at);
        mapped(*setting, "relay.external_ip", externals.back().first);
    }
    // Listening everywhere and told of several addresses that are mapped: those are the relay's. A
    // single one is the default route's, which leaves the other family as it is.
    if (!certain && locals.size() > 1) toml_.list("address", locals);
    if (!externals.empty()) toml_.list("external_ip", externals);
}

void Translator::families() {
    const Setting* keep = last("keep-address-family");
    const Setting* chosen = last("allocation-default-address-family");
    if (chosen) {
        const std::string& word = chosen->line.value;
        if (word == "keep" || word == "ipv4") {
            const std::string value = word == "keep" ? "\"listener\"" : "\"ipv4\"";
            toml_.add("default_family = " + value, chosen->line.value_at);
            mapped(*chosen, "relay.default_family", value);
        } else if (word == "ipv6") {
            becomes(*chosen, Outcome::Unsupported,
                    "IPv6 for clients that do not ask for it; \"keep\" gives each client its own "
                    "family");
        } else {
            wrong(*chosen, "is " + in_quotes(word) + "; it must be ipv4, ipv6 or keep");
        }
        if (keep && keep->on)
            becomes(*keep, Outcome::Ignored, "allocation-default-address-family says it, too");
    } else if (keep && keep->on) {
        toml_.add("default_family = \"listener\"", keep->line.name_at);
        mapped(*keep, "relay.default_family", "\"listener\"");
    }
}

}  // namespace turnpike::config::coturn
