#pragma once

// Clients for tests of the web server and of the daemon. Beast stays in web_support.cpp.

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.hpp"

namespace turnpike::signaling {

using nlohmann::json;

inline constexpr std::chrono::seconds kPatience{10};  // until a test gives up waiting

/// An HTTP response; status 0: the connection ended without one. Names of fields are in lower case.
struct WebAnswer {
    int status = 0;
    std::map<std::string, std::string> fields;
    std::string body;

    std::string field(const std::string& name) const {
        const auto at = fields.find(name);
        return at == fields.end() ? std::string{} : at->second;
    }
    json parsed() const { return json::parse(body, nullptr, false); }
};

/// A TCP client that speaks in bytes, over TLS if wanted. Every step is bounded by kPatience.
class RawClient {
public:
    enum class Over { Tcp, Tls };
    explicit RawClient(const Endpoint& server, Over over = Over::Tcp);
    ~RawClient();

    bool connected() const;  // TLS: the handshake went well
    /// The subject's common name of the server's certificate.
    std::string certificate_name() const;
    bool send(std::string_view bytes);
    WebAnswer response(bool of_head = false);
    WebAnswer ask(std::string_view request) {
        send(request);
        return response();
    }
    /// Everything until the server closes.
    std::string read_all();
    /// Whether the server answered an upgrade with 101.
    bool upgrade();

    struct State;

private:
    std::unique_ptr<State> state_;
};

/// A WebSocket client that answers pings and checks frames, over TLS if wanted.
class WsClient {
public:
    explicit WsClient(RawClient::Over over = RawClient::Over::Tcp);
    ~WsClient();

    /// A small receive buffer makes a slow reader of it soon.
    bool connect(const Endpoint& server, int receive_buffer = 0);
    bool upgrade(std::string_view subprotocol = "turnpike.v1", std::string_view origin = {}, std::string_view host = "127.0.0.1");
    /// Connected, upgraded and greeted.
    bool open(const Endpoint& server) { return connect(server) && upgrade() && hello().contains("result"); }
    /// A field of the answer to the upgrade.
    std::string upgrade_field(std::string_view name) const;

    bool send(std::string_view text);
    /// The next message; null when there is no more.
    json receive();
    /// Sends a request; keeps notifications until its answer.
    json call(std::string_view method, json params = json::object());
    /// The next notification of that method (and event type); null when the connection ended before.
    json wait_for(std::string_view method, std::string_view type = {});
    json hello() { return call("session.hello", {{"v", 1}}); }
    json join(std::string_view room, std::string_view name) {
        return call("room.join", {{"room", room}, {"peer", {{"name", name}}}, {"create", true}})["result"];
    }
    /// Reads until the server closes; its close code, 0 when it went without one.
    int close_code();
    void keep(json frame) { kept_.push_back(std::move(frame)); }

    class Port;

private:
    std::unique_ptr<Port> port_;
    std::vector<json> kept_;
    int last_id_ = 0;
};

/// The first close code among the frames that a server sent (never masked); 0: none.
int close_code_in(std::string_view bytes);

inline std::string get(std::string_view path, std::string_view headers = {}) {
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string{headers} + "\r\n";
}

}  // namespace turnpike::signaling
