#pragma once

#include <string>
#include <string_view>

#include "benchmarks/load/verdict.hpp"

namespace turnpike::bench {

/// For the end of every mode's --help.
constexpr std::string_view kCommonFooter =
    "A server is refused unless packets to it stay on this machine: loopback, an address of this "
    "machine or of the\n"
    "--client-netns, or one that is on-link behind a veth. --target-is-mine lifts that.\n\n"
    "Exit codes: 0 everything came, once and intact · 1 not so · 2 usage · 6 the server could not "
    "be used ·\n"
    "9 result invalid, generator saturated: its own drops or lateness explain the figures.";

/// Says what is wrong on stderr; the exit code.
int complain(const std::string& problem, int exit_code);
int exit_code_of(const Verdict& verdict) noexcept;

}  // namespace turnpike::bench
