// rooms: turn/core turn/stun common/crypto common/base
//
// Any sequence of allocate, refresh, permit, bind, send, move, kill and time passing, next to the model
// of tests/support/session_sequence.hpp: each input byte or two chooses one thing.

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/support/session_sequence.hpp"

namespace {

class FromBytes final : public turnpike::test::Choices {
public:
    explicit FromBytes(turnpike::ByteView bytes) : bytes_(bytes) {}
    std::uint32_t below(std::uint32_t bound) override {
        return at_ < bytes_.size() ? bytes_[at_++] % bound : 0;
    }
    bool done() const override { return at_ >= bytes_.size(); }

private:
    turnpike::ByteView bytes_;
    std::size_t at_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FromBytes choices{{data, std::min<std::size_t>(size, 600)}};
    turnpike::test::SessionSequence sequence{choices};
    try {
        sequence.run();
    } catch (const std::exception& broken) {
        std::fprintf(stderr, "%s\n", broken.what());
        std::abort();
    }
    return 0;
}
