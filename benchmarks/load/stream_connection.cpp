#include "benchmarks/load/stream_connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "turn/stun/demux.hpp"
#include "turn/stun/stream_framer.hpp"

namespace turnpike::bench {
namespace {

constexpr std::size_t kFrameBytesMax = 4 + 65535 + 3;
constexpr int kReadBudget = 16;  // of 64 KiB each

}  // namespace

bool StreamConnection::send(ByteView message) {
    if (outgoing_.size() + message.size() + 3 > kQueueBytesMax) return false;
    outgoing_.insert(outgoing_.end(), message.begin(), message.end());
    if (stun::classify(message) == stun::Kind::ChannelData) {
        outgoing_.resize(outgoing_.size() + (4 - message.size() % 4) % 4);
    }
    return true;
}

std::expected<void, std::string> StreamConnection::flush() {
    std::size_t written = 0;
    while (written < outgoing_.size()) {
        const Transfer step = write_some(ByteView{outgoing_}.subspan(written));
        if (step.outcome == Outcome::Later) break;
        if (step.outcome != Outcome::Done) {
            return std::unexpected(fmt::format("{}: {}", server_.to_string(), step.error));
        }
        written += step.size;
    }
    outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(written));
    return {};
}

std::expected<void, std::string> StreamConnection::receive(const OnMessage& on_message) {
    std::array<std::uint8_t, 65536> buffer;
    for (int reads = 0; reads < kReadBudget; ++reads) {
        const Transfer step = read_some(buffer);
        if (step.outcome == Outcome::Later) break;
        if (step.outcome != Outcome::Done) {
            return std::unexpected(fmt::format("{}: {}", server_.to_string(), step.error));
        }
        incoming_.insert(incoming_.end(), buffer.begin(),
                         buffer.begin() + static_cast<std::ptrdiff_t>(step.size));
        if (auto cut = cut_frames(on_message); !cut) return cut;
    }
    return {};
}

std::expected<void, std::string> StreamConnection::cut_frames(const OnMessage& on_message) {
    std::size_t at = 0;
    while (at < incoming_.size()) {
        const ByteView rest = ByteView{incoming_}.subspan(at);
        const auto frame = stun::next_frame(rest, kFrameBytesMax);
        if (!frame)
            return std::unexpected(
                fmt::format("{} sent what is no TURN frame", server_.to_string()));
        if (!*frame) break;
        on_message(rest.first((*frame)->size));
        at += (*frame)->consumed;
    }
    incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
}

StreamConnection::Transfer StreamConnection::read_some(ByteSpan into) {
    const ssize_t size = ::recv(socket_.descriptor(), into.data(), into.size(), 0);
    if (size > 0) return {Outcome::Done, static_cast<std::size_t>(size), {}};
    if (size == 0) return {Outcome::Closed, 0, "closed by the server"};
    if (errno == EAGAIN || errno == EINTR) return {Outcome::Later, 0, {}};
    return {Outcome::Failed, 0, error_text(errno)};
}

StreamConnection::Transfer StreamConnection::write_some(ByteView from) {
    const ssize_t size = ::send(socket_.descriptor(), from.data(), from.size(), MSG_NOSIGNAL);
    if (size >= 0) return {Outcome::Done, static_cast<std::size_t>(size), {}};
    if (errno == EAGAIN || errno == EINTR) return {Outcome::Later, 0, {}};
    return {Outcome::Failed, 0, error_text(errno)};
}

}  // namespace turnpike::bench
