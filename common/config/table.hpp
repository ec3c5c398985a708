#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/port_range.hpp"
#include "common/base/secret.hpp"
#include "common/config/place.hpp"

namespace turnpike::config {

struct Reading;  // the Document's inside

/// A secret and where it came from.
struct SecretText {
    Secret value;
    std::string
        origin;  // "file /etc/turnpike/turn-secret", "environment TURN_SECRET"; never the secret
};

/// One of the shared secrets of `auth.secrets`, as both daemons read it.
struct SharedSecret {
    std::string id;  // [A-Za-z0-9_-]{1,16}
    Secret value;
    bool sha256 = false;              // algorithm = "sha256"; else sha1
    bool issued_by_turnpike = false;  // issuer = "turnpike"
    std::string origin;
};

/// One table of the configuration. A getter leaves `value` as it is (the default) when the key is
/// absent or wrong; wrong ones become problems of the Document. Every getter returns whether the
/// key was given and good, and makes the key known.
///
/// Lifetime   borrows the Document
/// Threading  the Document's
class Table {
public:
    bool flag(std::string_view key, bool& value);
    bool text(std::string_view key, std::string& value);
    /// The name of a file or directory. A relative one is below the configuration file's directory;
    /// of a
    /// --set flag, below the working directory.
    bool path(std::string_view key, std::filesystem::path& value);
    /// A string or a list of strings.
    bool texts(std::string_view key, std::vector<std::string>& value);
    /// A table of strings.
    bool labels(std::string_view key, std::map<std::string, std::string>& value);

    template <std::integral T>
    bool number(std::string_view key, T& value, std::type_identity_t<T> least,
                std::type_identity_t<T> most) {
        auto wide = static_cast<std::int64_t>(value);
        const bool given =
            integer(key, wide, static_cast<std::int64_t>(least), static_cast<std::int64_t>(most));
        value = static_cast<T>(wide);
        return given;
    }
    bool number(std::string_view key, double& value, double least, double most);

    /// "20s", "10m", "1h30m", or an integer of seconds.
    bool duration(std::string_view key, Seconds& value, Seconds least, Seconds most);
    /// The same with "250ms" allowed.
    bool duration(std::string_view key, Milliseconds& value, Milliseconds least, Milliseconds most);
    /// "64KiB", "1MiB", "1GB", or an integer of bytes.
    bool bytes(std::string_view key, std::size_t& value, std::size_t least, std::size_t most);

    bool endpoint(std::string_view key, Endpoint& value);
    bool address(std::string_view key, IpAddress& value);
    bool addresses(std::string_view key, std::vector<IpAddress>& value);  // one or a list
    bool cidrs(std::string_view key, std::vector<Cidr>& value);           // one or a list
    bool ports(std::string_view key, std::vector<std::uint16_t>& value);  // a list of 1 to 65535
    bool cidrs(std::string_view key, std::vector<CidrPorts>& value);      // one or a list
    /// "443" or "1024-65535", one or a list.
    bool port_ranges(std::string_view key, std::vector<PortRange>& value);

    /// One of a few words.
    template <typename T>
    bool choice(std::string_view key, T& value,
                std::initializer_list<std::pair<std::string_view, T>> words) {
        std::vector<std::string_view> names;
        std::size_t at = 0;
        for (const auto& [name, meaning] : words) {
            if (meaning == value) at = names.size();
            names.push_back(name);
        }
        const bool given = one_of(key, at, names);
        value = (words.begin() + at)->second;
        return given;
    }

    /// {file = "..."} | {env = "..."} | {credential = "..."} | {value = "..."}.
    bool secret(std::string_view key, SecretText& value, std::size_t bytes_min = kSecretBytesMin);
    /// A list of such. A file may hold several, one a line.
    bool secrets(std::string_view key, std::vector<SecretText>& value,
                 std::size_t bytes_min = kSecretBytesMin);
    /// `auth.secrets` of both daemons: a list of secrets, each with id, issuer and algorithm.
    /// Without an id they are k1, k2, ... A file may hold several, one a line: the second line of
    /// k1 is k1-2.
    bool shared_secrets(std::string_view key, std::vector<SharedSecret>& value);

    /// A sub-table: empty when absent, so its defaults are read all the same.
    Table table(std::string_view key);
    /// A list of tables ([[key]] or key = [{...}]); none when absent.
    std::vector<Table> tables(std::string_view key);

    /// The keys that are there, for a table whose keys are names.
    std::vector<std::string> keys() const;
    bool has(std::string_view key) const;
    /// Of the value; of the table when the key is absent.
    Place place(std::string_view key) const;
    Place place() const;
    /// "relay.min_port" goes in front: "is above relay.max_port", or ": cannot read ...".
    void problem(std::string_view key, std::string message);
    void warning(std::string_view key, std::string message);
    bool dev() const noexcept;

    static constexpr std::size_t kSecretBytesMin = 16;
    static constexpr std::size_t kSecretFileBytesMax = 64 * 1024;

private:
    friend class Document;
    friend struct SecretReader;
    Table(Reading* reading, std::size_t index) : reading_(reading), index_(index) {}

    void report(Problem::Severity severity, std::string_view key, const std::string& message);
    bool integer(std::string_view key, std::int64_t& value, std::int64_t least, std::int64_t most);
    bool one_of(std::string_view key, std::size_t& value,
                const std::vector<std::string_view>& names);

    Reading* reading_;
    std::size_t index_;  // of the reading's tables
};

}  // namespace turnpike::config
