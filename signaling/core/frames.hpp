#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "signaling/core/errors.hpp"
#include "signaling/core/limits.hpp"
#include "signaling/core/outbox.hpp"
#include "signaling/core/room.hpp"
#include "signaling/core/session.hpp"

namespace turnpike::signaling {

// Everything the server says, as JSON text. A "members" string is the inside of an object, without
// its braces: an event is written once and sent to each session with that session's `s` in front.

std::string result_frame(std::string_view id, std::uint64_t s, std::string_view members);
std::string notification_frame(std::string_view method, std::uint64_t s, std::string_view members);
std::string error_frame(std::string_view id, ErrorCode code, std::string_view message,
                        std::uint64_t retry_after_ms = 0);

std::string quoted(std::string_view text);

std::string hello_members(const Session& session, std::string_view resume_token, const Limits& limits,
                          Milliseconds resume_window, unsigned members_max, WallTime wall);
/// id, name, kind, … of one member, with braces.
std::string peer_json(const Participant& peer);
std::string snapshot_json(const Room& room);
/// ice_servers, ttl, expires_at, server_time.
std::string ice_members(const IceServers& ice, WallTime wall);
/// room, epoch, seq, type, and what the type has besides.
std::string event_members(const Room& room, std::string_view type, std::string_view more);
std::string session_error_members(ErrorCode code, bool fatal);

}  // namespace turnpike::signaling
