#include "benchmarks/load/setup_source.hpp"

#include "turn/stun/demux.hpp"

namespace turnpike::bench {

SetupSource::SetupSource(FleetMaker& maker, ClientLink& link, const Plan& plan, Instant start,
                         const Clock& clock)
    : maker_(maker),
      link_(link),
      plan_(plan),
      clock_(clock),
      schedule_(start, plan.rate > 0 ? plan.rate : 1, 1, 1),
      due_(maker.size()) {
    for (std::uint32_t i = 0; i < maker.size(); ++i) idle_.push_back(i);
    maker_.on_events({.ready = [this](std::uint32_t member, Nanoseconds) { on_ready(member); },
                      .closed =
                          [this](std::uint32_t member, Nanoseconds) {
                              ++closed_;
                              idle_.push_back(member);
                          },
                      .failed =
                          [this](std::uint32_t member) {
                              if (!closed_loop()) idle_.push_back(member);
                          }});
    link_.on_broken(
        [this](std::uint32_t client, const std::string& why) { maker_.on_broken(client, why); });
}

std::uint64_t SetupSource::send_due(Instant now, std::uint64_t budget, LoadBook& book) {
    std::uint64_t count = 0;
    if (closed_loop()) {
        for (; count < budget && !idle_.empty() && maker_.in_flight() < plan_.window;
             ++count, ++next_) {
            const std::uint32_t member = idle_.front();
            idle_.pop_front();
            begin(member, now, now, book);
        }
    } else {
        const std::uint64_t due = schedule_.due_by(now);
        for (; next_ < due && count < budget; ++next_, ++count) {
            if (idle_.empty()) {
                book.refused(schedule_.due(next_));  // all members wait for the server
                continue;
            }
            const std::uint32_t member = idle_.front();
            idle_.pop_front();
            begin(member, schedule_.due(next_), now, book);
        }
    }
    if (count > 0) link_.flush();
    return count;
}

void SetupSource::begin(std::uint32_t member, Instant due, Instant now, LoadBook& book) {
    due_[member] = due;
    book.sent(due, now);
    maker_.start(member, now);
}

Instant SetupSource::next_due() {
    if (!closed_loop()) return schedule_.due(next_);
    if (idle_.empty()) return Instant::max();
    return maker_.in_flight() < plan_.window ? Instant{} : clock_.now() + 10ms;
}

std::uint64_t SetupSource::backlog(Instant to) {
    const std::uint64_t due = closed_loop() ? 0 : schedule_.due_by(to - 1ns);
    return due > next_ ? due - next_ : 0;
}

std::size_t SetupSource::receive(LoadBook& book) {
    book_ = &book;
    now_ = Instant{};
    const std::size_t count = link_.receive([&](std::uint32_t client, ByteView message) {
        if (now_ == Instant{}) now_ = clock_.now();
        if (stun::classify(message) == stun::Kind::Stun) maker_.on_message(client, message, now_);
    });
    if (count > 0) link_.flush();
    book_ = nullptr;
    return count;
}

void SetupSource::on_ready(std::uint32_t member) {
    live_.push_back(member);
    if (book_ != nullptr) {
        book_->relayed();
        book_->arrived(due_[member], FlowMeter::Arrival::New, 0, now_);
    }
    if (closed_loop() || live_.size() <= plan_.live) return;
    const std::uint32_t oldest = live_.front();
    live_.pop_front();
    if (maker_.is_ready(oldest)) maker_.close(oldest, now_);
}

void SetupSource::tick(Instant now) {
    maker_.tick(now);
    link_.flush();
}

}  // namespace turnpike::bench
