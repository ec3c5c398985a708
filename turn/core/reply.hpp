#pragma once

#include <array>

#include "common/base/secret.hpp"
#include "turn/core/actions.hpp"
#include "turn/stun/message_builder.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::core {

/// Which integrity attribute a request carried; its answers carry the same (RFC 8489 §9.2.4).
enum class Integrity : std::uint8_t { None, Sha1, Sha256 };

/// All that an answer needs to know of its request, also when the answer comes later.
struct Envelope {
    Path path;
    stun::TransactionId transaction{};
    stun::Method method{};
    bool fingerprint = false;            // the request had one, so the answer has one
    Integrity integrity = Integrity::None;
    Secret key;                          // of `integrity`

    Envelope(const Path& way, const stun::MessageView& request);
};

/// One response on its way: attributes are added to message(), then send() closes it.
class Reply {
public:
    Reply(const Envelope& to, stun::Class message_class);

    stun::MessageBuilder& message() noexcept { return message_; }
    /// Signs, adds FINGERPRINT where the request had one, and puts it into the outbox; the bytes sent,
    /// valid until the reply goes.
    ByteView send(Outbox& out);

private:
    static constexpr std::size_t kSizeMax = 1500;

    const Envelope& to_;
    std::array<std::uint8_t, kSizeMax> space_;
    stun::MessageBuilder message_;
};

}  // namespace turnpike::core
