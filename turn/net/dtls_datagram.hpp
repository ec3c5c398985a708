#pragma once

#include "common/base/bytes.hpp"

namespace turnpike::net {

/// What a DTLS datagram is, as far as its plain headers tell without any state.
///
/// Source  RFC 6347 §4.1 (record), §4.2.2 (handshake message), RFC 5246 §7.4.1.2 (ClientHello)
struct DtlsDatagram {
    enum class Kind : std::uint8_t {
        Invalid,      // no DTLS 1.x records, or what nobody may say in the clear: an alert
        ClientHello,  // begins with one: its first fragment, with all that a cookie check needs
        Plain,        // begins with another record of epoch 0: part of a handshake
        Handshake,    // begins with a protected handshake record
        Data,         // begins with protected application data or a protected alert
    };
    static constexpr std::size_t kRecordHeader = 13, kMessageHeader = 12;
    /// The longest handshake message that is believed; what claims more is dropped before it costs memory.
    static constexpr std::size_t kMessageMax = 16 * 1024;

    Kind kind = Kind::Invalid;
    ByteView random;  // ClientHello: its 32 bytes, which a retransmission repeats and a new client does not

    /// Looks at every record's header, and reads nothing behind them but a ClientHello's first fields.
    static DtlsDatagram inspect(ByteView datagram) noexcept;
};

}  // namespace turnpike::net
