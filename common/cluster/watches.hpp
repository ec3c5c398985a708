#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike::cluster {

/// Who wants to be woken by which channel.
///
/// Threading  any; callbacks run in wake() and wake_all(), without the lock
class Watches {
public:
    using Id = std::uint64_t;

    Id add(std::string channel, std::function<void()> woken);
    /// The channel, when nobody watches it any more; else empty.
    std::string remove(Id id);
    void wake(std::string_view channel) const;
    void wake_one(Id id) const;
    void wake_all() const;
    std::vector<std::string> channels() const;  // each once
    bool empty() const;

private:
    struct Watch {
        std::string channel;
        std::function<void()> woken;
    };

    mutable std::mutex mutex_;
    std::map<Id, Watch> watches_;
    Id next_ = 1;
};

}  // namespace turnpike::cluster
