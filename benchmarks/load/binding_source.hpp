#pragma once

#include <vector>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/open_loop.hpp"
#include "benchmarks/load/open_schedule.hpp"

namespace turnpike::bench {

/// Binding requests of many clients at a fixed rate. The transaction id is a request's number,
/// which tells when it was due.
///
/// Source  RFC 8489 §12: no retransmissions here, a lost answer is a lost answer
class BindingSource final : public LoadSource {
public:
    BindingSource(ClientLink& link, std::uint32_t clients, double rate, Instant start,
                  const Clock& clock);

    std::uint64_t send_due(Instant now, std::uint64_t budget, LoadBook& book) override;
    Instant next_due() override { return schedule_.due(next_); }
    std::uint64_t backlog(Instant to) override {
        const std::uint64_t due = schedule_.due_by(to - Nanoseconds{1});
        return due > next_ ? due - next_ : 0;
    }
    std::size_t receive(LoadBook& book) override;
    std::array<int, 2> descriptors() const override { return {link_.descriptor(), -1}; }
    std::uint64_t drops() const override { return link_.drops(); }
    std::uint64_t failures() const override { return broken_; }
    void finish(Measurement& measurement) override;

private:
    void on_message(std::uint32_t client, ByteView message, Instant now, LoadBook& book);

    ClientLink& link_;
    std::uint32_t clients_;
    OpenSchedule schedule_;
    const Clock& clock_;
    std::vector<FlowMeter> meters_;
    std::uint64_t next_ = 0, broken_ = 0;
};

}  // namespace turnpike::bench
