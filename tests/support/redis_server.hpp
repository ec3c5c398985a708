#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.hpp"

/// A redis-server or redis-sentinel of one test, as a process of its own in a directory of its own:
/// on a unix socket, and on a port of 127.0.0.1 where asked for. It ends with the object.
class RedisServer {
public:
    struct Setup {
        bool tcp = false;
        bool tls = false;       // instead of plain TCP
        bool cluster = false;   // needs tcp
        bool sentinel = false;  // needs tcp
        std::vector<std::string> arguments{};
        std::string configuration{};  // of a sentinel: its file, which it also writes
    };

    /// redis-tools has the server's binary, which goes by its name.
    static bool available() { return std::filesystem::exists(kBinary); }
    static constexpr const char* kMissing = "needs redis-server: apt-get install redis-tools";

    explicit RedisServer(Setup setup) : setup_(std::move(setup)) { start(); }
    RedisServer() : RedisServer(Setup{}) {}
    ~RedisServer() { stop(); }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    std::string socket() const { return (directory_.path() / "redis.sock").string(); }
    int port() const { return port_; }
    int bus_port() const { return bus_port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    const std::filesystem::path& directory() const { return directory_.path(); }

    void pause() const { signal(SIGSTOP); }
    void resume() const { signal(SIGCONT); }
    /// At once, as the kernel's OOM killer would.
    void stop() {
        if (pid_ < 0) return;
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
        reader_.join();
    }
    /// Again on the same socket and port; what it had is gone.
    void start() {
        for (int attempt = 0;; ++attempt) {
            if (!port_fixed_ && wants_port()) {
                port_ = free_port();
                if (setup_.cluster) bus_port_ = free_port();
            }
            launch();
            if (wait_for(setup_.sentinel ? "+monitor" : "eady to accept connections")) break;
            const std::string said = log();
            stop();
            // Somebody took the port between our look and its bind.
            if (attempt == 20) throw std::runtime_error("redis-server did not start:\n" + said);
        }
        port_fixed_ = true;
    }

    /// Waits for a line of its log with `text`, after the last such wait. False when it ended.
    bool wait_for(const std::string& text) {
        std::unique_lock lock{mutex_};
        const bool met = changed_.wait_for(lock, std::chrono::seconds{60}, [&] {
            return log_.find(text, seen_) != std::string::npos || ended_;
        });
        const std::size_t at = log_.find(text, seen_);
        if (!met || at == std::string::npos) return false;
        seen_ = at + text.size();
        return true;
    }
    std::string log() {
        const std::lock_guard lock{mutex_};
        return log_;
    }

    /// One command over a connection of its own; arrays come as their elements joined by spaces.
    std::string command(const std::vector<std::string>& words) const {
        const std::unique_ptr<redisContext, decltype(&redisFree)> to{
            setup_.sentinel ? redisConnect("127.0.0.1", port_) : redisConnectUnix(socket().c_str()),
            &redisFree};
        if (!to || to->err) throw std::runtime_error("cannot connect to redis-server");
        std::vector<const char*> starts;
        std::vector<std::size_t> sizes;
        for (const std::string& word : words) {
            starts.push_back(word.data());
            sizes.push_back(word.size());
        }
        auto* raw = static_cast<redisReply*>(redisCommandArgv(
            to.get(), static_cast<int>(words.size()), starts.data(), sizes.data()));
        const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply{raw, &freeReplyObject};
        return raw ? text_of(*raw) : std::string{"(no reply)"};
    }

private:
    static constexpr const char* kBinary = "/usr/bin/redis-check-rdb";

    bool wants_port() const {
        return setup_.tcp || setup_.tls || setup_.cluster || setup_.sentinel;
    }

    static int free_port() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof any;
        if (::bind(fd, reinterpret_cast<sockaddr*>(&any), size) != 0 ||
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&any), &size) != 0) {
            throw std::runtime_error("no free port");
        }
        ::close(fd);
        return ntohs(any.sin_port);
    }

    static std::string text_of(const redisReply& reply) {
        if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
        if (reply.type == REDIS_REPLY_NIL) return "(nil)";
        if (reply.type != REDIS_REPLY_ARRAY) return {reply.str, reply.len};
        std::string out;
        for (std::size_t i = 0; i < reply.elements; ++i)
            out += (i ? " " : "") + text_of(*reply.element[i]);
        return out;
    }

    std::vector<std::string> words() const {
        const std::string port = std::to_string(port_);
        std::vector<std::string> out{setup_.sentinel ? "redis-sentinel" : "redis-server"};
        if (setup_.sentinel) {
            out.push_back(directory_.write("sentinel.conf", setup_.configuration).string());
            out.insert(out.end(), {"--port", port, "--bind", "127.0.0.1"});
            return out;
        }
        out.insert(out.end(), {"--save", "", "--appendonly", "no", "--dir",
                               directory_.path().string(), "--unixsocket", socket(), "--bind",
                               "127.0.0.1", "--port", setup_.tls || !wants_port() ? "0" : port});
        if (setup_.tls) out.insert(out.end(), {"--tls-port", port});
        if (setup_.cluster) {
            out.insert(out.end(),
                       {"--cluster-enabled", "yes", "--cluster-port", std::to_string(bus_port_),
                        "--cluster-config-file", "nodes.conf"});
        }
        out.insert(out.end(), setup_.arguments.begin(), setup_.arguments.end());
        return out;
    }

    void launch() {
        {
            const std::lock_guard lock{mutex_};
            log_.clear();
            seen_ = 0;
            ended_ = false;
        }
        std::vector<std::string> all = words();
        std::vector<char*> argv;
        for (std::string& word : all) argv.push_back(word.data());
        argv.push_back(nullptr);
        int pipe[2];
        if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(pipe[1], 1);
            ::dup2(pipe[1], 2);
            ::execv(kBinary, argv.data());
            ::_exit(127);
        }
        ::close(pipe[1]);
        reader_ = std::thread{[this, fd = pipe[0]] {
            char chunk[4096];
            for (;;) {
                const ssize_t size = ::read(fd, chunk, sizeof chunk);
                const std::lock_guard lock{mutex_};
                if (size > 0) log_.append(chunk, static_cast<std::size_t>(size));
                if (size <= 0) ended_ = true;
                changed_.notify_all();
                if (size <= 0) break;
            }
            ::close(fd);
        }};
    }

    void signal(int number) const {
        if (pid_ > 0) ::kill(pid_, number);
    }

    TempDir directory_;
    Setup setup_;
    int port_ = 0, bus_port_ = 0;
    bool port_fixed_ = false;
    pid_t pid_ = -1;
    std::thread reader_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string log_;
    std::size_t seen_ = 0;
    bool ended_ = false;
};
