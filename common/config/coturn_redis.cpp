#include "common/config/coturn_redis.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "common/config/document.hpp"

namespace turnpike::config::coturn {
namespace {

constexpr std::string_view kBlanks = " \t";

enum class Key {
    Host,
    Database,
    User,
    Password,
    Port,
    Timeout,
    Tls,
    CaFile,
    CaDirectory,
    Certificate,
    PrivateKey,
    Name,
    Verify
};
struct Name {
    std::string_view text;
    Key key;
};
constexpr std::array kNames = {
    Name{"host", Key::Host},
    Name{"ip", Key::Host},
    Name{"addr", Key::Host},
    Name{"ipaddr", Key::Host},
    Name{"hostaddr", Key::Host},
    Name{"dbname", Key::Database},
    Name{"db", Key::Database},
    Name{"database", Key::Database},
    Name{"user", Key::User},
    Name{"uname", Key::User},
    Name{"name", Key::User},
    Name{"username", Key::User},
    Name{"password", Key::Password},
    Name{"pwd", Key::Password},
    Name{"passwd", Key::Password},
    Name{"secret", Key::Password},
    Name{"port", Key::Port},
    Name{"p", Key::Port},
    Name{"connect_timeout", Key::Timeout},
    Name{"timeout", Key::Timeout},
    Name{"tls", Key::Tls},
    Name{"ssl", Key::Tls},
    Name{"ca", Key::CaFile},
    Name{"cacert", Key::CaFile},
    Name{"tls-ca", Key::CaFile},
    Name{"capath", Key::CaDirectory},
    Name{"tls-capath", Key::CaDirectory},
    Name{"cert", Key::Certificate},
    Name{"tls-cert", Key::Certificate},
    Name{"clientkey", Key::PrivateKey},
    Name{"tls-key", Key::PrivateKey},
    Name{"sni", Key::Name},
    Name{"servername", Key::Name},
    Name{"tls-sni", Key::Name},
    Name{"verify", Key::Verify},
    Name{"tls-verify", Key::Verify},
};

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t least,
                                    std::uint32_t most) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
        return {};
    return value;
}

std::optional<bool> yes_or_no(std::string_view text) {
    for (const std::string_view word : {"1", "yes", "true", "on"}) {
        if (text == word) return true;
    }
    for (const std::string_view word : {"0", "no", "false", "off"}) {
        if (text == word) return false;
    }
    return {};
}

/// Why the value will not do, as the end of a sentence; empty when it is taken.
std::string take(RedisDatabase& to, Key key, std::string_view value) {
    const auto flag = [&](bool& into) -> std::string {
        const auto read = yes_or_no(value);
        if (!read) return "is neither yes nor no";
        into = *read;
        return {};
    };
    switch (key) {
        case Key::Host:
            to.host = value;
            return value.empty() ? "is empty" : "";
        case Key::Database: {
            const auto read = number(value, 0, 1'000'000);
            if (!read) return "is no number of a database";
            to.database = *read;
            return {};
        }
        case Key::User:
            to.user = value;
            return {};
        case Key::Password:
            to.password = Secret{value};
            return {};
        case Key::Port: {
            const auto read = number(value, 1, 65535);
            if (!read) return "is no port between 1 and 65535";
            to.port = static_cast<std::uint16_t>(*read);
            return {};
        }
        case Key::Timeout: {
            const auto read = number(value, 0, 3600);
            if (!read) return "is no number of seconds up to 3600";
            to.connect_timeout = Seconds{*read};
            return {};
        }
        case Key::Tls:
            return flag(to.tls.on);
        case Key::CaFile:
            to.tls.ca_file = value;
            return {};
        case Key::CaDirectory:
            to.tls.ca_directory = value;
            return {};
        case Key::Certificate:
            to.tls.certificate = value;
            return {};
        case Key::PrivateKey:
            to.tls.key = value;
            return {};
        case Key::Name:
            to.tls.server_name = value;
            return {};
        case Key::Verify:
            return flag(to.tls.verify);
    }
    return {};
}

}  // namespace

std::expected<RedisDatabase, RedisDatabase::Fault> RedisDatabase::parse(std::string_view text) {
    RedisDatabase out;
    for (std::size_t at = text.find_first_not_of(kBlanks); at < text.size();) {
        const std::string_view pair = text.substr(at, text.find_first_of(kBlanks, at) - at);
        const std::size_t equals = pair.find('=');
        const std::string_view key = pair.substr(0, equals);
        if (equals == std::string_view::npos || key.empty()) {
            // It may be the end of a password with a blank in it: not for messages.
            return std::unexpected{
                Fault{at, pair.size(), "has a part that is no key=value; values have no blanks"}};
        }
        const auto name = std::ranges::find(kNames, key, &Name::text);
        if (name == kNames.end()) {
            std::vector<std::string_view> known;
            for (const Name& each : kNames) known.push_back(each.text);
            const std::string_view near = nearest(key, known);
            // Neither is the key: it may be a piece of a password, too.
            std::string message = "has an unknown key";
            if (!near.empty()) message += "; did you mean \"" + std::string{near} + "\"?";
            return std::unexpected{Fault{at, key.size(), std::move(message)}};
        }
        if (const std::string why = take(out, name->key, pair.substr(equals + 1)); !why.empty()) {
            return std::unexpected{Fault{
                at, pair.size(), "has the key \"" + std::string{key} + "\", whose value " + why}};
        }
        at = text.find_first_not_of(kBlanks, at + pair.size());
    }
    return out;
}

std::string RedisDatabase::to_string() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (tls.on ? "rediss://" : "redis://") + (user.empty() ? "" : user + "@") +
           (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" +
           std::to_string(database);
}

}  // namespace turnpike::config::coturn
