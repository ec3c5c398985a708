#include "turn/server/listeners.hpp"

#include <algorithm>

#include "common/config/text_file.hpp"
#include "common/crypto/certificate.hpp"
#include "common/crypto/opaque_string.hpp"

namespace turnpike::relay {
namespace {

constexpr std::size_t kListenersMax = 64, kCertificatesMax = 64;
constexpr std::size_t kRealmBytesMax = 127;  // RFC 8489 §14.9: fewer than 128 characters
constexpr std::size_t kPemBytesMax = 256 * 1024;
constexpr std::uint16_t kDevPort = 3478;
constexpr auto kExpirySoon = std::chrono::days{14};

/// One pair of PEM files, in [[listen]] or in one of its certificates.
net::CertificateFiles read_pair(config::Table& table) {
    std::filesystem::path certificate, key;
    table.path("certificate", certificate);
    table.path("key", key);
    return {certificate.string(), key.string()};
}

/// Until when a pair holds; nothing after a problem.
std::optional<WallTime> check_pair(config::Table& table, const net::CertificateFiles& files,
                                   const std::string& transports, const ReadOptions& options) {
    bool complete = true;
    for (const std::string_view key : {"certificate", "key"}) {
        if ((key == "key" ? files.key : files.certificate).empty()) {
            table.problem(key, "is needed for transport = \"" + transports + "\": a PEM file");
            complete = false;
        }
    }
    if (!complete) return {};
    const auto chain = config::TextFile::read(files.certificate, kPemBytesMax);
    const auto key = config::TextFile::read(files.key, kPemBytesMax);
    if (!chain) table.problem("certificate", ": " + chain.error());
    if (!key) table.problem("key", ": " + key.error());
    if (!chain || !key) return {};
    if ((key->mode & 07U) != 0 && !options.dev) {
        table.problem("key", "names " + files.key +
                                 ", which everybody on this machine may read; chmod 0640 it");
    }
    const auto info = crypto::inspect_certificate(chain->text, key->text, options.now);
    if (!info) {
        const std::string& file = info.error().about_key ? files.key : files.certificate;
        table.problem(info.error().about_key ? "key" : "certificate",
                      ": " + file + " " + info.error().message);
        return {};
    }
    if (info->not_after - options.now < kExpirySoon) {
        const auto days =
            std::chrono::floor<std::chrono::days>(info->not_after - options.now).count();
        table.warning("certificate", "ends in " + std::to_string(days) + " days");
    }
    return info->not_after;
}

/// The listener's certificates, and until when the first of them to end holds; nothing without one,
/// or after a problem.
std::optional<WallTime> read_certificates(config::Table& listen, net::Listener& listener,
                                          const ReadOptions& options) {
    const net::CertificateFiles first = read_pair(listen);
    listener.certificate_file = first.certificate;
    listener.key_file = first.key;
    std::vector<config::Table> more = listen.tables("certificates");
    if (!listener.secure()) {
        for (const std::string_view key : {"certificate", "key", "certificates"}) {
            if (listen.has(key)) listen.problem(key, "is for transports with TLS or DTLS only");
        }
        return {};
    }
    std::optional<WallTime> until = check_pair(listen, first, listener.transports(), options);
    if (more.size() >= kCertificatesMax) listen.problem("certificates", "has more than 63 pairs");
    for (config::Table& table : more) {
        listener.more_certificates.push_back(read_pair(table));
        const auto ends =
            check_pair(table, listener.more_certificates.back(), listener.transports(), options);
        if (ends && until) until = std::min(*until, *ends);
    }
    return until;
}

void read_upstream(config::Table& listen, net::Listener& listener) {
    std::string text;
    if (!listen.text("upstream", text)) return;
    const std::optional<Endpoint> upstream = Endpoint::parse(text);
    if (!upstream)
        listen.problem("upstream",
                       "is \"" + text + "\", which is no endpoint; \"127.0.0.1:8080\" is one");
    else if (!listener.stream())
        listen.problem("upstream", "is for \"tcp\", \"tls\" and \"tcp+tls\" only");
    else if (upstream->port == 0 || upstream->address.is_unspecified())
        listen.problem("upstream", "is " + upstream->to_string() + ", where nothing can listen");
    else if (*upstream == listener.address)
        listen.problem("upstream", "is the listener's own address");
    else
        listener.upstream = upstream;
}

void read_proxies(config::Table& listen, net::Listener& listener) {
    listen.cidrs("proxy_protocol", listener.proxy_protocol);
    for (const Cidr& block : listener.proxy_protocol) {
        if (block.length == 0)
            listen.warning("proxy_protocol",
                           "has " + block.to_string() +
                               ": whoever reaches this port can pretend to be anybody");
    }
}

/// Two listeners on one address fail at bind time, or worse: share it by SO_REUSEPORT.
void check_twins(config::Document& document, const std::vector<Listening>& listening) {
    for (std::size_t i = 0; i < listening.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const net::Listener &a = listening[i].net, &b = listening[j].net;
            if (a.address != b.address || a.address.port == 0 || a.stream() != b.stream()) continue;
            document.problem(listening[i].place, "the listener " + a.transports() + " " +
                                                     a.address.to_string() +
                                                     " has the address of another one (" +
                                                     document.describe(listening[j].place) + ")");
        }
    }
}

std::vector<Listening> dev_listeners(const Machine& machine, const std::string& realm) {
    std::vector<Listening> out;
    for (const char* text : {"127.0.0.1", "::1"}) {
        const IpAddress address = *IpAddress::parse(text);
        if (!machine.has(address)) continue;  // no IPv6 here
        for (const Transport transport : {Transport::Udp, Transport::Tcp}) {
            net::Listener listener;
            listener.transport = transport;
            listener.address = Endpoint{address, kDevPort};
            listener.realm = realm;
            out.push_back({std::move(listener), {}, {}});
        }
    }
    return out;
}

}  // namespace

