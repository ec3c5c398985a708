#include "signaling/server/relay_client.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "signaling/net/unix_http.hpp"

namespace turnpike::signaling {
namespace {

using nlohmann::json;

constexpr std::size_t kUrlsMax = 16;
constexpr std::size_t kTextMax = 256;
constexpr std::size_t kLabelsMax = 64;
constexpr std::size_t kPendingMax = 10'000;

std::string text_at(const json& object, const char* name) {
    const auto at = object.find(name);
    if (at == object.end() || !at->is_string()) return {};
    const auto& text = at->get_ref<const std::string&>();
    return text.size() <= kTextMax ? text : std::string{};
}

std::uint64_t count_at(const json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

bool is_ice_url(const std::string& url) {
    if (url.size() > kTextMax || !(url.starts_with("turn:") || url.starts_with("turns:"))) return false;
    for (const char c : url) {
        if (c <= 0x20 || c >= 0x7F || c == '"' || c == '\\') return false;
    }
    return true;
}

}  // namespace

std::optional<cluster::NodeInfo> parse_node(std::string_view text) {
    const json answer = json::parse(text, nullptr, false);
    if (!answer.is_object()) return {};
    cluster::NodeInfo node;
    node.id = text_at(answer, "id");
    const auto state = cluster::node_state(text_at(answer, "state"));
    if (node.id.empty() || !state || text_at(answer, "role") != "relay") return {};
    node.state = *state;
    node.boot_id = text_at(answer, "boot_id");
    node.version = text_at(answer, "version");
    node.realm = text_at(answer, "realm");
    if (const auto urls = answer.find("urls"); urls != answer.end() && urls->is_array()) {
        for (const json& url : *urls) {
            if (node.urls.size() < kUrlsMax && url.is_string() && is_ice_url(url)) node.urls.push_back(url);
        }
    }
    if (const auto labels = answer.find("labels"); labels != answer.end() && labels->is_object()) {
        for (const auto& [name, value] : labels->items()) {
            if (node.labels.size() < kLabelsMax && value.is_string()) node.labels.emplace(name, value);
        }
    }
    if (const auto allocations = answer.find("allocations"); allocations != answer.end() && allocations->is_object()) {
        node.allocations = count_at(*allocations, "active");
        node.allocation_limit = count_at(*allocations, "limit");
    }
    if (const auto capacity = answer.find("capacity"); capacity != answer.end() && capacity->is_number()) {
        node.capacity = std::min(1000.0, std::max(0.001, capacity->get<double>()));
    }
    if (const auto load = answer.find("load"); load != answer.end() && load->is_number()) {
        node.load = std::min(1.0, std::max(0.0, load->get<double>()));
    }
    return node;
}

RelayClient::RelayClient(IoLoop& loop, const Clock& clock, std::filesystem::path socket, Timing timing,
                         std::function<void(RelayClient&)> changed)
    : loop_(loop), clock_(clock), socket_(std::move(socket)), timing_(timing), changed_(std::move(changed)) {}

void RelayClient::start() { poll(); }

void RelayClient::poll() {
    unix_http(loop_, {socket_, "GET", "/v1/node", {}, timing_.deadline}, [this](UnixHttpAnswer answer) {
        polled(answer.status, answer.body, answer.error);
        loop_.after(node_.state == cluster::NodeState::Lost ? timing_.poll_lost : timing_.poll, [this] { poll(); });
    });
}

void RelayClient::polled(int status, const std::string& body, const std::string& error) {
    auto node = status == 200 ? parse_node(body) : std::nullopt;
    if (node) {
        last_seen_ = clock_.now();
        last_error_.clear();
        const bool news = !(*node == node_);
        node_ = *std::move(node);
        if (news) changed_(*this);
        if (!sending_) send_next();
        return;
    }
    last_error_ = status == 0 ? error : status == 200 ? "no relay's answer" : "HTTP status " + std::to_string(status);
    if (node_.state != cluster::NodeState::Lost && clock_.now() - *last_seen_ >= timing_.lease) mark_lost();
}

void RelayClient::mark_lost() {
    node_.state = cluster::NodeState::Lost;
    // Nobody waits for a dead relay. Whoever keeps the list of revocations tells it again when it is back.
    std::deque<Pending> unheard = std::exchange(pending_, {});
    for (Pending& each : unheard) each.done({});
    changed_(*this);
}

void RelayClient::revoke(Revocation revocation, Revoked done) {
    if (node_.state == cluster::NodeState::Lost || pending_.size() >= kPendingMax) {
        done({});
        return;
    }
    pending_.push_back({++last_ticket_, std::move(revocation), std::move(done)});
    if (!sending_) send_next();
}

void RelayClient::send_next() {
    if (pending_.empty()) return;
    sending_ = true;
    const Revocation& first = pending_.front().revocation;
    const json body{{"subject", first.subject}, {"until", unix_seconds(first.until)}, {"reason", first.reason}};
    UnixHttpCall call{socket_, "POST", "/v1/revocations", body.dump(-1, ' ', false, json::error_handler_t::replace), timing_.deadline};
    unix_http(loop_, std::move(call), [this, ticket = pending_.front().ticket](UnixHttpAnswer answer) {
        sending_ = false;
        if (pending_.empty()) return;
        if (pending_.front().ticket != ticket) {  // the relay was lost meanwhile, and this answer is nobody's
            send_next();
            return;
        }
        const bool heard = answer.status >= 200 && answer.status < 300;
        const bool refused = answer.status >= 400 && answer.status < 500;  // asking again would not help
        if (!heard && !refused) {
            sending_ = true;
            loop_.after(timing_.retry, [this] {
                sending_ = false;
                send_next();
            });
            return;
        }
        Pending told = std::move(pending_.front());
        pending_.pop_front();
        std::uint64_t ended = 0;
        if (const json said = json::parse(answer.body, nullptr, false); said.is_object()) ended = count_at(said, "ended");
        if (heard) told.done(ended);
        else told.done({});
        if (!sending_) send_next();
    });
}

}  // namespace turnpike::signaling
