#include "turn/core/retransmissions.hpp"

namespace turnpike::core {

void Retransmissions::remember(const FiveTuple& tuple, const stun::MessageView& request, ByteView answer,
                               Instant now) {
    Answer kept{tuple, key_(request.bytes()), now + kKept, Bytes{answer.begin(), answer.end()}};
    if (answers_.size() < kAnswers) {
        answers_.push_back(std::move(kept));
        return;
    }
    answers_[next_] = std::move(kept);
    next_ = (next_ + 1) % kAnswers;
}

ByteView Retransmissions::find(const FiveTuple& tuple, const stun::MessageView& request, Instant now) const noexcept {
    if (answers_.empty()) return {};
    const std::uint64_t hash = key_(request.bytes());
    for (const Answer& answer : answers_) {
        if (answer.request == hash && answer.tuple == tuple && now < answer.until) return answer.bytes;
    }
    return {};
}

}  // namespace turnpike::core
