#pragma once

#include "common/base/random.hpp"

namespace turnpike::crypto {

/// OpenSSL's generators, public and private stream. A failure of the generator aborts. Not for a process that
/// forks: parent and child would draw the same public bytes for a while.
///
/// Threading  any.
class SystemRandom final : public Random {
public:
    void fill_public(ByteSpan out) noexcept override;
    void fill_secret(ByteSpan out) noexcept override;
};

}  // namespace turnpike::crypto
