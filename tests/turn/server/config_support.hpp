#pragma once

#include <string>
#include <string_view>

#include "tests/support/temp_dir.hpp"
#include "turn/server/config.hpp"

namespace turnpike::relay {

/// A machine with one public-looking IPv4 and IPv6 address, and loopback.
inline Machine test_machine() {
    Machine machine;
    for (const char* text : {"127.0.0.1", "::1", "192.0.2.10", "10.0.0.5", "2001:db8::10"})
        machine.addresses.push_back(*IpAddress::parse(text));
    machine.default_v4 = *IpAddress::parse("192.0.2.10");
    machine.default_v6 = *IpAddress::parse("2001:db8::10");
    return machine;
}

/// Text as relay.toml, read.
struct ReadText {
    explicit ReadText(std::string_view text, ReadOptions options = {},
                      const Machine& machine = test_machine())
        : document(config::Document::Options{.dev = options.dev}) {
        document.parse(text, "relay.toml");
        config = read_config(document, machine, options);
    }
    config::Document document;
    Config config;
};

/// What every configuration needs, and the rest.
inline std::string with_basics(std::string_view rest) {
    return "[[listen]]\ntransport = \"udp\"\naddress = \"192.0.2.10:3478\"\n[auth]\nusers = [{name "
           "= \"ada\", password = {value = \"correct-horse\"}}]\n" +
           std::string{rest};
}

}  // namespace turnpike::relay
