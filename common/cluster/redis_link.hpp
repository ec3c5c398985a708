#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/cluster/event_thread.hpp"
#include "common/cluster/outcome.hpp"
#include "common/cluster/redis_transport.hpp"
#include "common/cluster/reply.hpp"
#include "common/cluster/reply_reader.hpp"
#include "common/cluster/store_url.hpp"

namespace turnpike::cluster {

class RedisLink;

/// Told by a link, on the store's thread. It may use the link, but not destroy it, in these calls.
class RedisLinkOwner {
public:
    virtual void link_ready(RedisLink& link) = 0;
    /// Every command under way has been answered with Disconnected before.
    virtual void link_down(RedisLink& link, const std::string& why) = 0;
    virtual void link_answer(RedisLink& link, std::uint64_t token, Outcome<Reply> reply) = 0;
    virtual void link_pushed(RedisLink& link, const Reply& reply) = 0;

protected:
    ~RedisLinkOwner() = default;
};

/// One connection to one server: connecting, TLS, AUTH, SELECT, the check of its role, then
/// pipelined commands. Answers come in the order of the commands, each under the token that its
/// command was sent with, so one that is late can be no other command's.
///
/// Threading  the store's own
class RedisLink {
public:
    enum class Use : std::uint8_t {
        Commands,
        Listening,  // SUBSCRIBE: every answer is pushed, there are no tokens
    };
    struct Options {
        Use use = Use::Commands;
        bool must_be_master = false;
        int database = 0;
        StoreLogin login;
        Milliseconds connect_within = 1s;  // up to the last answer of the handshake
        Milliseconds silent_most = 5s;     // without an answer that is due
        ReplyFramer::Limits limits;
    };

    RedisLink(EventThread& thread, const Clock& clock, RedisTransport& transport,
              RedisLinkOwner& owner, StoreAddress address, Options options);
    ~RedisLink();
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;

    const StoreAddress& address() const noexcept { return address_; }
    bool idle() const noexcept { return stage_ == Stage::Idle; }
    bool ready() const noexcept { return stage_ == Stage::Ready; }
    std::size_t under_way() const noexcept { return under_way_.size(); }

    /// When idle. link_ready() or link_down() follows, never in this call.
    void connect();
    /// When ready. `token` is not 0.
    void send(std::uint64_t token, std::string_view wire);
    /// A command whose answer nobody wants: PING, ASKING, SUBSCRIBE.
    void send_unasked(std::string_view wire);
    /// Ends the connection, as if it had broken; without link_down().
    void close();
    /// Now and then: sees that the server is there, and ends the link when it is not.
    void check();

private:
    enum class Stage : std::uint8_t { Idle, Connecting, Greeting, Ready };
    enum class Greeting : std::uint64_t { Auth = 1, Select, Role, Ping };

    struct FreeStream {
        void operator()(bufferevent* stream) const noexcept;
    };
    static void on_read(bufferevent*, void* self);
    static void on_event(bufferevent*, short what, void* self);

    void greet();
    void write(std::string_view wire);
    void readable();
    void answered(Outcome<Reply> reply);
    void greeted(Greeting step, const Outcome<Reply>& reply);
    void down(std::string why);
    void drop();

    EventThread& thread_;
    const Clock& clock_;
    RedisTransport& transport_;
    RedisLinkOwner& owner_;
    StoreAddress address_;
    Options options_;

    Stage stage_ = Stage::Idle;
    std::unique_ptr<bufferevent, FreeStream> stream_;
    std::unique_ptr<ReplyReader> reader_;
    std::deque<std::uint64_t> under_way_;  // tokens; 0: nobody wants the answer
    Instant heard_{};                      // the last answer, or when the first one became due
    std::uint64_t life_ = 0;               // counts connections
    std::string dial_problem_;
    EventTimer patience_;  // of connecting and greeting
};

}  // namespace turnpike::cluster
