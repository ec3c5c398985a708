#include "benchmarks/load/target_flags.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace turnpike::bench {

void TargetFlags::add_to(CLI::App& app) {
    app.add_option("--server", server, "TURN server")
        ->capture_default_str()
        ->type_name("HOST:PORT");
    app.add_option("--transport", transport, "udp, tcp, tls or dtls")
        ->capture_default_str()
        ->check(CLI::IsMember({"udp", "tcp", "tls", "dtls"}))
        ->type_name("NAME");
    auto* secret = app.add_option("--secret-file", secret_file,
                                  "shared secret: each client mints its own credential")
                       ->type_name("FILE");
    app.add_flag("--sha256", sha256, "the secret's HMAC is SHA-256")->needs(secret);
    auto* name = app.add_option("--user", user, "username of all clients")
                     ->type_name("NAME")
                     ->excludes(secret);
    app.add_option("--password", password, "its password")->type_name("TEXT")->needs(name);
    app.add_option("--realm", realm, "refuse a server of another realm")->type_name("NAME");
    app.add_flag("--insecure", insecure, "take any certificate");
    app.add_flag("--target-is-mine", owned,
                 "allow a server that is neither on this machine nor on-link behind a veth of it");
    app.add_option("--client-netns", netns,
                   "network namespace of the clients, as ip netns names it, or a path")
        ->type_name("NAME");
}

std::expected<Target, std::string> TargetFlags::target(Credentials credentials) const {
    Target target;
    const auto endpoint = resolve(server);
    if (!endpoint) return std::unexpected(endpoint.error());
    if (auto allowed = refuse_strangers(*endpoint, netns, owned); !allowed)
        return std::unexpected(allowed.error());
    target.server = *endpoint;
    target.server_name = server.substr(0, server.rfind(':'));
    if (target.server_name.starts_with('[')) target.server_name = endpoint->address.to_string();
    if (transport == "tcp") target.transport = Transport::Tcp;
    if (transport == "tls") target.transport = Transport::Tls;
    if (transport == "dtls") target.transport = Transport::Dtls;
    target.netns = netns;
    target.insecure = insecure;
    target.realm = realm;
    if (!secret_file.empty()) {
        auto secret = read_secret(secret_file, sha256);
        if (!secret) return std::unexpected(secret.error());
        target.secret = std::move(*secret);
    } else if (!user.empty()) {
        target.username = user;
        target.password = password;
    } else if (credentials == Credentials::Needed) {
        return std::unexpected("no credentials: give --secret-file FILE, or --user and --password");
    }
    return target;
}

std::expected<std::optional<Cidr>, std::string> address_block(const char* flag,
                                                              const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto cidr = Cidr::parse(text);
    if (!cidr)
        return std::unexpected(
            fmt::format("{}: '{}' is no block of addresses, as in 127.1.0.0/16", flag, text));
    return cidr;
}

}  // namespace turnpike::bench
