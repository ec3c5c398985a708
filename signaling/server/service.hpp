#pragma once

#include <atomic>
#include <expected>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/base/clock.hpp"
#include "common/base/random.hpp"
#include "common/ops/log.hpp"
#include "signaling/core/hub.hpp"
#include "signaling/net/web_server.hpp"
#include "signaling/server/config.hpp"
#include "signaling/server/http_api.hpp"
#include "signaling/server/relay_agent.hpp"

namespace turnpike::signaling {

/// Signaling put together: the hub, the web server that feeds it, and the relays' agent, all on a
/// thread of their own. The main thread asks by ask(), and gets values.
///
/// Errors     open(): one sentence that names what to change
/// Lifetime   borrows clock, random and log; the destructor stops the thread
/// Threading  the main thread, except where said
class Service final : public WebApplication {
public:
    static std::expected<std::unique_ptr<Service>, std::string> open(SignalingConfig config, const Clock& clock,
                                                                     Random& random, ops::Log& log,
                                                                     RelayClient::Timing relay_timing = {});
    ~Service();

    /// The thread begins to turn.
    void start();
    /// No new connections; everybody is told; then the thread ends. Takes at most WebLimits::closing.
    void stop();

    const Endpoint& address() const noexcept { return web_->address(); }
    bool has_page() const { return web_->has_page(); }

    /// New secrets, API keys and certificate, from a configuration that was read again.
    void reload(SignalingConfig fresh);

    /// Makes the text of GET /metrics, on whatever thread, and gives it to `done`. Before start().
    void on_metrics(std::function<void(std::function<void(std::string)> done)> source) { metrics_ = std::move(source); }

    /// What work on the web loop's thread sees.
    struct Inside {
        Hub& hub;
        WebServer& web;
        RelayAgent& relays;
        Moment at;
    };
    /// Runs `work` there and waits for its value; nothing when it does not come in time.
    template <typename T>
    std::optional<T> ask(std::function<T(Inside)> work) {
        return ask_later<T>([work = std::move(work)](Inside inside, const std::function<void(T)>& done) { done(work(inside)); });
    }
    /// The same for work that has its value later.
    template <typename T>
    std::optional<T> ask_later(std::function<void(Inside, std::function<void(T)>)> work) {
        auto promise = std::make_shared<std::promise<T>>();
        std::future<T> value = promise->get_future();
        loop_.post([this, promise, work = std::move(work)] {
            work(inside(), [promise](T given) { promise->set_value(std::move(given)); });
        });
        if (value.wait_for(kAskDeadline) != std::future_status::ready) return {};
        return value.get();
    }
    static constexpr Milliseconds kAskDeadline{2000};

    /// Ends a participant everywhere. `done` is called once: nothing when there is no such participant,
    /// else how many allocations ended. On the web loop's thread.
    void kick(const std::string& participant, const std::string& reason, std::function<void(std::optional<std::uint64_t>)> done);

    const SignalingConfig& config() const noexcept { return config_; }
    HttpApi::Health health() const;

    bool on_http(const HttpRequest& request, Reply reply) override;
    void on_action(const Action& action) override;

private:
    Service(SignalingConfig config, const Clock& clock, Random& random, ops::Log& log, RelayClient::Timing relay_timing);

    Inside inside() { return {hub_, *web_, agent_, {clock_.now(), clock_.wall()}}; }
    static HubConfig hub_config(const SignalingConfig& config, Random& random);

    SignalingConfig config_;
    const Clock& clock_;
    Random& random_;
    ops::Log& log_;
    Hub hub_;
    HttpApi api_;
    IoLoop loop_;
    RelayAgent agent_;
    std::unique_ptr<WebServer> web_;
    std::function<void(std::function<void(std::string)>)> metrics_;
    std::function<void(std::uint64_t)> next_revoked_;  // who waits for the revocation of this turn
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace turnpike::signaling
