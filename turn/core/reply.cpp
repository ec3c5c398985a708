#include "turn/core/reply.hpp"

namespace turnpike::core {

Envelope::Envelope(const Path& way, const stun::MessageView& request)
    : path(way),
      transaction(request.transaction()),
      method(request.method()),
      fingerprint(request.has(stun::Attribute::Fingerprint)) {}

Reply::Reply(const Envelope& to, stun::Class message_class)
    : to_(to), message_(space_, message_class, to.method, to.transaction) {}

ByteView Reply::send(Outbox& out) {
    switch (to_.integrity) {
        case Integrity::None: break;
        case Integrity::Sha1: message_.message_integrity(to_.key.reveal()); break;
        case Integrity::Sha256: message_.message_integrity_sha256(to_.key.reveal()); break;
    }
    if (to_.fingerprint) message_.fingerprint();
    out.send(to_.path, message_.bytes());
    return message_.bytes();
}

}  // namespace turnpike::core
