#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.hpp"

/// A server on a unix socket that answers what the test says, true to RESP or not. PING is answered
/// with PONG unless the test does.
class FakeRedis {
public:
    /// The bytes to send; "close" closes the connection.
    using Answer = std::function<std::string(const std::vector<std::string>& words)>;

    explicit FakeRedis(Answer answer)
        : answer_(std::move(answer)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::strncpy(at.sun_path, socket().c_str(), sizeof at.sun_path - 1);
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
            ::listen(listener_, 16) != 0 || ::pipe(stop_) != 0)
            throw std::runtime_error("no fake server");
        thread_ = std::thread{[this] { run(); }};
    }
    ~FakeRedis() {
        ::close(stop_[1]);
        thread_.join();
        ::close(stop_[0]);
        ::close(listener_);
    }
    FakeRedis(const FakeRedis&) = delete;
    FakeRedis& operator=(const FakeRedis&) = delete;

    std::string socket() const { return (directory_.path() / "fake.sock").string(); }
    int connections() const { return connections_; }

private:
    void run() {
        std::map<int, std::string> open;  // what each has sent, and is no whole command yet
        for (;;) {
            std::vector<pollfd> fds{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
            for (const auto& [fd, unread] : open) fds.push_back({fd, POLLIN, 0});
            ::poll(fds.data(), fds.size(), -1);
            if (fds[0].revents) break;
            if (fds[1].revents) {
                open[::accept(listener_, nullptr, nullptr)];
                ++connections_;
            }
            for (std::size_t i = 2; i < fds.size(); ++i) {
                if (fds[i].revents && !serve(fds[i].fd, open[fds[i].fd])) {
                    ::close(fds[i].fd);
                    open.erase(fds[i].fd);
                }
            }
        }
        for (const auto& [fd, unread] : open) ::close(fd);
    }

    bool serve(int fd, std::string& unread) {
        char chunk[65536];
        const ssize_t size = ::recv(fd, chunk, sizeof chunk, 0);
        if (size <= 0) return false;
        unread.append(chunk, static_cast<std::size_t>(size));
        for (std::vector<std::string> words; take(unread, words); words.clear()) {
            std::string bytes = answer_(words);
            if (bytes == "close") return false;
            if (bytes.empty() && words[0] == "PING") bytes = "+PONG\r\n";
            for (std::size_t sent = 0; sent < bytes.size();) {
                const ssize_t now =
                    ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
                if (now <= 0) return false;
                sent += static_cast<std::size_t>(now);
            }
        }
        return true;
    }

    static bool take(std::string& unread, std::vector<std::string>& words) {
        std::size_t at = 0;
        const auto number = [&](char type, std::size_t& out) {
            const std::size_t end = unread.find("\r\n", at);
            if (end == std::string::npos || unread[at] != type) return false;
            out = std::stoul(unread.substr(at + 1, end - at - 1));
            at = end + 2;
            return true;
        };
        std::size_t count = 0, size = 0;
        if (!number('*', count)) return false;
        for (std::size_t i = 0; i < count; ++i) {
            if (!number('$', size) || unread.size() < at + size + 2) return false;
            words.push_back(unread.substr(at, size));
            at += size + 2;
        }
        unread.erase(0, at);
        return true;
    }

    TempDir directory_;
    Answer answer_;
    int listener_;
    int stop_[2]{};
    std::atomic<int> connections_{0};
    std::thread thread_;
};
