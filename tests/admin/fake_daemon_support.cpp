#include "tests/admin/fake_daemon.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace turnpike::admin::test {
namespace {

// Reads one request; false when the other side left first.
bool read_request(int connection, Request& request) {
    std::string text;
    char buffer[4096];
    std::size_t head = std::string::npos, body_size = 0;
    while (head == std::string::npos || text.size() < head + 4 + body_size) {
        const ssize_t size = ::recv(connection, buffer, sizeof buffer, 0);
        if (size <= 0) return false;
        text.append(buffer, static_cast<std::size_t>(size));
        head = text.find("\r\n\r\n");
        if (head == std::string::npos) continue;
        if (const std::size_t at = text.find("Content-Length: "); at < head) body_size = std::strtoul(text.c_str() + at + 16, nullptr, 10);
    }
    const std::size_t first = text.find(' '), second = text.find(' ', first + 1);
    request = {text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(head + 4)};
    return true;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "turnpike-admin.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

FakeDaemon::FakeDaemon(std::filesystem::path socket) : socket_(std::move(socket)) {
    std::filesystem::create_directories(socket_.parent_path());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 8) != 0 ||
        ::pipe(wake_) != 0) {
        throw std::runtime_error("no fake daemon on " + socket_.string());
    }
    thread_ = std::thread{[this] { serve(); }};
}

FakeDaemon::~FakeDaemon() {
    ::close(wake_[1]);
    thread_.join();
    ::close(wake_[0]);
    ::close(listener_);
}

void FakeDaemon::answer(const std::string& method_and_target, Answer answer) {
    const std::lock_guard lock{mutex_};
    answers_[method_and_target] = std::move(answer);
}

std::vector<Request> FakeDaemon::requests() {
    const std::lock_guard lock{mutex_};
    return requests_;
}

Answer FakeDaemon::answer_to(const Request& request) {
    const std::lock_guard lock{mutex_};
    requests_.push_back(request);
    const auto found = answers_.find(request.method + " " + request.target);
    if (found != answers_.end()) return found->second;
    return {404, R"({"error":{"code":"not_found","message":"nothing is at )" + request.target + R"("}})"};
}

void FakeDaemon::serve() {
    std::vector<int> kept;
    for (;;) {
        pollfd wanted[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
        if (::poll(wanted, 2, -1) < 0 || wanted[1].revents != 0) break;
        const int connection = ::accept(listener_, nullptr, nullptr);
        if (connection < 0) continue;
        Request request;
        if (read_request(connection, request)) {
            const Answer answer = answer_to(request);
            if (answer.silent) {
                kept.push_back(connection);
                continue;
            }
            const std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " x\r\nContent-Type: application/json\r\nContent-Length: " +
                                     std::to_string(answer.body.size()) + "\r\nConnection: close\r\n\r\n" + answer.body;
            static_cast<void>(::send(connection, text.data(), text.size(), MSG_NOSIGNAL));
        }
        ::close(connection);
    }
    for (const int connection : kept) ::close(connection);
}

}  // namespace turnpike::admin::test
