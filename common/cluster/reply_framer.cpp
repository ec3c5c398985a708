#include "common/cluster/reply_framer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace turnpike::cluster {
namespace {

constexpr std::size_t kHeaderMax = 1 + 20 + 2;  // type, number, CRLF
constexpr std::int64_t kBulkMax = 512LL << 20;  // Redis' own limit of a string
constexpr std::int64_t kElementsMax = 1LL << 31;

}  // namespace

bool ReplyFramer::fail(const char* why) {
    problem_ = why;
    return false;
}

void ReplyFramer::keep(ByteView bytes) {
    taken_ += bytes.size();
    if (too_large_) return;
    if (frame_.size() + bytes.size() > limits_.bytes) {
        too_large_ = true;
        std::string{}.swap(frame_);
        return;
    }
    frame_.append(as_text(bytes));
}

bool ReplyFramer::ended() {
    while (!open_.empty()) {
        if (--open_.back() > 0) return false;
        open_.pop_back();
    }
    return true;
}

// The header of ":", "$" or "*". Sets what is to come; false when it can be no reply.
bool ReplyFramer::begin(std::string_view header) {
    const std::string_view digits = header.substr(1, header.size() - 3);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return fail("a number that is none");
    if (header[0] == ':') {
        finished_ = ended();
        return true;
    }
    if (value < -1) return fail("a negative length");
    if (value == -1) {
        finished_ = ended();
        return true;
    }
    if (header[0] == '$') {
        if (value > kBulkMax) return fail("a string of more than 512 MiB");
        skip_ = static_cast<std::uint64_t>(value) + 2;
        return true;
    }
    if (value > kElementsMax) return fail("an array of more than 2^31 elements");
    if (value == 0) {
        finished_ = ended();
        return true;
    }
    if (open_.size() == kDepthMax) return fail("arrays nested too deep");
    open_.push_back(value);
    if (open_.size() > kDepthKept) too_large_ = true;
    return true;
}

ReplyFramer::Step ReplyFramer::feed(ByteView& bytes) {
    if (finished_) {
        frame_.clear();
        taken_ = elements_ = 0;
        too_large_ = finished_ = false;
    }
    while (!bytes.empty()) {
        if (skip_ > 0) {
            const auto size =
                static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
            keep(bytes.first(size));
            bytes = bytes.subspan(size);
            skip_ -= size;
            if (skip_ == 0) finished_ = ended();
        } else if (in_text_line_) {
            const auto lf = std::ranges::find(bytes, '\n');
            const auto size =
                static_cast<std::size_t>(lf - bytes.begin()) + (lf != bytes.end() ? 1 : 0);
            in_text_line_ = lf == bytes.end();
            keep(bytes.first(size));
            bytes = bytes.subspan(size);
            if (!in_text_line_) finished_ = ended();
        } else {
            const char c = static_cast<char>(bytes[0]);
            if (line_.empty()) {
                if (std::string_view{"+-:$*"}.find(c) == std::string_view::npos)
                    return fail("no RESP2 type"), Step::Broken;
                if (++elements_ > limits_.elements) too_large_ = true;
            }
            keep(bytes.first(1));
            bytes = bytes.subspan(1);
            if (c == '+' || c == '-') {
                if (line_.empty()) {
                    in_text_line_ = true;
                    continue;
                }
            }
            line_.push_back(c);
            if (line_.size() > kHeaderMax) return fail("an endless number"), Step::Broken;
            if (c == '\n') {
                if (line_.size() < 4 || line_[line_.size() - 2] != '\r')
                    return fail("a line without its CR"), Step::Broken;
                const std::string header = std::exchange(line_, {});
                if (!begin(header)) return Step::Broken;
            }
        }
        if (taken_ > limits_.bytes + limits_.passed_over)
            return fail("an endless reply"), Step::Broken;
        if (finished_) return too_large_ ? Step::TooLarge : Step::Frame;
    }
    return Step::More;
}

}  // namespace turnpike::cluster
