#include "common/config/coturn_options.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "common/config/document.hpp"

namespace turnpike::config::coturn {
namespace {

constexpr auto kFlag = Option::Takes::Flag;
constexpr auto kValue = Option::Takes::Value;
constexpr auto kMaybe = Option::Takes::MaybeValue;
constexpr auto kMapped = Outcome::Mapped;
constexpr auto kDefault = Outcome::Default;
constexpr auto kIgnored = Outcome::Ignored;
constexpr auto kUnsupported = Outcome::Unsupported;
constexpr bool kMany = true, kSecret = true, kStops = true;

constexpr std::string_view kCli =
    "the CLI `turnpike` talks to the admin socket; no port, no password";
constexpr std::string_view kLogs =
    "the log goes to stderr or to the journal; systemd's StandardError= sends it elsewhere";
constexpr std::string_view kTls = "TLS is 1.2 or 1.3, DTLS 1.2; nothing older is there";
constexpr std::string_view kDh = "Diffie-Hellman runs over elliptic curves only";
constexpr std::string_view kUsersMove =
    "users in this database cannot be read; write them as [[auth.users]], or use a shared secret";
constexpr std::string_view kUnit = "the service manager does it: User= and Group= of the unit";

// In the order of coturn's own example file.
constexpr std::array kOptions = {
    Option{"listening-device", "-d", kValue, kUnsupported, "",
           "name the device's address with listening-ip", "eth0"},
    Option{"listening-port", "-p", kValue, kMapped, "listen.address",
           "UDP and TCP, and TLS and DTLS where there is a certificate", "3478"},
    Option{"tls-listening-port", "", kValue, kMapped, "listen.address",
           "with `cert` and `pkey` only; takes UDP and TCP too, as in coturn", "5349"},
    Option{"alt-listening-port", "", kValue, kMapped, "behaviour_discovery.ports",
           "with two listening-ip of one family, unless no-rfc5780", "3479"},
    Option{"alt-tls-listening-port", "", kValue, kIgnored, "",
           "behaviour discovery (RFC 5780) is done over UDP", "5350"},
    Option{"tcp-proxy-port", "", kValue, kMapped, "listen.proxy_protocol",
           "believes everybody, as coturn does; write the balancer's block in place of 0.0.0.0/0",
           "5555"},
    Option{"listening-ip", "-L", kValue, kMapped, "listen.address", "", "127.0.0.1", kMany},
    Option{"aux-server", "", kValue, kMapped, "listen.address", "", "127.0.0.1:33478", kMany},
    Option{"udp-self-balance", "", kFlag, kIgnored, "", "the workers share every port evenly"},
    Option{"relay-device", "-i", kValue, kUnsupported, "",
           "name the device's address with relay-ip", "eth1"},
    Option{"relay-ip", "-E", kValue, kMapped, "relay.address", "", "127.0.0.1", kMany},
    Option{"external-ip", "-X", kValue, kMapped, "relay.external_ip", "", "203.0.113.7", kMany},
    Option{"relay-threads", "-m", kValue, kMapped, "node.workers",
           "0 is one thread there, and one worker here", "4"},
    Option{"min-port", "", kValue, kMapped, "relay.min_port", "", "49152"},
    Option{"max-port", "", kValue, kMapped, "relay.max_port", "", "65535"},
    Option{"verbose", "-v", kFlag, kDefault, "",
           "every allocation's end is logged with its traffic"},
    Option{"Verbose", "-V", kFlag, kMapped, "log.level", ""},
    Option{"fingerprint", "-f", kFlag, kDefault, "",
           "answers have a FINGERPRINT where the request has one"},
    Option{"lt-cred-mech", "-a", kFlag, kDefault, "", "there is no other way in"},
    Option{"no-auth", "-z", kFlag, kUnsupported, "",
           "Turnpike is never an open relay; give it a secret or users"},
    Option{"prometheus", "", kFlag, kMapped, "metrics.address",
           "the metrics have names of their own"},
    Option{"prometheus-port", "", kValue, kMapped, "metrics.address", "with `prometheus`", "9641"},
    Option{"prometheus-address", "", kValue, kMapped, "metrics.address", "with `prometheus`",
           "127.0.0.1"},
    Option{"prometheus-path", "", kValue, kUnsupported, "", "the path is /metrics", "/stats"},
    Option{
        "prometheus-username-labels", "", kFlag, kUnsupported, "",
        "users are no labels, since there is no end of them; the log's allocation.closed has them"},
    Option{"use-auth-secret", "", kFlag, kDefault, "", "a shared secret is used when there is one"},
    Option{"static-auth-secret", "", kValue, kMapped, "auth.secrets",
           "at least 16 bytes; a file is a safer place", "north-of-the-wall-1234", kMany, kSecret},
    Option{"server-name", "", kValue, kIgnored, "", "it belongs to `oauth`", "turn.example.org"},
    Option{"oauth", "", kFlag, kUnsupported, "", "write the keys as [auth.third_party]"},
    Option{"user", "-u", kValue, kMapped, "auth.users",
           "name:password, at least 8 bytes; beside a shared secret coturn does not let them in, "
           "and so it is here. A key (0x…) cannot be used: write the password",
           "ada:correct-horse", kMany, kSecret},
    Option{"userdb", "-b, --db", kValue, kUnsupported, "", kUsersMove, "/var/lib/turn/turndb"},
    Option{"psql-userdb", "-e, --sql-userdb", kValue, kUnsupported, "", kUsersMove,
           "host=db dbname=coturn", false, kSecret},
    Option{"mysql-userdb", "-M", kValue, kUnsupported, "", kUsersMove, "host=db dbname=coturn",
           false, kSecret},
    Option{"secret-key-file", "", kValue, kIgnored, "", "it belongs to `mysql-userdb`",
           "/etc/turn.key"},
    Option{"mongo-userdb", "-J", kValue, kUnsupported, "", kUsersMove, "mongodb://db/coturn", false,
           kSecret},
    Option{"redis-userdb", "-N", kValue, kUnsupported, "",
           "read and understood, but users in Redis are not looked up yet", "ip=127.0.0.1 dbname=2",
           false, kSecret},
    Option{"redis-statsdb", "-O", kValue, kUnsupported, "",
           "read and understood, but nothing is published there yet", "ip=127.0.0.1 dbname=2",
           false, kSecret},
    Option{"realm", "-r", kValue, kMapped, "auth.realm", "", "example.org"},
    Option{"check-origin-consistency", "", kFlag, kUnsupported, "",
           "ORIGIN is not looked at; one realm for a listener"},
    Option{"user-quota", "-q", kValue, kMapped, "quota.per_user",
           "0, or without it: no limit worth the name, as in coturn", "12"},
    Option{"total-quota", "-Q", kValue, kMapped, "quota.total", "", "1200"},
    Option{"max-bps", "-s", kValue, kMapped, "quota.bandwidth_kbit_s",
           "bytes a second each way; here kbit/s of both ways together", "64000"},
    Option{"bps-capacity", "-B", kValue, kUnsupported, "",
           "there is no limit for all allocations together; set total-quota and max-bps",
           "8000000"},
    Option{"no-udp", "", kFlag, kMapped, "listen.transport", ""},
    Option{"no-tcp", "", kFlag, kMapped, "listen.transport", ""},
    Option{"no-tls", "", kFlag, kMapped, "listen.transport", ""},
    Option{"no-dtls", "", kFlag, kMapped, "listen.transport", ""},
    Option{"no-udp-relay", "", kFlag, kUnsupported, "", "UDP is always relayed", "", false, false,
           kStops},
    Option{"no-tcp-relay", "", kFlag, kMapped, "relay.tcp",
           "without it TCP is relayed (RFC 6062), as in coturn"},
    Option{"stale-nonce", "", kMaybe, kMapped, "auth.nonce_lifetime", "at least 10 s, at most 24 h",
           "600"},
    Option{"max-allocate-lifetime", "", kValue, kMapped, "relay.max_lifetime",
           "at least 1 min, at most 24 h", "3600"},
    Option{"channel-lifetime", "", kValue, kUnsupported, "", "10 minutes, as RFC 8656 has it",
           "1200"},
    Option{"permission-lifetime", "", kValue, kUnsupported, "", "5 minutes, as RFC 8656 has it",
           "1200"},
    Option{"cert", "", kValue, kMapped, "listen.certificate", "with `pkey`",
           "turn_server_cert.pem"},
    Option{"pkey", "", kValue, kMapped, "listen.key", "with `cert`; mode 0640 or tighter",
           "turn_server_pkey.pem"},
    Option{"pkey-pwd", "", kValue, kUnsupported, "",
           "keys have no password: openssl pkey -in old.pem -out new.pem, mode 0640", "open-sesame",
           false, kSecret},
    Option{"cipher-list", "", kValue, kIgnored, "", "OpenSSL's own choice for TLS 1.2 and 1.3",
           "DEFAULT"},
    Option{"CA-file", "", kValue, kUnsupported, "", "clients are not asked for certificates",
           "/etc/ssl/ca.pem", false, false, kStops},
    Option{"ec-curve-name", "", kValue, kIgnored, "", "OpenSSL's own choice", "prime256v1"},
    Option{"dh566", "", kFlag, kIgnored, "", kDh},
    Option{"dh1066", "", kFlag, kIgnored, "", kDh},
    Option{"dh2066", "", kFlag, kIgnored, "", kDh},
    Option{"dh-file", "", kValue, kIgnored, "", kDh, "/etc/dhp.pem"},
    Option{"no-sslv2", "", kFlag, kDefault, "", kTls},
    Option{"no-sslv3", "", kFlag, kDefault, "", kTls},
    Option{"no-tlsv1", "", kFlag, kDefault, "", kTls},
    Option{"no-tlsv1_1", "", kFlag, kDefault, "", kTls},
    Option{"no-tlsv1_2", "", kFlag, kUnsupported, "", "TLS 1.2 is always spoken beside 1.3"},
    Option{"no-stdout-log", "", kFlag, kIgnored, "", kLogs},
    Option{"log-file", "-l", kValue, kIgnored, "", kLogs, "/var/log/turnserver.log"},
    Option{"syslog", "", kFlag, kIgnored, "", kLogs},
    Option{"syslog-facility", "", kValue, kIgnored, "", kLogs, "LOG_LOCAL1"},
    Option{"simple-log", "", kFlag, kIgnored, "", kLogs},
    Option{"new-log-timestamp", "", kFlag, kDefault, "", "times are ISO 8601 in UTC"},
    Option{"new-log-timestamp-format", "", kValue, kIgnored, "", "times are ISO 8601 in UTC",
           "%FT%T%z"},
    Option{"log-binding", "", kFlag, kUnsupported, "",
           "Binding requests are counted by the metrics, not logged"},
    Option{"alternate-server", "", kValue, kMapped, "redirect.servers",
           "users are shared out by name, not in turns", "192.0.2.9", kMany},
    Option{"tls-alternate-server", "", kValue, kMapped, "redirect.tls_servers",
           "users are shared out by name, not in turns", "192.0.2.9:5349", kMany},
    Option{"stun-only", "-S", kFlag, kUnsupported, "", "TURN is always served", "", false, false,
           kStops},
    Option{"no-software-attribute", "--prod", kFlag, kDefault, "", "SOFTWARE is never sent"},
    Option{"no-stun", "", kFlag, kUnsupported, "",
           "Binding requests are always answered, limits.binding_per_second of one source"},
    Option{"rest-api-separator", "-C", kValue, kUnsupported, "",
           "the time and the user are separated by a colon", ";"},
    Option{"allow-loopback-peers", "", kFlag, kUnsupported, "",
           "peers.mode = \"lab\" and peers.allow do so on a machine for tests, where every "
           "listening-ip is loopback"},
    Option{"no-loopback-peers", "", kFlag, kDefault, "", "loopback is never a peer"},
    Option{"no-multicast-peers", "", kFlag, kDefault, "", "multicast is never a peer"},
    Option{"max-allocate-timeout", "", kValue, kIgnored, "",
           "an allocation is there or refused within one round trip", "60"},
    Option{"allowed-peer-ip", "", kValue, kMapped, "peers.allow",
           "private blocks are denied unless they are named here", "10.0.0.1-10.0.0.9", kMany},
    Option{"denied-peer-ip", "", kValue, kMapped, "peers.deny",
           "less what allowed-peer-ip names, which wins in coturn", "83.166.64.0-83.166.95.255",
           kMany},
    Option{"pidfile", "", kValue, kIgnored, "",
           "the service manager knows the process; node.lock in the runtime directory keeps a "
           "second one out",
           "/run/turnserver.pid"},
    Option{"secure-stun", "", kFlag, kUnsupported, "",
           "Binding requests are answered without credentials, limits.binding_per_second of one "
           "source"},
    Option{"mobility", "", kFlag, kMapped, "relay.mobility", ""},
    Option{"keep-address-family", "-K", kFlag, kMapped, "relay.default_family", ""},
    Option{"allocation-default-address-family", "-A", kValue, kMapped, "relay.default_family",
           "ipv4 or keep; not ipv6", "keep"},
    Option{"proc-user", "", kValue, kIgnored, "", kUnit, "turnserver"},
    Option{"proc-group", "", kValue, kIgnored, "", kUnit, "turnserver"},
    Option{"daemon", "-o", kFlag, kIgnored, "",
           "runs in the foreground, under the service manager"},
    Option{"no-cli", "", kFlag, kDefault, "", kCli},
    Option{"cli-ip", "", kValue, kIgnored, "", kCli, "127.0.0.1"},
    Option{"cli-port", "", kValue, kIgnored, "", kCli, "5766"},
    Option{"cli-password", "", kValue, kIgnored, "", kCli, "qwerty", false, kSecret},
    Option{"cli-max-output-sessions", "", kValue, kIgnored, "", kCli, "256"},
    Option{"web-admin", "", kFlag, kUnsupported, "", kCli},
    Option{"web-admin-ip", "", kValue, kIgnored, "", kCli, "127.0.0.1"},
    Option{"web-admin-port", "", kValue, kIgnored, "", kCli, "8080"},
    Option{"web-admin-listen-on-workers", "", kFlag, kUnsupported, "", kCli},
    Option{"acme-redirect", "", kValue, kUnsupported, "",
           "listen.upstream hands such requests to a web server on the same port",
           "http://localhost/.well-known/acme-challenge/"},
    Option{"server-relay", "", kFlag, kUnsupported, "",
           "nothing is relayed without a permission (RFC 8656)"},
    Option{"ne", "", kValue, kIgnored, "", "io.engine chooses how packets are moved", "3"},
    Option{"no-rfc5780", "", kFlag, kDefault, "",
           "behaviour discovery is on only with two listening-ip of one family"},
    Option{"no-stun-backward-compatibility", "", kFlag, kDefault, "",
           "requests of RFC 3489 are not served"},
    Option{"response-origin-only-with-rfc5780", "", kFlag, kDefault, "",
           "RESPONSE-ORIGIN is sent with behaviour discovery only"},
    Option{"no-auth-pings", "", kFlag, kDefault, "", "no database is asked for secrets"},
    Option{"no-dynamic-ip-list", "", kFlag, kDefault, "", "no database is asked for peers"},
    Option{"no-dynamic-realms", "", kFlag, kDefault, "", "no database is asked for realms"},
    Option{"unauthorized-ratelimit", "", kFlag, kDefault, "",
           "error answers to strangers are limited: limits.unauthenticated_per_second"},
    Option{"unauthorized-ratelimit-requests", "", kValue, kIgnored, "",
           "limits.unauthenticated_per_second and _burst say how many", "1000"},
    Option{"unauthorized-ratelimit-window", "", kValue, kIgnored, "",
           "limits.unauthenticated_per_second counts by the second", "60"},
    Option{"stateless-nonce", "", kFlag, kDefault, "", "a nonce is checked by what is in it"},
    Option{"stateless-nonce-secret", "", kValue, kIgnored, "", "each node draws its own key",
           "0123456789abcdef", false, kSecret},
};

std::string_view without_dashes(std::string_view name) {
    for (int i = 0; i < 2 && name.starts_with('-'); ++i) name.remove_prefix(1);
    return name;
}

/// Whether `also`, "-e, --sql-userdb", has the name.
bool has_name(std::string_view also, std::string_view name) {
    while (!also.empty()) {
        const std::size_t comma = std::min(also.find(','), also.size());
        if (without_dashes(also.substr(0, comma)) == name) return true;
        also.remove_prefix(std::min(comma + 2, also.size()));
    }
    return false;
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::Mapped:
            return "mapped";
        case Outcome::Default:
            return "default";
        case Outcome::Ignored:
            return "ignored";
        case Outcome::Unsupported:
            return "unsupported";
        case Outcome::Wrong:
            return "wrong";
    }
    return "?";
}

std::span<const Option> options() noexcept {
    return kOptions;
}

const Option* find_option(std::string_view name) noexcept {
    name = without_dashes(name);
    if (name.empty()) return nullptr;
    for (const Option& option : kOptions) {
        if (option.name == name || has_name(option.also, name)) return &option;
    }
    return nullptr;
}

std::string_view nearest_option(std::string_view name) {
    static const std::vector<std::string_view> known = [] {
        std::vector<std::string_view> names;
        for (const Option& option : kOptions) names.push_back(option.name);
        return names;
    }();
    std::string tidy{without_dashes(name)};
    std::ranges::replace(tidy, '_', '-');
    return nearest(tidy, known);
}

std::string options_page() {
    std::string page = "| coturn | here | |\n|---|---|---|\n";
    for (const Option& option : kOptions) {
        page += "| `" + std::string{option.name} + "`";
        if (option.many) page += " …";
        page += " | ";
        if (option.keys.empty()) {
            page += to_string(option.outcome);
        } else {
            page += "`" + std::string{option.keys} + "`";
        }
        page += " | " + std::string{option.note};
        if (option.stops) page += "; **stops the start**";
        page += " |\n";
    }
    return page;
}

}  // namespace turnpike::config::coturn
