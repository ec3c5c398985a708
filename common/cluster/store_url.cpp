#include "common/cluster/store_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace turnpike::cluster {
namespace {

constexpr std::size_t kAddressesMax = 64;
constexpr std::size_t kSocketPathMax = 107;  // of sockaddr_un
constexpr std::uint16_t kRedisPort = 6379, kSentinelPort = 26379;

using Problem = std::unexpected<std::string>;

struct Scheme {
    std::string_view name;
    StoreUrl::Kind kind;
    bool tls, unix_socket;
};
constexpr std::array<Scheme, 8> kSchemes{
    {{"memory", StoreUrl::Kind::Memory, false, false},
     {"redis", StoreUrl::Kind::Single, false, false},
     {"rediss", StoreUrl::Kind::Single, true, false},
     {"redis+unix", StoreUrl::Kind::Single, false, true},
     {"redis+sentinel", StoreUrl::Kind::Sentinel, false, false},
     {"rediss+sentinel", StoreUrl::Kind::Sentinel, true, false},
     {"redis+cluster", StoreUrl::Kind::Cluster, false, false},
     {"rediss+cluster", StoreUrl::Kind::Cluster, true, false}}};

std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size()) return {};
        const auto [end, error] =
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
        if (error != std::errc{} || end != text.data() + i + 3) return {};
        out.push_back(static_cast<char>(value));
        i += 2;
    }
    return out;
}

bool control_free(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

template <typename T>
std::optional<T> whole(std::string_view text, T most) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most || value < 0)
        return {};
    return value;
}

// A name of DNS or an address: letters, digits, and what addresses need.
bool host_like(std::string_view host, bool bracketed) {
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '.' || c == '-' || c == '_' || (bracketed && (c == ':' || c == '%'));
    });
}

std::expected<StoreAddress, std::string> address_in(std::string_view text, std::uint16_t port) {
    StoreAddress out;
    std::string_view rest;
    const bool bracketed = text.starts_with('[');
    if (bracketed) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return Problem{"has an address without its \"]\""};
        out.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    } else {
        const std::size_t colon = std::min(text.find(':'), text.size());
        out.host = text.substr(0, colon);
        rest = text.substr(colon);
    }
    if (!host_like(out.host, bracketed))
        return Problem{
            "has no good host before its port: write redis.example:6379 or [2001:db8::1]:6379"};
    out.port = port;
    if (!rest.empty()) {
        const auto given =
            rest.starts_with(':') ? whole<std::uint16_t>(rest.substr(1), 65535) : std::nullopt;
        if (!given || *given == 0) return Problem{"has a port that is none (1 to 65535)"};
        out.port = *given;
    }
    return out;
}

struct UrlReader {
    StoreUrl url;
    const Scheme& scheme;
    std::string problem;

    bool fail(std::string what) {
        problem = std::move(what);
        return false;
    }

    bool text_of(std::string_view what, std::string_view encoded, std::string& out) {
        const auto text = decoded(encoded);
        if (!text || !control_free(*text))
            return fail("has a " + std::string{what} +
                        " with broken percent-encoding or control characters");
        out = *text;
        return true;
    }

    bool login(std::string_view info) {
        const std::size_t colon = info.find(':');
        if (colon == std::string_view::npos)
            return fail("has a user without a password: write USER:PASSWORD@ or :PASSWORD@");
        std::string password;
        if (!text_of("user", info.substr(0, colon), url.login.user) ||
            !text_of("password", info.substr(colon + 1), password)) {
            return false;
        }
        if (password.empty()) return fail("has an empty password");
        url.login.password = Secret{std::string_view{password}};
        std::ranges::fill(password, '\0');
        return true;
    }

    bool hosts(std::string_view list) {
        const std::uint16_t port =
            scheme.kind == StoreUrl::Kind::Sentinel ? kSentinelPort : kRedisPort;
        for (;;) {
            const std::size_t comma = std::min(list.find(','), list.size());
            const auto address = address_in(list.substr(0, comma), port);
            if (!address) return fail(address.error());
            if (std::ranges::find(url.addresses, *address) != url.addresses.end())
                return fail("names " + address->to_string() + " twice");
            url.addresses.push_back(*address);
            if (url.addresses.size() > kAddressesMax) return fail("names more than 64 hosts");
            if (comma == list.size()) break;
            list = list.substr(comma + 1);
        }
        if (scheme.kind == StoreUrl::Kind::Single && url.addresses.size() > 1)
            return fail("names several hosts; redis+sentinel:// and redis+cluster:// do that");
        return true;
    }

    bool database(std::string_view text) {
        const auto number = whole<int>(text, 65535);
        if (!number) return fail("has a database that is no number");
        if (*number != 0 && scheme.kind == StoreUrl::Kind::Cluster)
            return fail("has a database; Redis Cluster knows only 0");
        url.database = *number;
        return true;
    }

