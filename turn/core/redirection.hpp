#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/five_tuple.hpp"

namespace turnpike::core {

/// Which server an Allocate belongs to, where that is another one: 300, RFC 8489 §10. The one place of that
/// decision.
///
/// Nodes that have the same list agree on whose each user is (rendezvous hashing of realm and subject), so
/// a client is sent on once at most; a node that is not on the list sends everybody on.
///
/// Threading  immutable
/// Source     RFC 8489 §10, §14.15, §14.16
class Redirection {
public:
    struct Alternate {
        Endpoint server;
        std::string_view domain;  // ALTERNATE-DOMAIN; empty: none
    };

    Redirection() = default;
    struct Servers {
        std::vector<Endpoint> plain, secure;  // for UDP and TCP; for TLS and DTLS
    };
    /// `servers` include this node where it takes part; `self` are the addresses by which their lists know this
    /// node; `domain` is the others' name in their certificates, told to TLS and DTLS clients.
    Redirection(Servers servers, std::vector<Endpoint> self, std::string domain);

    /// Where the user on this 5-tuple should go; nothing: here is right. Never an address of `self`, nor
    /// the one that the client is at, nor another family than the client's.
    std::optional<Alternate> of(const FiveTuple& tuple, std::string_view realm, std::string_view subject) const;

private:
    bool is_self(const Endpoint& server, const FiveTuple& tuple) const noexcept;

    Servers servers_;
    std::vector<Endpoint> self_;
    std::string domain_;
};

}  // namespace turnpike::core