std::vector<Listening> read_listeners(config::Document& document, const Machine& machine,
                                      const ReadOptions& options,
                                      const std::string& default_realm) {
    config::Table root = document.root();
    std::vector<Listening> listening;
    for (config::Table listen : root.tables("listen")) {
        net::Listener listener;
        listener.realm = default_realm;
        enum class Kind { Udp, Tcp, Tls, Dtls, TcpAndTls, UdpAndDtls } kind = Kind::Udp;
        listen.choice("transport", kind,
                      {{"udp", Kind::Udp},
                       {"tcp", Kind::Tcp},
                       {"tls", Kind::Tls},
                       {"dtls", Kind::Dtls},
                       {"tcp+tls", Kind::TcpAndTls},
                       {"udp+dtls", Kind::UdpAndDtls}});
        switch (kind) {
            case Kind::Udp:
            case Kind::UdpAndDtls:
                listener.transport = Transport::Udp;
                break;
            case Kind::Tcp:
            case Kind::TcpAndTls:
                listener.transport = Transport::Tcp;
                break;
            case Kind::Tls:
                listener.transport = Transport::Tls;
                break;
            case Kind::Dtls:
                listener.transport = Transport::Dtls;
                break;
        }
        listener.also_secure = kind == Kind::TcpAndTls || kind == Kind::UdpAndDtls;
        if (!listen.has("address"))
            listen.problem("address", "is needed, for example \"0.0.0.0:3478\"");
        if (listen.endpoint("address", listener.address) &&
            !listener.address.address.is_unspecified() && !machine.has(listener.address.address)) {
            listen.problem("address",
                           "is " + listener.address.to_string() +
                               ", which is no address of this machine; \"0.0.0.0\" or \"[::]\" "
                               "takes all, and relay.external_ip names the public one");
        }
        if (listen.text("realm", listener.realm)) {
            if (const std::string why = why_no_realm(listener.realm); !why.empty())
                listen.problem("realm", why);
        }
        const auto until = read_certificates(listen, listener, options);
        read_upstream(listen, listener);
        read_proxies(listen, listener);
        listening.push_back({std::move(listener), listen.place(), until});
    }
    if (listening.empty() && !root.has("listen")) {
        if (options.dev) return dev_listeners(machine, default_realm);
        root.problem("listen", "is needed: at least one [[listen]] with transport and address");
    } else if (listening.empty() && document.ok()) {
        root.problem("listen", "is an empty list; at least one [[listen]] is needed");
    }
    if (listening.size() > kListenersMax) root.problem("listen", "has more than 64 listeners");
    check_twins(document, listening);
    return listening;
}

std::optional<WallTime> certificates_until(const net::Listener& listener, WallTime now) {
    if (!listener.secure()) return {};
    std::optional<WallTime> until;
    for (const net::CertificateFiles& files : listener.certificates()) {
        const auto chain = config::TextFile::read(files.certificate, kPemBytesMax);
        const auto key = config::TextFile::read(files.key, kPemBytesMax);
        if (!chain || !key) return {};
        const auto info = crypto::inspect_certificate(chain->text, key->text, now);
        if (!info) return {};
        until = until ? std::min(*until, info->not_after) : info->not_after;
    }
    return until;
}

std::string why_no_realm(const std::string& realm) {
    if (realm.empty()) return "is empty";
    if (realm.size() > kRealmBytesMax)
        return "has " + std::to_string(realm.size()) + " bytes; at most 127 are allowed";
    const bool plain = std::none_of(realm.begin(), realm.end(), [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
    if (!plain) return "has a quote, a backslash or a control character";
    // Clients prepare the realm that they are told before they hash it (RFC 8489 §14.9).
    const auto prepared = crypto::opaque_string(realm);
    if (!prepared) return "has a character that no realm may have (OpaqueString, RFC 8265)";
    return *prepared == realm ? "" : "is not in Unicode's normal form; write it as \"" + *prepared + "\"";
}

}  // namespace turnpike::relay
