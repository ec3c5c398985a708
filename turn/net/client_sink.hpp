#pragma once

#include "common/base/bytes.hpp"
#include "turn/core/path.hpp"

namespace turnpike::net {

/// What becomes of the messages and the ends of clients that have a connection: TCP, TLS, DTLS.
class ClientSink {
public:
    virtual void on_frame(const core::Path& path, ByteSpan frame) = 0;
    virtual void on_session_closed(const core::Path& path) = 0;
    /// The client has a new connection on the same 5-tuple (DTLS): what the old one had ends now.
    virtual void on_session_replaced(const core::Path& path) = 0;
    /// Whether the 5-tuple has an allocation: silence is no reason to end it then.
    virtual bool has_allocation(const FiveTuple& tuple) const = 0;
    /// Sends what borrows receive memory, so that it can be used again.
    virtual void make_room() = 0;

protected:
    ~ClientSink() = default;
};

}  // namespace turnpike::net
