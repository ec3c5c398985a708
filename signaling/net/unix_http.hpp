#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "common/base/clock.hpp"
#include "signaling/net/io_loop.hpp"

namespace turnpike::signaling {

struct UnixHttpCall {
    std::filesystem::path socket;
    std::string method = "GET";
    std::string target = "/";
    std::string body;  // JSON, when there is one
    Milliseconds deadline{2000};
};
struct UnixHttpAnswer {
    int status = 0;     // 0: none came
    std::string body;   // at most 1 MiB
    std::string error;  // why none came
};

/// One HTTP/1.1 exchange over a unix socket, on a connection of its own. `done` is called once, on
/// the loop's thread, at the latest at the deadline; never when the loop ends before.
void unix_http(IoLoop& loop, UnixHttpCall call, std::function<void(UnixHttpAnswer)> done);

}  // namespace turnpike::signaling
