#include "common/cluster/redis_topology.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "common/cluster/cluster_slots.hpp"
#include "common/cluster/reply_reading.hpp"

namespace turnpike::cluster {
namespace {

constexpr Milliseconds kAskWithin{1000};
constexpr Milliseconds kAskAgainLeast{50}, kAskAgainMost{1000};

class Single final : public RedisTopology {
public:
    Single(const StoreUrl& url, RedisNodes& nodes) : url_(url), nodes_(nodes) {}

    void begin() override { node_ = &nodes_.node(url_.addresses.front(), RedisNode::Role::Server); }
    RedisNode* route(const Command&) override { return node_; }
    std::vector<RedisNode*> serving() const override { return {node_}; }
    bool wants(const RedisNode&) const override { return true; }

private:
    const StoreUrl& url_;
    RedisNodes& nodes_;
    RedisNode* node_ = nullptr;
};

/// Asks one server after the other until one gives a good answer; when none does, all again after a
/// pause. What Sentinel and Cluster have in common.
class Inquiry {
public:
    Inquiry(RedisNodes& nodes, Command question, std::function<bool(RedisNode&, const Reply&)> take,
            std::function<std::vector<RedisNode*>()> whom, std::function<void()> in_vain)
        : nodes_(nodes),
          question_(std::move(question)),
          take_(std::move(take)),
          whom_(std::move(whom)),
          in_vain_(std::move(in_vain)),
          pauses_(kAskAgainLeast, kAskAgainMost),
          again_(nodes.thread(), [this] { begin(); }) {}

    /// Soon: a question that is under way, or is due, is enough.
    void want() {
        if (!asking_ && !again_.running()) again_.start(pauses_.next(nodes_.random()));
    }
    void begin() {
        if (asking_) return;
        asking_ = true;
        left_ = whom_();
        // Who is known to be away is asked last.
        std::ranges::stable_partition(left_, [](const RedisNode* n) { return !n->breaker.open(); });
        std::ranges::rotate(left_, left_.begin() + static_cast<std::ptrdiff_t>(
                                                       left_.empty() ? 0 : turn_ % left_.size()));
        std::ranges::stable_partition(left_, [](const RedisNode* n) { return n->link->ready(); });
        ask_next();
    }

private:
    void ask_next() {
        if (left_.empty()) {
            asking_ = false;
            ++turn_;
            in_vain_();
            want();
            return;
        }
        RedisNode* node = left_.front();
        left_.erase(left_.begin());
        nodes_.ask(*node, question_, kAskWithin, [this, node](Outcome<Reply> reply) {
            if (!reply && reply.error().kind == StoreError::Kind::Closed) return;
            if (!reply) {
                nodes_.note_problem(reply.error().detail);
            } else if (take_(*node, *reply)) {
                asking_ = false;
                pauses_.reset();
                return;
            }
            ask_next();
        });
    }

    RedisNodes& nodes_;
    Command question_;
    std::function<bool(RedisNode&, const Reply&)> take_;
    std::function<std::vector<RedisNode*>()> whom_;
    std::function<void()> in_vain_;
    BackOff pauses_;
    EventTimer again_;
    std::vector<RedisNode*> left_;
    std::size_t turn_ = 0;
    bool asking_ = false;
};

class Sentinel final : public RedisTopology {
public:
    Sentinel(const StoreUrl& url, RedisNodes& nodes)
        : url_(url),
          nodes_(nodes),
          inquiry_(
              nodes, {"SENTINEL", nullptr, {}, {"GET-MASTER-ADDR-BY-NAME", url.master}},
              [this](RedisNode&, const Reply& reply) { return take(reply); },
              [this] { return sentinels_; },
              [this] {
                  lost_ = master_ == nullptr || !master_->link->ready();
                  nodes_.rerouted();
              }) {}

    void begin() override {
        for (const StoreAddress& address : url_.addresses)
            sentinels_.push_back(&nodes_.node(address, RedisNode::Role::Sentinel));
        inquiry_.begin();
    }
    RedisNode* route(const Command&) override { return master_; }
    bool lost() const override { return lost_; }
    std::vector<RedisNode*> serving() const override {
        return master_ ? std::vector{master_} : std::vector<RedisNode*>{};
    }
    bool wants(const RedisNode& node) const override {
        return &node == master_ || node.role == RedisNode::Role::Sentinel;
    }
    void went_down(RedisNode& node) override {
        if (&node == master_) inquiry_.want();
    }
    bool read_only(RedisNode&) override {
        inquiry_.want();
        return true;
    }
    // A master that lives on behind a partition goes on taking writes that will be lost.
    void tick() override {
        if (nodes_.clock().now() - asked_ >= 5s) inquiry_.want();
    }

private:
    bool take(const Reply& reply) {
        const auto parts = reading::list(reply);
        std::uint16_t port = 0;
        bool good =
            parts && parts->size() == 2 && !(*parts)[0].empty() && (*parts)[0].size() <= 253;
        if (good) {
            const std::string& text = (*parts)[1];
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
            good = error == std::errc{} && end == text.data() + text.size() && port != 0;
        }
        if (!good) {
            nodes_.note_problem(reply.is(Reply::Type::Nil)
                                    ? "the sentinel knows no master \"" + url_.master + "\""
                                    : "the sentinel's answer is no address");
            return false;
        }
        asked_ = nodes_.clock().now();
        lost_ = false;
        RedisNode& named = nodes_.node({{}, (*parts)[0], port}, RedisNode::Role::Master);
        if (&named != master_) {
            master_ = &named;
            nodes_.rerouted();
        }
        return true;
    }

