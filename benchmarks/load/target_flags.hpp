#pragma once

#include <expected>
#include <string>

#include "benchmarks/load/target.hpp"

namespace CLI {
class App;
}

namespace turnpike::bench {

/// The flags that name a server and open it, the same in every mode.
struct TargetFlags {
    std::string server = "127.0.0.1:3478", transport = "udp", user, password, secret_file, realm,
                netns;
    bool sha256 = false, insecure = false, owned = false;

    void add_to(CLI::App& app);
    enum class Credentials : std::uint8_t { Needed, NotNeeded };
    /// The target, or what is wrong with the flags.
    std::expected<Target, std::string> target(Credentials credentials = Credentials::Needed) const;
};

/// The block that a flag gives, nothing when it was not given, or what is wrong with it.
std::expected<std::optional<Cidr>, std::string> address_block(const char* flag,
                                                              const std::string& text);

}  // namespace turnpike::bench
