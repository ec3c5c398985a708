#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/endpoint.hpp"

/// A blocking client of one connection, bounded in time.
class HttpClient {
public:
    explicit HttpClient(const std::filesystem::path& socket)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    explicit HttpClient(const turnpike::Endpoint& endpoint)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage address{};
        const unsigned size = endpoint.to(address);
        connect(reinterpret_cast<const sockaddr*>(&address), size);
    }
    ~HttpClient() { ::close(fd_); }
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    bool connected() const { return connected_; }

    /// Sends the bytes and reads until the other side closes.
    std::string exchange(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) break;  // refused early: the answer is there all the same
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        std::string answer;
        char chunk[4096];
        for (;;) {
            const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
            if (got <= 0) return answer;
            answer.append(chunk, static_cast<std::size_t>(got));
        }
    }
    /// A whole request with "Connection: close".
    std::string request(std::string_view verb, std::string_view path, std::string_view body = {}) {
        std::string text = std::string{verb} + " " + std::string{path} +
                           " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        if (!body.empty())
            text +=
                "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n";
        return exchange(text + "\r\n" + std::string{body});
    }

private:
    void connect(const sockaddr* address, socklen_t size) {
        const timeval limit{5, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        connected_ = ::connect(fd_, address, size) == 0;
    }
    int fd_;
    bool connected_ = false;
};