    const StoreUrl& url_;
    RedisNodes& nodes_;
    std::vector<RedisNode*> sentinels_;
    RedisNode* master_ = nullptr;
    bool lost_ = false;
    Instant asked_{};
    Inquiry inquiry_;
};

class Cluster final : public RedisTopology {
public:
    Cluster(const StoreUrl& url, RedisNodes& nodes)
        : url_(url),
          nodes_(nodes),
          slots_(kClusterSlots, nullptr),
          inquiry_(
              nodes, {"CLUSTER", nullptr, {}, {"SLOTS"}},
              [this](RedisNode& node, const Reply& reply) { return take(node, reply); },
              [this] {
                  std::vector<RedisNode*> all{masters_.begin(), masters_.end()};
                  for (RedisNode* seed : seeds_) {
                      if (!masters_.contains(seed)) all.push_back(seed);
                  }
                  return all;
              },
              [this] {
                  lost_ = masters_.empty();
                  nodes_.rerouted();
              }) {}

    void begin() override {
        for (const StoreAddress& address : url_.addresses)
            seeds_.push_back(&nodes_.node(address, RedisNode::Role::Server));
        inquiry_.begin();
    }
    RedisNode* route(const Command& command) override {
        if (!command.keys.empty()) return slots_[hash_slot(command.keys.front())];
        const auto ready =
            std::ranges::find_if(masters_, [](RedisNode* n) { return n->link->ready(); });
        if (ready != masters_.end()) return *ready;
        return masters_.empty() ? nullptr : *masters_.begin();
    }
    bool lost() const override { return lost_; }
    std::vector<RedisNode*> serving() const override { return {masters_.begin(), masters_.end()}; }
    bool wants(const RedisNode& node) const override {
        return masters_.contains(const_cast<RedisNode*>(&node)) ||
               std::ranges::find(seeds_, &node) != seeds_.end();
    }
    void went_down(RedisNode& node) override {
        if (masters_.contains(&node)) inquiry_.want();
    }
    bool read_only(RedisNode&) override {
        inquiry_.want();
        return true;
    }
    void moved(std::uint16_t slot, const StoreAddress& to) override {
        // Bounded: a server that names ever new ones is not followed for ever.
        if (masters_.size() < 1000) {
            slots_[slot] = &nodes_.node(to, RedisNode::Role::Server);
            masters_.insert(slots_[slot]);
        }
        inquiry_.want();
    }
    void partial() override { inquiry_.want(); }
    void tick() override {
        if (nodes_.clock().now() - asked_ >= 30s) inquiry_.want();
    }

private:
    bool take(RedisNode& asked, const Reply& reply) {
        const auto ranges = slot_ranges(reply, asked.link->address().host);
        if (!ranges || ranges->empty()) {
            nodes_.note_problem(ranges ? "CLUSTER SLOTS: no slots are served"
                                       : ranges.error().detail);
            return false;
        }
        asked_ = nodes_.clock().now();
        lost_ = false;
        std::ranges::fill(slots_, nullptr);
        masters_.clear();
        for (const SlotRange& range : *ranges) {
            RedisNode& master = nodes_.node(range.master, RedisNode::Role::Server);
            masters_.insert(&master);
            for (std::size_t slot = range.first; slot <= range.last; ++slot) slots_[slot] = &master;
        }
        nodes_.rerouted();
        return true;
    }

    const StoreUrl& url_;
    RedisNodes& nodes_;
    std::vector<RedisNode*> seeds_;
    std::set<RedisNode*> masters_;
    std::vector<RedisNode*> slots_;
    bool lost_ = false;
    Instant asked_{};
    Inquiry inquiry_;
};

}  // namespace

std::unique_ptr<RedisTopology> RedisTopology::make(const StoreUrl& url, RedisNodes& nodes) {
    switch (url.kind) {
        case StoreUrl::Kind::Sentinel:
            return std::make_unique<Sentinel>(url, nodes);
        case StoreUrl::Kind::Cluster:
            return std::make_unique<Cluster>(url, nodes);
        default:
            return std::make_unique<Single>(url, nodes);
    }
}

}  // namespace turnpike::cluster
