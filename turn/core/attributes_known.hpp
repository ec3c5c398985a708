#pragma once

#include <boost/container/static_vector.hpp>

#include "turn/stun/message_view.hpp"

namespace turnpike::core {

using UnknownTypes = boost::container::static_vector<std::uint16_t, 64>;

/// The comprehension-required attributes of a message that this server does not understand, each once.
/// Those of RFC 8489, RFC 8656 and RFC 6062 are understood wherever they stand; ICE's, RFC 5780's and
/// RFC 7635's are each method's or setting's own business.
///
/// Source  RFC 8489 §6.3.1, §14.13
UnknownTypes unknown_attributes(const stun::MessageView& message);

}  // namespace turnpike::core
