#include "benchmarks/load/relay_mode.hpp"

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

#include "benchmarks/load/payload.hpp"

namespace turnpike::bench {
namespace {

// Packets that one round may send, so that receiving keeps up.
constexpr int kSendBudget = 128;
constexpr Nanoseconds kPollMax = 100ms;
constexpr Nanoseconds kCloseTimeout = 2s;

class RelayRun {
public:
    RelayRun(const RelayOptions& options, const Clock& clock, Random& random, const volatile std::sig_atomic_t& stop)
        : options_(options), clock_(clock), random_(random), stop_(stop) {}

    std::expected<RelayReport, std::string> run() {
        if (auto problem = set_up(); !problem.empty()) return std::unexpected(problem);
        if (auto problem = exchange(); !problem.empty()) return std::unexpected(problem);
        finish();
        return std::move(report_);
    }

private:
    struct Leg {
        std::unique_ptr<TurnClient> client;
        std::uint64_t next = 0;  // sequence
        Instant start{};         // when sequence 0 is due
    };

    std::string set_up() {
        for (unsigned i = 0; i < legs_.size(); ++i) {
            auto connection = connect(options_.target, std::chrono::ceil<Milliseconds>(options_.timeout));
            if (!connection) return connection.error();
            auto credential = credential_for(options_.target, i + 1, clock_.wall());
            legs_[i].client = std::make_unique<TurnClient>(
                std::move(*connection),
                TurnClient::Options{.username = std::move(credential.username),
                                    .password = std::move(credential.password),
                                    .realm = options_.target.realm,
                                    .framing = options_.framing,
                                    .reliable = is_stream(options_.target.transport),
                                    .family = {}},
                random_);
        }
        const Instant until = clock_.now() + options_.timeout;
        for (Leg& leg : legs_) leg.client->allocate(clock_.now());
        auto problem = poll_until(until, "Allocate", [&] { return all([](const Leg& leg) { return leg.client->allocated(); }); });
        if (!problem.empty()) return problem;
        for (unsigned i = 0; i < legs_.size(); ++i) {
            report_.relayed[i] = *legs_[i].client->relayed();
            legs_[i].client->open_peer(*legs_[1 - i].client->relayed(), clock_.now());
            legs_[i].client->on_payload([this, i](ByteView bytes, Instant) { on_payload(1 - i, bytes); });
        }
        return poll_until(until, "opening the peer", [&] { return all([](const Leg& leg) { return leg.client->ready(); }); });
    }

    std::string exchange() {
        if (options_.interval > Nanoseconds::zero()) {
            fmt::print(stderr, "relaying {} <-> {}\n", report_.relayed[0].to_string(), report_.relayed[1].to_string());
            std::fflush(stderr);
        }
        // The two clients take turns, so that neither direction comes in bursts of two.
        const Instant start = clock_.now();
        begun_ = next_line_ = start;
        last_news_ = start;
        legs_[0].start = start;
        legs_[1].start = start + period(1) / 2;
        while (!sending_done()) {
            send_due();
            if (auto problem = poll_once(next_due()); !problem.empty()) return problem;
            print_interval();
        }
        report_.elapsed = clock_.now() - start;
        // What is under way may still come.
        last_news_ = clock_.now();
        while (missing() && clock_.now() < last_news_ + options_.drain) {
            if (auto problem = poll_once(last_news_ + options_.drain); !problem.empty()) return problem;
        }
        return {};
    }

    void finish() {
        for (const Leg& leg : legs_) {
            report_.receive_drops += leg.client->connection().receive_drops();
            leg.client->close(clock_.now());
        }
        // A server that does not answer now changes nothing about what was measured.
        static_cast<void>(poll_until(clock_.now() + kCloseTimeout, "closing",
                                     [&] { return all([](const Leg& leg) { return leg.client->closed() || leg.client->failed(); }); }));
        for (const FlowMeter& flow : report_.flows) report_.total.add(flow);
    }

    void send_due() {
        const Instant now = clock_.now();
        if (stop_ != 0 && !stopped_) {
            stopped_ = true;
            report_.stopped = true;
        }
        std::array<std::uint8_t, Payload::kSizeMax> space;
        const ByteSpan packet = ByteSpan{space}.first(options_.size);
        for (unsigned i = 0; i < legs_.size(); ++i) {
            Leg& leg = legs_[i];
            for (int sent = 0; sent < kSendBudget && !done(leg, now); ++sent) {
                const Instant due = due_at(leg);
                if (due > now) break;
                Payload{.flow = i, .sequence = leg.next, .scheduled = due}.write(packet);
                if (!leg.client->send(packet)) break;
                report_.flows[i].sent();
                ++leg.next;
                report_.slipped_max = std::max(report_.slipped_max, now - due);
            }
            leg.client->on_writable();
        }
    }

