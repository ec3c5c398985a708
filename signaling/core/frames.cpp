#include "signaling/core/frames.hpp"

#include <nlohmann/json.hpp>

namespace turnpike::signaling {
namespace {

using nlohmann::ordered_json;

std::int64_t unix_ms(WallTime t) { return t.time_since_epoch().count(); }

// Texts were checked when they came in; a mistake of ours must still not throw.
std::string text_of(const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string inside_of(const ordered_json& object) {
    const std::string text = text_of(object);
    return text.substr(1, text.size() - 2);
}

ordered_json peer_object(const Participant& peer) {
    return {{"id", peer.id},       {"name", peer.name},
            {"kind", to_string(peer.kind)}, {"muted", peer.muted},
            {"hand", peer.hand},   {"link", to_string(peer.link)},
            {"host", peer.host},   {"state", peer.online() ? "online" : "reconnecting"},
            {"joined_seq", peer.joined_seq}};
}

}  // namespace

std::string quoted(std::string_view text) { return text_of(ordered_json(text)); }

std::string result_frame(std::string_view id, std::uint64_t s, std::string_view members) {
    std::string frame = R"({"jsonrpc":"2.0","id":)";
    frame.append(id).append(R"(,"result":{"s":)").append(std::to_string(s));
    if (!members.empty()) frame.append(",").append(members);
    return frame.append("}}");
}

std::string notification_frame(std::string_view method, std::uint64_t s, std::string_view members) {
    std::string frame = R"({"jsonrpc":"2.0","method":")";
    frame.append(method).append(R"(","params":{"s":)").append(std::to_string(s));
    if (!members.empty()) frame.append(",").append(members);
    return frame.append("}}");
}

std::string error_frame(std::string_view id, ErrorCode code, std::string_view message,
                        std::uint64_t retry_after_ms) {
    const ErrorTraits about = traits(code);
    ordered_json data{{"name", about.name}, {"retry", about.retry}};
    if (retry_after_ms > 0) data["retry_after_ms"] = retry_after_ms;
    const ordered_json error{{"code", static_cast<int>(code)}, {"message", message}, {"data", data}};
    std::string frame = R"({"jsonrpc":"2.0","id":)";
    return frame.append(id).append(R"(,"error":)").append(text_of(error)).append("}");
}

std::string hello_members(const Session& session, std::string_view resume_token, const Limits& limits,
                          Milliseconds resume_window, unsigned members_max, WallTime wall) {
    const auto rate = [](const Rate& r) { return ordered_json::array({r.per_second, r.burst}); };
    return inside_of({
        {"session_id", session.name},
        {"resume_token", resume_token},
        {"resume_window_ms", resume_window.count()},
        {"server_time", unix_ms(wall)},
        {"limits",
         {{"msg_bytes", limits.message.message_bytes},
          {"sdp_bytes", limits.message.sdp_bytes},
          {"candidates", limits.message.candidates},
          {"chat_bytes", limits.message.chat_bytes},
          {"name_characters", limits.message.name_characters},
          {"members", members_max},
          {"rooms", limits.rooms_per_session},
          {"rate", {{"signal", rate(limits.signal)}, {"chat", rate(limits.chat)}, {"ice", rate(limits.ice)}}}}},
        {"features", {"chat", "presence", "rejoin"}},
    });
}

std::string peer_json(const Participant& peer) { return text_of(peer_object(peer)); }

std::string snapshot_json(const Room& room) {
    ordered_json peers = ordered_json::array();
    for (const auto& member : room.members) peers.push_back(peer_object(*member));
    return text_of({
        {"full", true},
        {"epoch", room.epoch},
        {"seq", room.seq},
        {"room",
         {{"id", room.id},
          {"name", room.name},
          {"visibility", to_string(room.visibility)},
          {"tags", room.tags},
          {"max", room.max},
          {"created_at", unix_ms(room.created_at)}}},
        {"peers", std::move(peers)},
    });
}

std::string ice_members(const IceServers& ice, WallTime wall) {
    ordered_json servers = ordered_json::array();
    if (!ice.urls.empty()) {
        servers.push_back({{"urls", ice.urls}, {"username", ice.username}, {"credential", ice.credential}});
    }
    return inside_of({{"ice_servers", std::move(servers)},
                      {"ttl", ice.ttl.count()},
                      {"expires_at", unix_ms(ice.expires_at)},
                      {"server_time", unix_ms(wall)}});
}

std::string event_members(const Room& room, std::string_view type, std::string_view more) {
    std::string members = R"("room":")";
    members.append(room.id).append(R"(","epoch":")").append(room.epoch).append(R"(","seq":)");
    members.append(std::to_string(room.seq)).append(R"(,"type":")").append(type).append("\"");
    if (!more.empty()) members.append(",").append(more);
    return members;
}

std::string session_error_members(ErrorCode code, bool fatal) {
    return inside_of({{"code", static_cast<int>(code)}, {"name", traits(code).name}, {"fatal", fatal}});
}

}  // namespace turnpike::signaling
