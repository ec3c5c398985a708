#include "signaling/server/service.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace turnpike::signaling {

HubConfig Service::hub_config(const SignalingConfig& config, Random& random) {
    HubConfig hub = config.hub;
    hub.ice.secrets = config.secrets;
    // One machine: nobody else needs to compute these tags, so the key lives and dies with the process.
    std::array<std::uint8_t, 32> key{};
    random.fill_secret(key);
    hub.ice.room_tag_key = Secret{ByteView{key}};
    return hub;
}

Service::Service(SignalingConfig config, const Clock& clock, Random& random, ops::Log& log, RelayClient::Timing relay_timing)
    : config_(std::move(config)),
      clock_(clock),
      random_(random),
      log_(log),
      hub_(hub_config(config_, random), random),
      api_(config_.api_keys),
      agent_(loop_, clock, log, config_.relays, config_.realm, relay_timing, [this](std::vector<cluster::NodeInfo> nodes) {
          web_->with_hub([&](Hub& hub, Moment at, Outbox& out) { hub.set_relays(std::move(nodes), at, out); });
      }) {}

std::expected<std::unique_ptr<Service>, std::string> Service::open(SignalingConfig config, const Clock& clock, Random& random,
                                                                   ops::Log& log, RelayClient::Timing relay_timing) {
    std::unique_ptr<Service> service{new Service{std::move(config), clock, random, log, relay_timing}};
    auto web = WebServer::open(service->loop_, service->config_.web, service->hub_, clock, *service);
    if (!web) return std::unexpected(std::move(web.error()));
    service->web_ = *std::move(web);
    return service;
}

Service::~Service() { stop(); }

void Service::start() {
    agent_.start();
    thread_ = std::thread{[this] { loop_.run(); }};
}

void Service::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    loop_.post([this] { web_->shut_down([this] { loop_.stop(); }); });
    thread_.join();
}

void Service::reload(SignalingConfig fresh) {
    loop_.post([this, fresh = std::move(fresh)]() mutable {
        api_.set_keys(std::move(fresh.api_keys));
        const bool changed = !std::ranges::equal(fresh.secrets, config_.secrets, [](const auto& a, const auto& b) {
            return a.kid == b.kid && a.value == b.value && a.algorithm == b.algorithm;
        });
        if (changed) {
            config_.secrets = fresh.secrets;
            web_->with_hub([&](Hub& hub, Moment at, Outbox& out) { hub.set_secrets(std::move(fresh.secrets), at, out); });
        }
        const auto certificate = web_->reload_certificate();
        if (!certificate) log_.error("config.certificate_kept", {{"error", certificate.error()}});
        log_.info("config.reloaded", {{"secrets_changed", changed}});
    });
}

HttpApi::Health Service::health() const {
    return {config_.relays.size(), agent_.active(), stopping_};
}

void Service::kick(const std::string& participant, const std::string& reason,
                   std::function<void(std::optional<std::uint64_t>)> done) {
    next_revoked_ = [done](std::uint64_t ended) { done(ended); };
    bool found = false;
    web_->with_hub([&](Hub& hub, Moment at, Outbox& out) { found = hub.kick(participant, reason, at, out); });
    if (!next_revoked_) return;  // on_action() took it: the relays are being asked
    next_revoked_ = nullptr;
    done(found ? std::optional<std::uint64_t>{0} : std::nullopt);
}

bool Service::on_http(const HttpRequest& request, Reply reply) {
    if (request.path == "/metrics" && request.method == "GET") {
        // The numbers are an operator's business: those whom the limits trust see them here, others not at all.
        if (!metrics_ || !hub_.limits().is_exempt(request.client)) {
            reply(error_answer(404, "not_found", "no such address"));
            return true;
        }
        metrics_([this, reply = std::move(reply)](std::string text) {
            loop_.post([reply, text = std::move(text)]() mutable {
                HttpAnswer answer;
                answer.body = std::move(text);
                answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
                answer.headers = {{"Cache-Control", "no-store"}};
                reply(std::move(answer));
            });
        });
        return true;
    }
    auto answer = api_.answer(request, hub_, random_, clock_.wall(), health());
    if (!answer) return false;
    reply(*std::move(answer));
    return true;
}

// Subjects, not room ids: a room's id is the invitation, and the relay's records have subjects too.
void Service::on_action(const Action& action) {
    if (const auto* revoke = std::get_if<RevokeCredential>(&action)) {
        agent_.revoke({revoke->subject, revoke->until, revoke->reason}, std::exchange(next_revoked_, nullptr));
        return;
    }
    const auto* what = std::get_if<Occurrence>(&action);
    if (what == nullptr) return;
    const std::string subject = hub_.issuer().subject(what->room, what->participant);
    switch (what->kind) {
        case Occurrence::Kind::RoomOpened: log_.info("room.opened", {{"room_tag", subject.substr(0, subject.find('.'))}}); break;
        case Occurrence::Kind::RoomClosed: log_.info("room.closed", {{"room_tag", subject.substr(0, subject.find('.'))}}); break;
        case Occurrence::Kind::Joined: log_.info("participant.joined", {{"subject", subject}}); break;
        case Occurrence::Kind::Rejoined: log_.info("participant.rejoined", {{"subject", subject}}); break;
        case Occurrence::Kind::Detached: log_.debug("participant.detached", {{"subject", subject}}); break;
        case Occurrence::Kind::Left: log_.info("participant.left", {{"subject", subject}, {"reason", what->reason}}); break;
    }
}

}  // namespace turnpike::signaling