    bool path(std::string_view path) {
        if (scheme.unix_socket) {
            std::string socket;
            if (!text_of("path", path, socket)) return false;
            if (!socket.starts_with('/') || socket.size() < 2)
                return fail("needs an absolute path: redis+unix:///run/redis/redis.sock");
            if (socket.size() > kSocketPathMax) return fail("has a path of more than 107 bytes");
            url.addresses = {{std::move(socket), {}, 0}};
            return true;
        }
        if (!path.empty()) path.remove_prefix(1);
        if (scheme.kind == StoreUrl::Kind::Sentinel) {
            const std::size_t slash = std::min(path.find('/'), path.size());
            if (!text_of("name of the master", path.substr(0, slash), url.master)) return false;
            if (url.master.empty())
                return fail("needs the name of the master that the sentinels watch: .../mymaster");
            path = slash < path.size() ? path.substr(slash + 1) : std::string_view{};
        }
        return path.empty() || database(path);
    }

    bool option(std::string_view name, std::string_view encoded) {
        std::string value;
        if (!text_of(name, encoded, value)) return false;
        if (value.empty()) return fail("has an empty " + std::string{name});
        if (name == "db") return database(value);
        if (name == "user") return url.login.user = value, true;
        if (name == "password_file") return url.login.password_file = value, true;
        if (url.tls && name == "ca") return url.ca = value, true;
        if (url.tls && name == "cert") return url.certificate = value, true;
        if (url.tls && name == "key") return url.key = value, true;
        if (url.tls && name == "server_name") return url.server_name = value, true;
        if (scheme.kind == StoreUrl::Kind::Sentinel && name == "sentinel_user")
            return url.sentinel_login.user = value, true;
        if (scheme.kind == StoreUrl::Kind::Sentinel && name == "sentinel_password_file")
            return url.sentinel_login.password_file = value, true;
        return fail("has an option that " + std::string{scheme.name} + ":// does not know");
    }

    bool options(std::string_view query) {
        while (!query.empty()) {
            const std::size_t end = std::min(query.find('&'), query.size());
            const std::string_view one = query.substr(0, end);
            const std::size_t equals = one.find('=');
            if (equals == std::string_view::npos) return fail("has an option without a \"=\"");
            if (!option(one.substr(0, equals), one.substr(equals + 1))) return false;
            query = end < query.size() ? query.substr(end + 1) : std::string_view{};
        }
        return true;
    }

    bool consistent() {
        if (!url.login.password.empty() && !url.login.password_file.empty())
            return fail("has a password and a password_file");
        if (!url.login.user.empty() && url.login.empty())
            return fail("has a user without a password");
        if (!url.sentinel_login.user.empty() && url.sentinel_login.empty())
            return fail("has a sentinel_user without a sentinel_password_file");
        if (url.certificate.empty() != url.key.empty()) return fail("needs cert and key together");
        return true;
    }
};

}  // namespace

std::string StoreAddress::to_string() const {
    if (!socket.empty()) return "unix:" + socket;
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::expected<StoreUrl, std::string> StoreUrl::parse(std::string_view text) {
    if (text.size() > kBytesMax) return Problem{"is longer than 2048 bytes"};
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos)
        return Problem{"is no URL: redis://HOST:6379 or memory://"};
    const auto* scheme = std::ranges::find(kSchemes, text.substr(0, colon), &Scheme::name);
    if (scheme == kSchemes.end()) {
        return Problem{
            "has a scheme that is none of memory, redis, rediss, redis+unix, redis+sentinel, "
            "redis+cluster"};
    }
    std::string_view rest = text.substr(colon + 3);
    if (scheme->kind == Kind::Memory) {
        if (!rest.empty()) return Problem{"has something behind memory://"};
        return StoreUrl{};
    }

    UrlReader reader{{}, *scheme, {}};
    reader.url.kind = scheme->kind;
    reader.url.tls = scheme->tls;
    const std::size_t question = std::min(rest.find('?'), rest.size());
    const std::string_view query =
        question < rest.size() ? rest.substr(question + 1) : std::string_view{};
    rest = rest.substr(0, question);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view authority = rest.substr(0, slash);
    const std::size_t at = authority.rfind('@');
    bool good = true;
    if (at != std::string_view::npos) {
        good = reader.login(authority.substr(0, at));
        authority = authority.substr(at + 1);
    }
    if (good && scheme->unix_socket && !authority.empty())
        good = reader.fail("names a host; a socket is redis+unix:///run/redis/redis.sock");
    if (good && !scheme->unix_socket) good = reader.hosts(authority);
    good = good && reader.path(rest.substr(slash)) && reader.options(query) && reader.consistent();
    if (!good) return Problem{reader.problem};
    return std::move(reader.url);
}

std::string StoreUrl::shown() const {
    if (kind == Kind::Memory) return "memory://";
    const bool unix_socket = !addresses.empty() && !addresses.front().socket.empty();
    std::string out;
    for (const Scheme& scheme : kSchemes) {
        if (scheme.kind == kind && scheme.tls == tls && scheme.unix_socket == unix_socket)
            out = std::string{scheme.name} + "://";
    }
    if (unix_socket) {
        out += addresses.front().socket;
    } else {
        for (std::size_t i = 0; i < addresses.size(); ++i)
            out += (i ? "," : "") + addresses[i].to_string();
    }
    if (!master.empty()) out += '/' + master;
    if (database != 0) out += (unix_socket ? "?db=" : "/") + std::to_string(database);
    return out;
}

}  // namespace turnpike::cluster
