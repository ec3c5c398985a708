#include "common/ops/http_endpoint.hpp"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "common/base/assert.hpp"

namespace turnpike::ops {
namespace {

/// evhttp answers a larger body by itself, in HTML; up to here we answer, in JSON.
constexpr std::size_t kBodyBytesRead = 1 << 20;
constexpr int kBacklog = 64;

std::optional<Verb> verb_of(evhttp_cmd_type command) {
    switch (command) {
        case EVHTTP_REQ_GET:
        case EVHTTP_REQ_HEAD:
            return Verb::Get;
        case EVHTTP_REQ_POST:
            return Verb::Post;
        case EVHTTP_REQ_PUT:
            return Verb::Put;
        case EVHTTP_REQ_DELETE:
            return Verb::Delete;
        default:
            return {};
    }
}

const char* reason_of(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 422:
            return "Unprocessable Content";
        case 500:
            return "Internal Server Error";
        case 503:
            return "Service Unavailable";
        default:
            return "Unknown";
    }
}

std::optional<Request::Peer> peer_of(evhttp_request* request) {
    bufferevent* stream = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    ucred credentials{};
    socklen_t size = sizeof credentials;
    const int fd = stream ? static_cast<int>(bufferevent_getfd(stream)) : -1;
    if (fd < 0 || ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
        credentials.pid == 0)
        return {};
    return Request::Peer{credentials.pid, credentials.uid};
}

bool read_query(const char* query, std::map<std::string, std::string>& out) {
    if (!query || *query == '\0') return true;
    evkeyvalq pairs{};
    if (evhttp_parse_query_str(query, &pairs) != 0) return false;
    for (const evkeyval* pair = pairs.tqh_first; pair; pair = pair->next.tqe_next)
        out.emplace(pair->key, pair->value);
    evhttp_clear_headers(&pairs);
    return true;
}

void reply(evhttp_request* request, const Response& response, std::string_view allowed) {
    evkeyvalq* headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", response.content_type.c_str());
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    if (!allowed.empty()) evhttp_add_header(headers, "Allow", std::string{allowed}.c_str());
    evbuffer* body = evbuffer_new();
    TURNPIKE_ASSERT(body);
    if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
        evhttp_add_header(headers, "Content-Length", std::to_string(response.body.size()).c_str());
    } else {
        evbuffer_add(body, response.body.data(), response.body.size());
    }
    evhttp_send_reply(request, response.status, reason_of(response.status), body);
    evbuffer_free(body);
}

}  // namespace

struct HttpEndpoint::State {
    ControlLoop& loop;
    const Router& router;
    evhttp* server = nullptr;
    std::filesystem::path socket_path;
    bool is_unix = false;

    static void answer(evhttp_request* request, void* argument) {
        const auto& state = *static_cast<State*>(argument);
        const std::optional<Verb> verb = verb_of(evhttp_request_get_command(request));
        const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request);
        const char* path = uri ? evhttp_uri_get_path(uri) : nullptr;
        Request read;
        read.path = path && *path ? path : "/";
        if (!verb) {
            reply(request,
                  Response::error(405, "method_not_allowed", "this method is not used here"),
                  state.router.allowed(read.path));
            return;
        }
        read.verb = *verb;
        if (!uri || !read_query(evhttp_uri_get_query(uri), read.query)) {
            reply(request, Response::error(400, "bad_request", "the query cannot be read"), {});
            return;
        }
        evbuffer* body = evhttp_request_get_input_buffer(request);
        const std::size_t size = evbuffer_get_length(body);
        if (size > kBodyBytesMax) {
            reply(request, Response::error(413, "too_large", "a body may have 64 KiB"), {});
            return;
        }
        read.body.resize(size);
        evbuffer_copyout(body, read.body.data(), size);
        if (state.is_unix) read.peer = peer_of(request);

