#include "turn/net/stream_session.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace turnpike::net {

StreamSession::StreamSession(FileDescriptor fd, core::Path p, const StreamListener& l, Stage s, Instant now)
    : path(std::move(p)), listener(l), stage(s), stage_since(now), received_at(now), partial_since(now),
      fd_(std::move(fd)) {}

StreamSession::Peek StreamSession::peek() const noexcept {
    for (;;) {
        std::uint8_t first = 0;
        const ssize_t got = ::recv(fd_.get(), &first, 1, MSG_PEEK);
        if (got == 1) return {first, false};
        if (got == 0) return {{}, true};
        if (errno == EINTR) continue;
        return {{}, errno != EAGAIN && errno != EWOULDBLOCK};
    }
}

bool StreamSession::begin_tls(Ssl ssl, HandshakeLimits::Ticket ticket) noexcept {
    if (!ssl || ::SSL_set_fd(ssl.get(), fd_.get()) != 1) return false;
    ssl_ = std::move(ssl);
    ticket_ = std::move(ticket);
    return true;
}

StreamSession::Read StreamSession::read(ByteSpan space) noexcept {
    if (broken_) return {0, true, true, true};
    if (ssl_) return read_tls(space);
    for (;;) {
        const ssize_t got = ::recv(fd_.get(), space.data(), space.size(), 0);
        if (got > 0) {
            const auto size = static_cast<std::size_t>(got);
            return {size, size < space.size()};
        }
        if (got == 0) return {0, true, true};
        if (errno == EINTR) continue;
        const bool broken = errno != EAGAIN && errno != EWOULDBLOCK;
        return {0, true, broken, broken};
    }
}

StreamSession::Read StreamSession::read_tls(ByteSpan space) noexcept {
    Read result;
    while (result.size < space.size()) {
        ::ERR_clear_error();
        std::size_t got = 0;
        const int done = ::SSL_read_ex(ssl_.get(), space.data() + result.size, space.size() - result.size, &got);
        if (done == 1) {
            result.size += got;
            continue;
        }
        result.dry = true;
        const int error = ::SSL_get_error(ssl_.get(), done);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return result;
        if (error != SSL_ERROR_ZERO_RETURN) broken_ = result.broken = true;
        result.ended = true;
        return result;
    }
    return result;
}

bool StreamSession::enqueue(const Outgoing& frame, std::size_t queue_max) {
    if (queued() + frame.size() > queue_max) return false;
    output_.insert(output_.end(), frame.header.begin(), frame.header.end());
    output_.insert(output_.end(), frame.payload.begin(), frame.payload.end());
    output_.resize(output_.size() + frame.padding);
    return true;
}

StreamSession::Flush StreamSession::flush() noexcept {
    while (has_queued()) {
        if (broken_) return Flush::Broken;
        const ByteView rest = ByteView{output_}.subspan(written_);
        if (ssl_) {
            ::ERR_clear_error();
            std::size_t written = 0;
            const int done = ::SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &written);
            if (done != 1) return blocked_or_broken(done);
            take_written(written);
        } else {
            const ssize_t written = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
            if (written < 0) {
                if (errno == EINTR) continue;
                return errno == EAGAIN || errno == EWOULDBLOCK ? Flush::Blocked : Flush::Broken;
            }
            take_written(static_cast<std::size_t>(written));
        }
    }
    return Flush::Done;
}

StreamSession::Flush StreamSession::blocked_or_broken(int result) noexcept {
    const int error = ::SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return Flush::Blocked;
    broken_ = true;
    return Flush::Broken;
}

void StreamSession::take_written(std::size_t size) noexcept {
    written_ += size;
    if (written_ == output_.size()) {
        // An idle session keeps no big buffer.
        constexpr std::size_t kKeepBytes = 8 * 1024;
        if (output_.capacity() > kKeepBytes) Bytes{}.swap(output_);
        else output_.clear();
        written_ = 0;
    } else if (written_ >= output_.size() / 2) {
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(written_));
        written_ = 0;
    }
}

bool StreamSession::handshaken() const noexcept { return !ssl_ || ::SSL_is_init_finished(ssl_.get()) == 1; }

bool StreamSession::handshake_wants_write() const noexcept {
    return ssl_ && !handshaken() && SSL_want_write(ssl_.get());
}

bool StreamSession::has_pending() const noexcept { return ssl_ && !broken_ && ::SSL_has_pending(ssl_.get()) == 1; }

void StreamSession::say_goodbye() noexcept {
    if (ssl_ && !broken_ && handshaken()) {
        ::ERR_clear_error();
        ::SSL_shutdown(ssl_.get());
    }
    ::shutdown(fd_.get(), SHUT_WR);
}

}  // namespace turnpike::net
