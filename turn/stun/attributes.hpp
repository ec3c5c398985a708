#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "common/base/endpoint.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::stun {

/// One attribute value to one C++ value. Nothing means malformed: wrong size or a value that the
/// section does not allow.

/// MAPPED-ADDRESS layout (RFC 8489 §14.1): also ALTERNATE-SERVER, RESPONSE-ORIGIN, OTHER-ADDRESS.
std::optional<Endpoint> decode_address(ByteView value) noexcept;
/// §14.2: XOR-MAPPED-ADDRESS, XOR-PEER-ADDRESS, XOR-RELAYED-ADDRESS.
std::optional<Endpoint> decode_xor_address(ByteView value, ByteView transaction_id) noexcept;

std::optional<std::uint32_t> decode_u32(ByteView value) noexcept;  // exactly 4 bytes
std::optional<std::uint64_t> decode_u64(ByteView value) noexcept;  // exactly 8 bytes
/// LIFETIME in seconds (RFC 8656 §18.2).
inline std::optional<std::uint32_t> decode_lifetime(ByteView value) noexcept { return decode_u32(value); }
/// CHANNEL-NUMBER (§18.1): number(2) RFFU(2).
std::optional<std::uint16_t> decode_channel_number(ByteView value) noexcept;
/// REQUESTED-TRANSPORT (§18.8): protocol(1) RFFU(3).
std::optional<std::uint8_t> decode_requested_transport(ByteView value) noexcept;
/// REQUESTED- and ADDITIONAL-ADDRESS-FAMILY (§18.6, §18.11): family(1) reserved(3). The raw number:
/// an unknown one is the caller's 440.
std::optional<std::uint8_t> decode_address_family(ByteView value) noexcept;
/// EVEN-PORT (§18.7): the R bit of its one byte.
std::optional<bool> decode_even_port(ByteView value) noexcept;

struct ErrorValue {
    std::uint16_t code = 0;   // 300..699
    std::string_view reason;  // borrows the value
};
/// ERROR-CODE (RFC 8489 §14.8).
std::optional<ErrorValue> decode_error(ByteView value) noexcept;

struct AddressErrorValue {
    std::uint8_t family = 0;  // the raw number
    std::uint16_t code = 0;   // 300..699
    std::string_view reason;  // borrows the value
};
/// ADDRESS-ERROR-CODE (RFC 8656 §18.12).
std::optional<AddressErrorValue> decode_address_error(ByteView value) noexcept;

struct PasswordAlgorithmValue {
    std::uint16_t algorithm = 0;  // may be one that PasswordAlgorithm does not name
    ByteView parameters;          // borrows the value
};
/// PASSWORD-ALGORITHM (RFC 8489 §14.12): algorithm(2) length(2) parameters, padded or not.
std::optional<PasswordAlgorithmValue> decode_password_algorithm(ByteView value) noexcept;
/// Cuts the first entry off the value of PASSWORD-ALGORITHMS (§14.11); its entries are padded to 4.
/// Nothing when `rest` is empty or malformed: then it stays as it is.
std::optional<PasswordAlgorithmValue> next_password_algorithm(ByteView& rest) noexcept;

struct IcmpValue {
    std::uint8_t type = 0, code = 0;
    std::uint32_t data = 0;
};
/// ICMP (RFC 8656 §18.13). The wire has 9 bits for the code; ICMP itself has 8, and a larger one is
/// malformed.
std::optional<IcmpValue> decode_icmp(ByteView value) noexcept;

}  // namespace turnpike::stun
