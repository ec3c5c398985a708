#include "tests/support/session_sequence.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace turnpike::test {
namespace {

class Generated final : public Choices {
public:
    Generated(std::uint64_t seed, int steps) : engine_(seed), left_(steps * 6) {}
    std::uint32_t below(std::uint32_t bound) override {
        --left_;
        return static_cast<std::uint32_t>(engine_() % bound);
    }
    bool done() const override { return left_ <= 0; }

private:
    std::mt19937_64 engine_;
    int left_;
};

// TURNPIKE_SEED repeats one run; without it each run of the tests is new.
std::uint64_t first_seed() {
    if (const char* const said = std::getenv("TURNPIKE_SEED")) return std::strtoull(said, nullptr, 10);
    return std::random_device{}();
}

TEST(SessionSequence, KeepsItsInvariantsWhateverComes) {
    const std::uint64_t first = first_seed();
    const int runs = std::getenv("TURNPIKE_SEED") != nullptr ? 1 : 60;
    for (int i = 0; i < runs; ++i) {
        const std::uint64_t seed = first + static_cast<std::uint64_t>(i);
        Generated choices{seed, 400};
        SessionSequence sequence{choices};
        try {
            sequence.run();
        } catch (const std::exception& broken) {
            FAIL() << broken.what() << "; repeat with TURNPIKE_SEED=" << seed;
        }
    }
    std::cout << "seeds from TURNPIKE_SEED=" << first << '\n';
}

}  // namespace
}  // namespace turnpike::test
