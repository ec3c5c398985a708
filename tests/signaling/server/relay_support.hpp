#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/signaling/net/web_support.hpp"

namespace turnpike::signaling {

/// A relay as signaling sees it: HTTP on a unix socket that answers GET /v1/node and takes
/// POST /v1/revocations, on a thread of its own.
class FakeRelay {
public:
    explicit FakeRelay(std::filesystem::path socket, std::string id = "relay-a");
    ~FakeRelay();

    /// The process "dies": its socket refuses. start() brings it back.
    void stop();
    void start();

    void set_node(json node);
    json node() const;
    /// Connections are taken, requests read, and nothing is answered.
    void set_mute(bool mute);
    /// The next `count` revocations are answered with `status`.
    void fail_revocations(int count, int status);
    void set_ended(int ended);
    /// Bodies of all POST /v1/revocations so far, once there are at least `count`.
    std::vector<json> wait_for_revocations(std::size_t count);
    void wait_for_polls(std::size_t count);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::signaling
