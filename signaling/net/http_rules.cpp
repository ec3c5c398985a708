#include "signaling/net/http_rules.hpp"

#include <algorithm>
#include <array>

namespace turnpike::signaling {
namespace {

constexpr std::size_t kRequestLineMax = 2048;
constexpr std::size_t kFieldsMax = 64;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_text(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        char c = text[at];
        if (c == '%') {
            if (text.size() - at < 3) return {};
            const int high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
            if (high < 0 || low < 0) return {};
            c = static_cast<char>(high * 16 + low);
            at += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        if (c == '\0') return {};
        out += c;
    }
    return out;
}

std::optional<Target> parse_target(std::string_view target) {
    if (target.empty() || target.front() != '/') return {};
    target = target.substr(0, target.find('#'));
    const std::size_t mark = target.find('?');
    auto path = percent_decode(target.substr(0, mark));
    if (!path) return {};
    Target parsed{*std::move(path), {}};
    std::string_view query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        const std::size_t equals = pair.find('=');
        auto name = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
        if (!name || !value) return {};
        if (!name->empty()) parsed.query.try_emplace(*std::move(name), *std::move(value));
        query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    }
    return parsed;
}

bool origin_allowed(std::optional<std::string_view> origin, std::string_view host, std::span<const std::string> allowed) {
    if (!origin) return true;
    const auto trim_slash = [](std::string_view text) { return text.ends_with('/') ? text.substr(0, text.size() - 1) : text; };
    if (!allowed.empty()) {
        return std::ranges::any_of(allowed, [&](const std::string& each) {
            return each == "*" || same_text(trim_slash(each), *origin);
        });
    }
    const std::size_t scheme = origin->find("://");
    if (scheme == std::string_view::npos || host.empty()) return false;
    std::string_view authority = origin->substr(scheme + 3);
    const std::string_view port = same_text(origin->substr(0, scheme), "https") ? ":443" : ":80";
    const auto without_port = [&](std::string_view text) {
        return text.ends_with(port) ? text.substr(0, text.size() - port.size()) : text;
    };
    return same_text(without_port(authority), without_port(host));
}

bool list_has(std::string_view list, std::string_view token) {
    while (true) {
        const std::size_t comma = list.find(',');
        if (same_text(trimmed(list.substr(0, comma)), token)) return true;
        if (comma == std::string_view::npos) return false;
        list.remove_prefix(comma + 1);
    }
}

bool is_websocket_key(std::string_view key) {
    key = trimmed(key);
    return key.size() == 24 && key.ends_with("==") && std::ranges::all_of(key.substr(0, 22), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
           });
}

IpAddress client_address(const IpAddress& socket_peer, std::string_view forwarded_for, std::span<const Cidr> proxies) {
    const auto is_proxy = [&](const IpAddress& address) {
        return std::ranges::any_of(proxies, [&](const Cidr& block) { return block.contains(address); });
    };
    IpAddress client = socket_peer;
    while (is_proxy(client) && !forwarded_for.empty()) {
        const std::size_t comma = forwarded_for.rfind(',');
        const std::string_view last = trimmed(comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1));
        const auto before = IpAddress::parse(last);
        if (!before) break;  // a proxy of ours wrote no address: the nearest known one it is
        client = *before;
        forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
    }
    return client;
}

int head_fault(std::string_view head) {
    std::size_t fields = 0;
    std::size_t at = 0;
    bool first = true;
    bool has_length = false, has_encoding = false;
    while (at < head.size()) {
        const std::size_t end = head.find("\r\n", at);
        if (end == std::string_view::npos) return 400;
        const std::string_view line = head.substr(at, end - at);
        at = end + 2;
        if (line.empty()) break;
        // A bare CR, LF or NUL inside a line is where two parsers begin to differ.
        if (line.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos) return 400;
        if (std::exchange(first, false)) {
            if (line.size() > kRequestLineMax) return 414;
            continue;
        }
        if (line.front() == ' ' || line.front() == '\t') return 400;  // obs-fold
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0 || line[colon - 1] == ' ' || line[colon - 1] == '\t') return 400;
        if (++fields > kFieldsMax) return 431;
        const std::string_view name = line.substr(0, colon);
        if (same_text(name, "Content-Length") && std::exchange(has_length, true)) return 400;
        if (same_text(name, "Transfer-Encoding") && std::exchange(has_encoding, true)) return 400;
    }
    return has_length && has_encoding ? 400 : 0;
}

std::span<const std::pair<std::string_view, std::string_view>> security_headers(bool tls) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kHeaders{{
        {"Content-Security-Policy",
         "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
         "style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
         "form-action 'self'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},  // the link is the invitation: it must not travel
        {"Permissions-Policy", "microphone=(self), autoplay=(self), camera=(), geolocation=(), payment=(), usb=()"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Strict-Transport-Security", "max-age=31536000"},
    }};
    return std::span{kHeaders}.first(tls ? kHeaders.size() : kHeaders.size() - 1);
}

}  // namespace turnpike::signaling
