#include "common/cluster/redis_link.hpp"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "common/base/assert.hpp"

namespace turnpike::cluster {
namespace {

constexpr std::size_t kPasswordFileMax = 4096;

/// The first line of the file. Empty when it cannot be read.
Secret password_in(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    std::string text(kPasswordFileMax, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    const auto size = static_cast<std::size_t>(in.gcount());
    const std::size_t end = std::min(text.find_first_of("\r\n"), size);
    Secret out{std::string_view{text}.substr(0, end)};
    std::ranges::fill(text, '\0');
    return out;
}

}  // namespace

RedisLink::RedisLink(EventThread& thread, const Clock& clock, RedisTransport& transport,
                     RedisLinkOwner& owner, StoreAddress address, Options options)
    : thread_(thread),
      clock_(clock),
      transport_(transport),
      owner_(owner),
      address_(std::move(address)),
      options_(std::move(options)),
      patience_(thread, [this] {
          down(!dial_problem_.empty()        ? dial_problem_
               : stage_ == Stage::Connecting ? "no connection in time"
                                             : "no answer to the greeting in time");
      }) {}

RedisLink::~RedisLink() {
    drop();
}

void RedisLink::FreeStream::operator()(bufferevent* stream) const noexcept {
    bufferevent_free(stream);
}

void RedisLink::connect() {
    TURNPIKE_ASSERT(idle());
    ++life_;
    stage_ = Stage::Connecting;
    dial_problem_.clear();
    reader_ = std::make_unique<ReplyReader>(options_.limits);
    // Callbacks are deferred, so the stream is ours before the first of them.
    stream_.reset(transport_.dial(thread_.base(), address_, dial_problem_));
    if (!stream_) {
        patience_.start(0ms);
        return;
    }
    bufferevent_setcb(stream_.get(), &RedisLink::on_read, nullptr, &RedisLink::on_event, this);
    bufferevent_enable(stream_.get(), EV_READ | EV_WRITE);
    patience_.start(options_.connect_within);
}

void RedisLink::on_event(bufferevent* stream, short what, void* self) {
    auto* link = static_cast<RedisLink*>(self);
    if (what & BEV_EVENT_CONNECTED) {
        const int fd = bufferevent_getfd(stream);
        const int yes = 1;
        // Fails on a unix socket, which needs neither.
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
        link->greet();
        return;
    }
    const int error = EVUTIL_SOCKET_ERROR();
    std::string why = RedisTransport::why(stream);
    if (why.empty() && (what & BEV_EVENT_EOF)) why = "closed by the server";
    if (why.empty()) why = error != 0 ? std::strerror(error) : "the connection broke";
    link->down(std::move(why));
}

void RedisLink::on_read(bufferevent*, void* self) {
    static_cast<RedisLink*>(self)->readable();
}

void RedisLink::greet() {
    stage_ = Stage::Greeting;
    heard_ = clock_.now();
    const auto say = [&](Greeting step, const std::vector<std::string_view>& words) {
        under_way_.push_back(static_cast<std::uint64_t>(step));
        std::string wire = wire_of(words);
        write(wire);
        if (step == Greeting::Auth) std::ranges::fill(wire, '\0');
    };
    if (!options_.login.empty()) {
        const Secret password = options_.login.password_file.empty()
                                    ? options_.login.password
                                    : password_in(options_.login.password_file);
        if (password.empty()) {
            down("cannot read a password from " + options_.login.password_file.string());
            return;
        }
        std::vector<std::string_view> words{"AUTH"};
        if (!options_.login.user.empty()) words.push_back(options_.login.user);
        words.push_back(as_text(password.reveal()));
        say(Greeting::Auth, words);
    }
    if (options_.database != 0)
        say(Greeting::Select, {"SELECT", std::to_string(options_.database)});
    if (options_.must_be_master) say(Greeting::Role, {"ROLE"});
    // The one that a server answers only when it is ready: not loading, and the login is good.
    say(Greeting::Ping, {"PING"});
}

void RedisLink::greeted(Greeting step, const Outcome<Reply>& reply) {
    if (!reply) return down("greeting: " + reply.error().detail);
    if (reply->is(Reply::Type::Error)) {
        // A user that may not PING may be all the same what its commands need.
        if (step == Greeting::Ping && reply->text.starts_with("NOPERM")) {
        } else {
            return down(printable(reply->text));
        }
    }
    if (step == Greeting::Role) {
        const bool master = reply->is(Reply::Type::Array) && !reply->elements.empty() &&
                            reply->elements[0].text == "master";
        if (!master) return down("is no master");
    }
    if (step != Greeting::Ping) return;
    patience_.stop();
    stage_ = Stage::Ready;
    owner_.link_ready(*this);
}

void RedisLink::write(std::string_view wire) {
    bufferevent_write(stream_.get(), wire.data(), wire.size());
}

void RedisLink::send(std::uint64_t token, std::string_view wire) {
    TURNPIKE_ASSERT(ready());
    if (under_way_.empty()) heard_ = clock_.now();
    under_way_.push_back(token);
    write(wire);
}

void RedisLink::send_unasked(std::string_view wire) {
    TURNPIKE_ASSERT(ready());
    if (options_.use == Use::Commands) {
        send(0, wire);
    } else {
        write(wire);
    }
}

void RedisLink::readable() {
    const std::uint64_t life = life_;
    evbuffer* input = bufferevent_get_input(stream_.get());
    std::vector<Outcome<Reply>> replies;
    while (const std::size_t size = evbuffer_get_contiguous_space(input)) {
        replies.clear();
        const bool good =
            reader_->feed({evbuffer_pullup(input, static_cast<ev_ssize_t>(size)), size}, replies);
        evbuffer_drain(input, size);
        for (Outcome<Reply>& reply : replies) {
            answered(std::move(reply));
            // The owner may have closed the link, or even begun another connection.
            if (life_ != life || !stream_) return;
        }
        if (!good) return down("no RESP2: " + reader_->problem());
    }
}

void RedisLink::answered(Outcome<Reply> reply) {
    heard_ = clock_.now();
    if (stage_ == Stage::Ready && options_.use == Use::Listening) {
        if (reply) owner_.link_pushed(*this, *reply);
        return;
    }
    if (under_way_.empty()) return down("an answer that nobody asked for");
    const std::uint64_t token = under_way_.front();
    under_way_.pop_front();
    if (stage_ == Stage::Greeting) {
        greeted(static_cast<Greeting>(token), reply);
    } else if (token != 0) {
        owner_.link_answer(*this, token, std::move(reply));
    }
}

void RedisLink::drop() {
    patience_.stop();
    stage_ = Stage::Idle;
    stream_.reset();
    reader_.reset();
}

void RedisLink::close() {
    if (idle()) return;
    const bool ready_before = ready();
    drop();
    const std::deque<std::uint64_t> lost = std::exchange(under_way_, {});
    if (!ready_before) return;  // those were the greeting's
    for (const std::uint64_t token : lost) {
        if (token == 0) continue;
        owner_.link_answer(
            *this, token,
            std::unexpected{StoreError{StoreError::Kind::Disconnected,
                                       address_.to_string() + ": the connection broke"}});
    }
}

void RedisLink::down(std::string why) {
    if (idle()) return;
    close();
    owner_.link_down(*this, why);
}

void RedisLink::check() {
    if (!ready()) return;
    const Nanoseconds silent = clock_.now() - heard_;
    const bool due = !under_way_.empty() || options_.use == Use::Listening;
    if (due && silent > options_.silent_most) return down("has not answered for too long");
    // An idle connection, too, learns in time that its server has gone.
    if (silent > options_.silent_most / 2 && (under_way_.empty() || options_.use == Use::Listening))
        send_unasked(wire_of({"PING"}));
}

}  // namespace turnpike::cluster
