#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/hash.hpp"

namespace turnpike::ops {

/// How clients' addresses appear in logs and records (privacy.client_ip).
enum class ClientIp : std::uint8_t { Truncate, Full, Hash, None };

/// Shows a client's address as the operator's privacy setting allows.
///
/// Shape  truncate  192.0.2.0/24, 2001:db8:1::/48
///        full      192.0.2.7
///        hash      h:9f3a52c1, the same for one UTC day of one process
///        none      -
/// Threading  any; immutable
class ClientIpPrivacy {
public:
    ClientIpPrivacy(ClientIp mode, HashKey key) : mode_(mode), key_(key) {}
    std::string show(const IpAddress& address, WallTime now) const;
    ClientIp mode() const noexcept { return mode_; }

private:
    ClientIp mode_;
    HashKey key_;
};

}  // namespace turnpike::ops
