#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/endpoint.hpp"

namespace turnpike::signaling {

// What the web server decides about a request before anybody acts on it; no sockets here.

/// %XX decoded; nothing on a bad escape or a NUL. '+' becomes a blank only where `plus` says so (queries).
std::optional<std::string> percent_decode(std::string_view text, bool plus = false);

/// A request target in origin form, taken apart.
struct Target {
    std::string path;                          // decoded, begins with '/'
    std::map<std::string, std::string> query;  // decoded; the first of equal names
};
std::optional<Target> parse_target(std::string_view target);

/// Whether a page of `origin` may open a WebSocket here (RFC 6455 §10.2). No Origin: not a browser, so
/// nothing to protect. With an empty list only the page's own host is allowed, whatever its scheme.
bool origin_allowed(std::optional<std::string_view> origin, std::string_view host, std::span<const std::string> allowed);

/// Whether the comma-separated list has `token`, without regard to case.
bool list_has(std::string_view list, std::string_view token);

/// Sec-WebSocket-Key: base64 of 16 bytes (RFC 6455 §4.1).
bool is_websocket_key(std::string_view key);

/// Who really asks: behind proxies that are ours, the last address of X-Forwarded-For that is not one of them.
IpAddress client_address(const IpAddress& socket_peer, std::string_view forwarded_for, std::span<const Cidr> proxies);

/// What is wrong with the raw head of a request, as an HTTP status; 0: nothing that we know of. The
/// parser behind it is lenient where request smuggling begins (RFC 9112 §5.1, §5.2).
int head_fault(std::string_view head);

/// Headers that every answer carries. `tls` adds Strict-Transport-Security.
std::span<const std::pair<std::string_view, std::string_view>> security_headers(bool tls);

}  // namespace turnpike::signaling
