#include <algorithm>
#include <fstream>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "admin/fleet.hpp"
#include "admin/nouns.hpp"
#include "admin/output.hpp"
#include "admin/units.hpp"
#include "common/crypto/turn_rest.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kSecretBytesMin = 16;

struct MintFlags {
    std::string user, room, participant, ttl = "1h", policy, secret_file, kid;
    unsigned allocations = 0, bandwidth = 0;
    bool sha256 = false;
};

std::expected<crypto::RestSecret, Failure> read_secret(const MintFlags& flags) {
    std::ifstream in{flags.secret_file};
    std::string line;
    if (!in || !std::getline(in, line)) {
        return std::unexpected(Failure{ExitCode::Failed, fmt::format("cannot read a secret from {}", flags.secret_file), {}});
    }
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.size() < kSecretBytesMin) {
        return std::unexpected(Failure{ExitCode::Failed, fmt::format("the secret in {} has {} bytes", flags.secret_file, line.size()),
                                       fmt::format("at least {}: openssl rand -base64 32", kSecretBytesMin)});
    }
    return crypto::RestSecret{.kid = flags.kid,
                              .value = Secret{line},
                              .algorithm = flags.sha256 ? crypto::RestSecret::Algorithm::HmacSha256
                                                        : crypto::RestSecret::Algorithm::HmacSha1,
                              .issued_by_turnpike = true};
}

// Without signaling: the secret is at hand, the URLs are the relays'.
std::expected<Json, Failure> mint_here(Session& session, const MintFlags& flags, Seconds ttl) {
    const auto secret = read_secret(flags);
    if (!secret) return std::unexpected(secret.error());
    crypto::Capability limits;
    if (flags.allocations > 0) limits.allocations = flags.allocations;
    if (flags.bandwidth > 0) limits.bandwidth_kbit_s = flags.bandwidth;
    limits.relay_peers_only = flags.policy == "relay";
    const WallTime expires_at = session.world().clock.wall() + ttl;
    const auto minted = crypto::mint(*secret, flags.user, limits, expires_at);
    if (!minted) {
        return std::unexpected(Failure{ExitCode::Usage, fmt::format("'{}' cannot be the user of a credential", flags.user),
                                       "no ';', no control characters, and not too long"});
    }
    Json urls = Json::array();
    std::string relay;
    if (const auto fleet = find_fleet(session)) {
        for (const Node* node : fleet->of("relay")) {
            if (!urls.empty()) break;
            urls = Json::parse(node->facts).value("urls", Json::array());
            relay = node->id;
        }
    }
    if (urls.empty()) session.warn("no relay answers here, so the credential has no URLs; it is good all the same");
    return Json{{"username", minted->username},
                {"credential", minted->password},
                {"ttl_seconds", ttl.count()},
                {"expires_at", rfc3339(expires_at)},
                {"ice_servers", Json::array({{{"urls", urls}, {"username", minted->username}, {"credential", minted->password}}})},
                {"relay", relay}};
}

std::expected<Json, Failure> mint_by_signaling(Session& session, const MintFlags& flags, Seconds ttl) {
    const auto fleet = find_fleet(session);
    if (!fleet) return std::unexpected(fleet.error());
    const auto daemons = fleet->of("signaling");
    if (daemons.empty()) {
        return std::unexpected(Failure{ExitCode::Unreachable, "no signaling daemon answers here, and it is the one that mints",
                                       "start turnpike-signaling, or mint with the secret itself: --secret-file FILE"});
    }
    Json body{{"ttl_seconds", ttl.count()}};
    if (!flags.room.empty()) {
        body["room"] = flags.room;
        body["participant"] = flags.participant;
    } else {
        body["user"] = flags.user;
    }
    if (flags.allocations > 0) body["allocations"] = flags.allocations;
    if (flags.bandwidth > 0) body["bandwidth_kbit_s"] = flags.bandwidth;
    if (!flags.policy.empty()) body["policy"] = flags.policy;
    return daemons.front()->client.post("/v1/credentials", body);
}

Json urls_of(const Json& credential) {
    Json urls = Json::array();
    for (const Json& server : credential.value("ice_servers", Json::array())) {
        const Json each = server.value("urls", Json::array());
        if (each.is_string()) urls.push_back(each);
        for (const Json& url : each) {
            if (each.is_array()) urls.push_back(url);
        }
    }
    return urls;
}

std::string shell_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return out + "'";
}

// turn:HOST[:PORT][?transport=udp|tcp], turns:... (RFC 7065)
std::expected<std::string, Failure> uclient_line(const Json& credential) {
    for (const Json& each : urls_of(credential)) {
        std::string url = each.get<std::string>();
        const bool tls = url.starts_with("turns:");
        if (!tls && !url.starts_with("turn:")) continue;
        url = url.substr(url.find(':') + 1);
        const std::size_t query = url.find('?');
        const bool tcp = query != std::string::npos && url.find("transport=tcp") != std::string::npos;
        url = url.substr(0, query);
        std::string port = tls ? "5349" : "3478";
        const std::size_t colon = url.rfind(':');
        if (colon != std::string::npos && url.find(']', colon) == std::string::npos) {
            port = url.substr(colon + 1);
            url = url.substr(0, colon);
        }
        if (url.starts_with('[') && url.ends_with(']')) url = url.substr(1, url.size() - 2);
        // -y: two clients to each other; -s: Send indications, because this client draws channel numbers
        // that RFC 8656 no longer has; -c: no RTCP companion.
        return fmt::format("turnutils_uclient -y -s -c -n 100 -m 2{}{} -u {} -w {} -p {} {}", tcp || tls ? " -t" : "", tls ? " -S" : "",
                           shell_quoted(credential.value("username", "")), shell_quoted(credential.value("credential", "")), port, url);
    }
    return std::unexpected(Failure{ExitCode::Failed, "the credential has no turn: URL", "is a relay running?"});
}