        const Response response = state.router.dispatch(std::move(read));
        reply(request, response,
              response.status == 405 ? state.router.allowed(path) : std::string{});
    }

    std::expected<evconnlistener*, int> listen(const sockaddr* address, socklen_t size) {
        evconnlistener* listener = evconnlistener_new_bind(
            loop.base(), nullptr, nullptr,
            LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, kBacklog, address,
            static_cast<int>(size));
        if (!listener) return std::unexpected{errno};
        if (!evhttp_bind_listener(server, listener)) {
            evconnlistener_free(listener);
            return std::unexpected{ENOMEM};
        }
        return listener;
    }
};

HttpEndpoint::HttpEndpoint(ControlLoop& loop, const Router& router)
    : state_(new State{loop, router, nullptr, {}, false}) {
    state_->server = evhttp_new(loop.base());
    TURNPIKE_ASSERT(state_->server);
    evhttp_set_max_headers_size(state_->server, kHeadBytesMax);
    evhttp_set_max_body_size(state_->server, kBodyBytesRead);
    evhttp_set_timeout(state_->server, static_cast<int>(kIdle.count()));
    // All of them, so that it is us who refuse, in JSON.
    evhttp_set_allowed_methods(state_->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                   EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                   EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                                   EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(state_->server, &State::answer, state_.get());
}

HttpEndpoint::~HttpEndpoint() {
    evhttp_free(state_->server);
    if (!state_->socket_path.empty()) ::unlink(state_->socket_path.c_str());
}

std::expected<void, std::string> HttpEndpoint::listen_unix(const std::filesystem::path& path,
                                                           unsigned mode) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path.string();
    if (name.size() >= sizeof address.sun_path) {
        return std::unexpected{
            "cannot listen on " + name +
            ": the path is longer than a socket's may be; use a shorter node.runtime_dir"};
    }
    std::memcpy(address.sun_path, name.data(), name.size());
    if (::unlink(name.c_str()) != 0 && errno != ENOENT)
        return std::unexpected{"cannot replace " + name + ": " + std::strerror(errno)};
    // Nobody gets in before chmod: the directory is ours alone, or the group's that may.
    const mode_t before = ::umask(0177);
    const auto listener =
        state_->listen(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::umask(before);
    if (!listener)
        return std::unexpected{"cannot listen on " + name + ": " + std::strerror(listener.error())};
    state_->socket_path = path;
    state_->is_unix = true;
    if (::chmod(name.c_str(), static_cast<mode_t>(mode)) != 0)
        return std::unexpected{"cannot set the mode of " + name + ": " + std::strerror(errno)};
    return {};
}

std::expected<void, std::string> HttpEndpoint::listen_admin(const std::filesystem::path& path,
                                                            std::optional<unsigned> group) {
    if (auto listening = listen_unix(path); !listening || !group) return listening;
    if (::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0 ||
        ::chmod(path.c_str(), 0660) != 0) {
        return std::unexpected{"cannot give " + path.string() +
                               " to node.admin_group: " + std::strerror(errno)};
    }
    return {};
}

std::expected<Endpoint, std::string> HttpEndpoint::listen_tcp(const Endpoint& address) {
    sockaddr_storage storage{};
    const socklen_t size = address.to(storage);
    const auto listener = state_->listen(reinterpret_cast<const sockaddr*>(&storage), size);
    if (!listener) {
        const char* why = listener.error() == EADDRINUSE ? "address already in use"
                                                         : std::strerror(listener.error());
        return std::unexpected{"cannot listen on tcp " + address.to_string() + ": " + why};
    }
    sockaddr_storage bound{};
    socklen_t bound_size = sizeof bound;
    ::getsockname(static_cast<int>(evconnlistener_get_fd(*listener)),
                  reinterpret_cast<sockaddr*>(&bound), &bound_size);
    return Endpoint::from(reinterpret_cast<const sockaddr&>(bound));
}

}  // namespace turnpike::ops
