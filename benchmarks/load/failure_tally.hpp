#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace turnpike::bench {

/// Why requests failed, and how often: what a run with thousands of clients can say in a few lines.
class FailureTally {
public:
    /// `code` is the STUN error code, 0 where there was none (no answer, a broken connection).
    void add(std::uint16_t code, const std::string& what);

    std::uint64_t total() const noexcept { return total_; }
    const std::map<std::string, std::uint64_t>& counts() const noexcept { return counts_; }
    /// "12 × Allocate: 486 Allocation Quota Reached", a line each, most frequent first, and what to
    /// look at in the server's configuration.
    std::string to_string() const;

private:
    static constexpr std::size_t kKindsMax = 100;  // more are counted together

    std::map<std::string, std::uint64_t> counts_;
    std::map<std::uint16_t, std::uint64_t> codes_;
    std::uint64_t total_ = 0;
};

/// What a STUN error code usually means for a load test, and which setting it comes from; empty
/// when there is nothing to say. 0 stands for no answer at all.
std::string hint_for(std::uint16_t code);

}  // namespace turnpike::bench
