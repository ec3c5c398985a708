#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace turnpike::admin::test {

/// What a daemon would be asked and would answer.
struct Request {
    std::string method, target, body;
};
struct Answer {
    int status = 200;
    std::string body = "{}";
    bool silent = false;  // keep the connection and say nothing
};

/// A folder of this test alone; gone with it.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// An admin socket with prepared answers. A target without one is a 404.
class FakeDaemon {
public:
    explicit FakeDaemon(std::filesystem::path socket);
    ~FakeDaemon();

    void answer(const std::string& method_and_target, Answer answer);  // "GET /v1/node"
    std::vector<Request> requests();

private:
    void serve();
    Answer answer_to(const Request& request);

    std::filesystem::path socket_;
    int listener_ = -1;
    int wake_[2] = {-1, -1};
    std::mutex mutex_;
    std::map<std::string, Answer> answers_;
    std::vector<Request> requests_;
    std::thread thread_;
};

}  // namespace turnpike::admin::test