    void on_payload(unsigned from, ByteView bytes) {
        FlowMeter& flow = report_.flows[from];
        const Instant now = clock_.now();
        last_news_ = now;
        const auto payload = Payload::read(bytes);
        if (!payload || payload->flow != from || payload->sequence >= legs_[from].next || bytes.size() != options_.size) {
            return flow.damaged();
        }
        flow.received(payload->sequence, now - payload->scheduled);
    }

    Nanoseconds period(std::uint64_t packets) const {
        return Nanoseconds{static_cast<std::int64_t>(1e9 / options_.rate * static_cast<double>(packets))};
    }
    Instant due_at(const Leg& leg) const { return leg.start + period(leg.next); }
    bool done(const Leg& leg, Instant now) const {
        if (stopped_ || (options_.packets != 0 && leg.next >= options_.packets)) return true;
        return options_.duration > Nanoseconds::zero() && now - begun_ >= options_.duration;
    }
    bool sending_done() const {
        const Instant now = clock_.now();
        return all([&](const Leg& leg) { return done(leg, now); });
    }
    bool missing() const {
        return report_.flows[0].lost() + report_.flows[1].lost() > 0;
    }
    Instant next_due() const {
        Instant next = Instant::max();
        for (const Leg& leg : legs_) {
            if (!leg.client->connection().wants_write()) next = std::min(next, due_at(leg));
        }
        return next;
    }

    template <typename Predicate>
    bool all(Predicate&& predicate) const {
        return std::ranges::all_of(legs_, predicate);
    }

    template <typename Predicate>
    std::string poll_until(Instant until, std::string_view what, Predicate&& reached) {
        while (!reached()) {
            if (clock_.now() >= until) return fmt::format("{}: no answer from {}", what, options_.target.server.to_string());
            if (stop_ != 0 && !stopped_) return "interrupted";
            if (auto problem = poll_once(until); !problem.empty()) return problem;
        }
        return {};
    }

    std::string poll_once(Instant until) {
        std::array<pollfd, 2> wanted{};
        for (unsigned i = 0; i < legs_.size(); ++i) {
            const Connection& connection = legs_[i].client->connection();
            wanted[i] = {.fd = connection.descriptor(),
                         .events = static_cast<short>(POLLIN | (connection.wants_write() ? POLLOUT : 0)),
                         .revents = 0};
            until = std::min(until, legs_[i].client->next_deadline());
        }
        const Nanoseconds wait = std::clamp(until - clock_.now(), Nanoseconds::zero(), kPollMax);
        const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(wait.count())};
        const int ready = ::ppoll(wanted.data(), wanted.size(), &timeout, nullptr);
        const Instant now = clock_.now();
        for (unsigned i = 0; i < legs_.size(); ++i) {
            TurnClient& client = *legs_[i].client;
            if (ready > 0 && (wanted[i].revents & POLLOUT) != 0) client.on_writable();
            if (ready > 0 && (wanted[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0) client.on_readable(now);
            client.tick(now);
            if (client.failed()) return fmt::format("client {}: {}", i + 1, client.error());
        }
        return {};
    }

    void print_interval() {
        if (options_.interval <= Nanoseconds::zero()) return;
        const Instant now = clock_.now();
        if (now < next_line_ + options_.interval) return;
        next_line_ = now;
        std::uint64_t sent = 0, received = 0;
        for (const FlowMeter& flow : report_.flows) {
            sent += flow.sent_count();
            received += flow.received_count();
        }
        fmt::print(stderr, "[{:6.1f} s] sent {} received {}\n", std::chrono::duration<double>(now - begun_).count(), sent, received);
        std::fflush(stderr);
    }

    const RelayOptions& options_;
    const Clock& clock_;
    Random& random_;
    const volatile std::sig_atomic_t& stop_;
    bool stopped_ = false;
    std::array<Leg, 2> legs_;
    Instant begun_{}, last_news_{}, next_line_{};
    RelayReport report_;
};

}  // namespace

std::expected<RelayReport, std::string> run_relay(const RelayOptions& options, const Clock& clock, Random& random,
                                                  const volatile std::sig_atomic_t& stop) {
    return RelayRun{options, clock, random, stop}.run();
}

}  // namespace turnpike::bench
