#include "common/cluster/redis_transport.hpp"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "common/base/assert.hpp"
#include "common/base/endpoint.hpp"
#include "common/cluster/outcome.hpp"

namespace turnpike::cluster {
namespace {

struct Deleter {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, Deleter>;

std::string openssl_says() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason ? reason : "no reason given";
}

std::expected<TlsContext, std::string> tls_context(const StoreUrl& url) {
    TlsContext context{SSL_CTX_new(TLS_client_method())};
    TURNPIKE_ASSERT(context);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    if (url.ca.empty()) {
        SSL_CTX_set_default_verify_paths(context.get());
    } else if (SSL_CTX_load_verify_locations(context.get(), url.ca.c_str(), nullptr) != 1) {
        return std::unexpected{"names the ca " + url.ca.string() +
                               ", which cannot be read as PEM: " + openssl_says()};
    }
    if (!url.certificate.empty() &&
        (SSL_CTX_use_certificate_chain_file(context.get(), url.certificate.c_str()) != 1 ||
         SSL_CTX_use_PrivateKey_file(context.get(), url.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
         SSL_CTX_check_private_key(context.get()) != 1)) {
        return std::unexpected{"names a cert and a key that cannot be used together: " +
                               openssl_says()};
    }
    return context;
}

}  // namespace

struct RedisTransport::State {
    TlsContext tls;  // null without TLS
    std::string server_name;
    evdns_base* dns = nullptr;  // made when a name is first looked up

    ~State() {
        if (dns) evdns_base_free(dns, 0);
    }

    SSL* client_for(const StoreAddress& address) {
        SSL* ssl = SSL_new(tls.get());
        TURNPIKE_ASSERT(ssl);
        const std::string& name = server_name.empty() ? address.host : server_name;
        X509_VERIFY_PARAM* verify = SSL_get0_param(ssl);
        if (IpAddress::parse(name)) {
            X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str());
        } else {
            X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
            X509_VERIFY_PARAM_set1_host(verify, name.c_str(), name.size());
            SSL_set_tlsext_host_name(ssl, name.c_str());
        }
        return ssl;
    }

    // Names are asked of DNS and /etc/hosts without blocking the thread.
    evdns_base* resolver(event_base* base) {
        if (!dns) {
            dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
            TURNPIKE_ASSERT(dns);
            evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
        }
        return dns;
    }
};

RedisTransport::RedisTransport(std::unique_ptr<State> state) : state_(std::move(state)) {}
RedisTransport::~RedisTransport() = default;

std::expected<std::unique_ptr<RedisTransport>, std::string> RedisTransport::make(
    const StoreUrl& url) {
    auto state = std::make_unique<State>();
    if (url.tls) {
        auto context = tls_context(url);
        if (!context) return std::unexpected{context.error()};
        state->tls = std::move(*context);
        state->server_name = url.server_name;
    }
    return std::unique_ptr<RedisTransport>{new RedisTransport{std::move(state)}};
}

bufferevent* RedisTransport::dial(event_base* base, const StoreAddress& address,
                                  std::string& problem) {
    constexpr int kOptions = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
    bufferevent* stream = nullptr;
    if (state_->tls && address.socket.empty()) {
        stream = bufferevent_openssl_socket_new(base, -1, state_->client_for(address),
                                                BUFFEREVENT_SSL_CONNECTING, kOptions);
        // Redis closes without close_notify. What we read is framed: nothing can be cut off unseen.
        if (stream) bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    } else {
        stream = bufferevent_socket_new(base, -1, kOptions);
    }
    TURNPIKE_ASSERT(stream);

    int begun = -1;
    if (!address.socket.empty()) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, address.socket.data(),
                    std::min(address.socket.size(), sizeof to.sun_path - 1));
        begun = bufferevent_socket_connect(stream, reinterpret_cast<sockaddr*>(&to), sizeof to);
    } else if (const auto ip = IpAddress::parse(address.host)) {
        sockaddr_storage to{};
        const unsigned size = Endpoint{*ip, address.port}.to(to);
        begun = bufferevent_socket_connect(stream, reinterpret_cast<sockaddr*>(&to),
                                           static_cast<int>(size));
    } else {
        begun = bufferevent_socket_connect_hostname(stream, state_->resolver(base), AF_UNSPEC,
                                                    address.host.c_str(), address.port);
    }
    if (begun != 0) {
        problem = std::strerror(EVUTIL_SOCKET_ERROR());
        bufferevent_free(stream);
        return nullptr;
    }
    return stream;
}

std::string RedisTransport::why(bufferevent* stream) {
    if (const int dns = bufferevent_socket_get_dns_error(stream))
        return std::string{"cannot find the host: "} + evutil_gai_strerror(dns);
    SSL* ssl = bufferevent_openssl_get_ssl(stream);
    if (!ssl) return {};
    if (const long verified = SSL_get_verify_result(ssl); verified != X509_V_OK)
        return std::string{"TLS: certificate: "} + X509_verify_cert_error_string(verified);
    if (const unsigned long code = bufferevent_get_openssl_error(stream)) {
        const char* reason = ERR_reason_error_string(code);
        return std::string{"TLS: "} + (reason ? reason : "failed");
    }
    return {};
}

}  // namespace turnpike::cluster