void write_credential(Session& session, const Json& credential) {
    std::ostream& out = session.world().out;
    const std::string& output = session.globals.output;
    if (output == "ice-json" || output == "js") {
        const Json ice{{"iceServers", credential.value("ice_servers", Json::array())}};
        if (output == "js") out << "const connection = new RTCPeerConnection(" << ice.dump(2) << ");\n";
        else out << ice.dump(2) << '\n';
        return;
    }
    if (output == "uclient") {
        const auto line = uclient_line(credential);
        if (!line) return session.fail(line.error());
        out << *line << '\n';
        return;
    }
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    if (*format == Format::Json || *format == Format::JsonLines) return write_one(session, *format, "Credential", credential);
    Json rows{{"username", credential.value("username", "")},
              {"credential", credential.value("credential", "")},
              {"expires_at", credential.value("expires_at", "")},
              {"ttl_seconds", credential.value("ttl_seconds", 0)},
              {"relay", credential.value("relay", "")},
              {"urls", urls_of(credential)}};
    if (*format == Format::Name) {
        out << credential.value("username", "") << '\n';
        return;
    }
    write_one(session, *format, "Credential", rows);
}

void mint(Session& session, const MintFlags& flags) {
    const std::string& output = session.globals.output;
    if (output != "ice-json" && output != "js" && output != "uclient") {
        if (const auto format = format_of(session); !format) {
            return session.fail({ExitCode::Usage, format.error().message, "one of table, json, ice-json, uclient, js, jsonl, tsv, csv, name"});
        }
    }
    const auto ttl = parse_duration(flags.ttl);
    if (!ttl) return session.fail({ExitCode::Usage, fmt::format("'{}' is no time", flags.ttl), "as in --ttl 90s, 10m, 1h or 2d"});
    if (flags.user.empty() && (flags.room.empty() || flags.participant.empty())) {
        return session.fail({ExitCode::Usage, "for whom?", "--user NAME, or --room ROOM with --participant ID"});
    }
    if (!flags.secret_file.empty() && flags.user.empty()) {
        return session.fail({ExitCode::Usage, "only signaling knows rooms and participants", "with --secret-file give --user NAME"});
    }
    const auto credential = flags.secret_file.empty() ? mint_by_signaling(session, flags, *ttl) : mint_here(session, flags, *ttl);
    if (!credential) return session.fail(credential.error());
    write_credential(session, *credential);
}

}  // namespace

void add_credentials(CLI::App& app, Session& session) {
    CLI::App* credentials = app.add_subcommand("credentials", "what opens the relays")
                                ->alias("credential")->alias("creds")->require_subcommand(1);
    CLI::App* make = credentials->add_subcommand("mint", "a username and password for the relays, good for a while");
    const auto flags = std::make_shared<MintFlags>();
    auto* user = make->add_option("--user", flags->user, "for this user")->type_name("NAME");
    auto* room = make->add_option("--room", flags->room, "for a member of this room")->type_name("ROOM")->excludes(user);
    make->add_option("--participant", flags->participant, "that member")->type_name("ID")->needs(room);
    make->add_option("--ttl", flags->ttl, "how long it opens new allocations")->type_name("TIME")->capture_default_str();
    make->add_option("--allocations", flags->allocations, "at most so many at once")->type_name("N")->check(CLI::Range(1, 1000000));
    make->add_option("--bandwidth", flags->bandwidth, "kbit/s of each allocation")->type_name("N")->check(CLI::Range(1, 1000000000));
    make->add_option("--policy", flags->policy, "relay: its peers are relayed addresses only")->check(CLI::IsMember({"relay"}));
    auto* secret = make->add_option("--secret-file", flags->secret_file, "mint here with this shared secret, without signaling")->type_name("FILE");
    make->add_option("--kid", flags->kid, "the secret's id in the relay's configuration")->type_name("ID")->needs(secret);
    make->add_flag("--sha256", flags->sha256, "the secret's HMAC is SHA-256")->needs(secret);
    make->footer("-o table, json, or ready to paste: ice-json (iceServers), js (RTCPeerConnection), uclient (coturn's client).\n\n"
                 "Examples:\n  turnpike credentials mint --user alice\n"
                 "  turnpike credentials mint --user alice --ttl 10m -o ice-json\n"
                 "  eval \"$(turnpike credentials mint --user alice -o uclient)\"\n"
                 "  turnpike credentials mint --user bob --secret-file /etc/turnpike/turn-secret");
    make->callback([&session, flags] { mint(session, *flags); });
}

}  // namespace turnpike::admin
