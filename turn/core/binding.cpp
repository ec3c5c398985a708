// RFC 8489 §6.3, Binding: the client's address as seen from here. No authentication, and nothing in
// the answer that makes it bigger than it must be (security reference 5.1).

#include <algorithm>

#include "turn/core/attributes_known.hpp"
#include "turn/core/machine.hpp"

namespace turnpike::core {

void Machine::on_binding(Request& request) {
    if (!may_answer(request, binding_limits_)) return;
    if (discovery_.has(request.path.tuple.server)) return on_discovery(request);
    if (refuse_unknown_attributes(request)) return;
    Reply reply{request.envelope, stun::Class::Success};
    reply.message().xor_address(stun::Attribute::XorMappedAddress, request.path.tuple.client);
    reply.send(request.out);
    count_success(stun::Method::Binding);
}

bool Machine::refuse_unknown_attributes(Request& request) {
    UnknownTypes unknown = unknown_attributes(request.message);
    if (authenticator_.takes_tokens()) {
        const auto token = std::ranges::find(unknown, static_cast<std::uint16_t>(stun::Attribute::AccessToken));
        if (token != unknown.end()) unknown.erase(token);
    }
    return refuse_attributes(request, unknown);
}

bool Machine::refuse_attributes(Request& request, const UnknownTypes& unknown) {
    if (unknown.empty()) return false;
    Reply reply{request.envelope, stun::Class::Error};
    reply.message().error(stun::ErrorCode::UnknownAttribute, "").unknown_attributes(unknown);
    reply.send(request.out);
    count_error(request.envelope, stun::ErrorCode::UnknownAttribute, request.out);
    return true;
}

}  // namespace turnpike::core
