#include "turn/server/listeners.hpp"

#include <algorithm>

#include "common/config/text_file.hpp"
#include "common/crypto/certificate.hpp"

namespace turnpike::relay {
namespace {

constexpr std::size_t kListenersMax = 64;
constexpr std::size_t kRealmBytesMax = 127;  // RFC 8489 §14.9: fewer than 128 characters
constexpr std::size_t kPemBytesMax = 256 * 1024;
constexpr std::uint16_t kDevPort = 3478;
constexpr auto kExpirySoon = std::chrono::days{14};

/// How two transports share a port: TCP and TLS do not.
bool on_tcp(Transport transport) {
    return is_stream(transport);
}

/// Until when the listener's certificate holds; nothing without one, or after a problem.
std::optional<WallTime> check_certificate(config::Table& listen, const net::Listener& listener,
                                          const ReadOptions& options) {
    if (listener.transport != Transport::Tls) {
        for (const std::string_view key : {"certificate", "key"}) {
            if (listen.has(key)) listen.problem(key, "is for transport = \"tls\" only");
        }
        return {};
    }
    bool complete = true;
    for (const std::string_view key : {"certificate", "key"}) {
        if ((key == "key" ? listener.key_file : listener.certificate_file).empty()) {
            listen.problem(key, "is needed for transport = \"tls\": a PEM file");
            complete = false;
        }
    }
    if (!complete) return {};
    const auto chain = config::TextFile::read(listener.certificate_file, kPemBytesMax);
    const auto key = config::TextFile::read(listener.key_file, kPemBytesMax);
    if (!chain) listen.problem("certificate", ": " + chain.error());
    if (!key) listen.problem("key", ": " + key.error());
    if (!chain || !key) return {};
    if ((key->mode & 07U) != 0 && !options.dev) {
        listen.problem("key", "names " + listener.key_file +
                                  ", which everybody on this machine may read; chmod 0640 it");
    }
    const auto info = crypto::inspect_certificate(chain->text, key->text, options.now);
    if (!info) {
        const std::string& file =
            info.error().about_key ? listener.key_file : listener.certificate_file;
        listen.problem(info.error().about_key ? "key" : "certificate",
                       ": " + file + " " + info.error().message);
        return {};
    }
    if (info->not_after - options.now < kExpirySoon) {
        const auto days =
            std::chrono::floor<std::chrono::days>(info->not_after - options.now).count();
        listen.warning("certificate", "ends in " + std::to_string(days) + " days");
    }
    return info->not_after;
}

/// Two listeners on one address fail at bind time, or worse: share it by SO_REUSEPORT.
void check_twins(config::Document& document, const std::vector<Listening>& listening) {
    for (std::size_t i = 0; i < listening.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const net::Listener &a = listening[i].net, &b = listening[j].net;
            if (a.address != b.address || a.address.port == 0 ||
                on_tcp(a.transport) != on_tcp(b.transport))
                continue;
            document.problem(listening[i].place,
                             "the listener " + std::string{to_string(a.transport)} + " " +
                                 a.address.to_string() + " has the address of another one (" +
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
        // DTLS is named so that asking for it gets an answer of its own.
        listen.choice("transport", listener.transport,
                      {{"udp", Transport::Udp},
                       {"tcp", Transport::Tcp},
                       {"tls", Transport::Tls},
                       {"dtls", Transport::Dtls}});
        if (listener.transport == Transport::Dtls)
            listen.problem("transport",
                           "is \"dtls\", which is not supported in this version; \"udp\", \"tcp\" "
                           "and \"tls\" are");
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
        std::filesystem::path certificate, key;
        listen.path("certificate", certificate);
        listen.path("key", key);
        listener.certificate_file = certificate.string();
        listener.key_file = key.string();
        const auto until = check_certificate(listen, listener, options);
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

std::string why_no_realm(const std::string& realm) {
    if (realm.empty()) return "is empty";
    if (realm.size() > kRealmBytesMax)
        return "has " + std::to_string(realm.size()) + " bytes; at most 127 are allowed";
    const bool plain = std::none_of(realm.begin(), realm.end(), [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
    return plain ? "" : "has a quote, a backslash or a control character";
}

}  // namespace turnpike::relay
