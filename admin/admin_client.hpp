#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "admin/failure.hpp"
#include "common/base/clock.hpp"

namespace turnpike::admin {

/// HTTP and JSON over a daemon's admin socket. A connection a request.
///
/// Errors     Unreachable, Permission, Deadline; and what the daemon says: NotFound, Precondition, ...
/// Threading  any; it keeps nothing between requests
class AdminClient {
public:
    static constexpr std::size_t kAnswerBytesMax = 256UL << 20;

    AdminClient(std::filesystem::path socket, Milliseconds timeout) : socket_(std::move(socket)), timeout_(timeout) {}

    std::expected<nlohmann::json, Failure> get(const std::string& target) const;
    std::expected<nlohmann::json, Failure> remove(const std::string& target) const;
    std::expected<nlohmann::json, Failure> post(const std::string& target, const nlohmann::json& body) const;

    const std::filesystem::path& socket() const noexcept { return socket_; }

private:
    enum class Verb : std::uint8_t { Get, Delete, Post };
    std::expected<nlohmann::json, Failure> exchange(Verb verb, const std::string& target, std::string body) const;

    std::filesystem::path socket_;
    Milliseconds timeout_;
};

/// `text` for a path or query of a URL: all but letters, digits and -._~ is escaped.
std::string url_escaped(std::string_view text);

}  // namespace turnpike::admin
