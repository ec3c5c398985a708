#include "turn/net/dtls_datagram.hpp"

namespace turnpike::net {
namespace {

constexpr std::uint8_t kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kApplicationData = 23;
constexpr std::uint8_t kClientHelloType = 1;
constexpr std::size_t kRandomSize = 32;
constexpr std::size_t kFragmentMax = (1 << 14) + 2048;  // RFC 5246 §6.2.3, of a protected record

struct Record {
    std::uint8_t type = 0;
    std::uint16_t epoch = 0;
    ByteView fragment;
};

bool take_record(ByteView& rest, Record& record) noexcept {
    if (rest.size() < DtlsDatagram::kRecordHeader) return false;
    record.type = rest[0];
    const bool known = record.type >= kChangeCipherSpec && record.type <= kApplicationData;
    const bool version = rest[1] == 0xFE && (rest[2] == 0xFF || rest[2] == 0xFD);  // DTLS 1.0 (first flights), 1.2
    const std::size_t length = load_u16(rest, 11);
    if (!known || !version || length > kFragmentMax || length > rest.size() - DtlsDatagram::kRecordHeader) return false;
    record.epoch = load_u16(rest, 3);
    record.fragment = rest.subspan(DtlsDatagram::kRecordHeader, length);
    rest = rest.subspan(DtlsDatagram::kRecordHeader + length);
    return true;
}

std::size_t load_u24(ByteView bytes, std::size_t at) noexcept {
    return (std::size_t{bytes[at]} << 16) | load_u16(bytes, at + 1);
}

// Whether a handshake message in the clear is one that may be taken up at all.
bool sensible_message(ByteView fragment) noexcept {
    if (fragment.size() < DtlsDatagram::kMessageHeader) return false;
    const std::size_t length = load_u24(fragment, 1), offset = load_u24(fragment, 6), size = load_u24(fragment, 9);
    return length <= DtlsDatagram::kMessageMax && offset + size <= length &&
           size <= fragment.size() - DtlsDatagram::kMessageHeader;
}

}  // namespace

DtlsDatagram DtlsDatagram::inspect(ByteView datagram) noexcept {
    DtlsDatagram result;
    Record first;
    ByteView rest = datagram;
    if (!take_record(rest, first)) return {};
    for (Record record = first;;) {
        if (record.epoch == 0) {
            // Anybody can send these; an alert would end a handshake, and data was never asked for.
            if (record.type == kAlert || record.type == kApplicationData) return {};
            if (record.type == kHandshake && !sensible_message(record.fragment)) return {};
        }
        if (rest.empty()) break;
        if (!take_record(rest, record)) return {};
    }

    if (first.epoch != 0) {
        result.kind = first.type == kHandshake ? Kind::Handshake : Kind::Data;
        return result;
    }
    result.kind = Kind::Plain;
    if (first.type != kHandshake || first.fragment[0] != kClientHelloType) return result;
    const ByteView body = first.fragment.subspan(kMessageHeader, load_u24(first.fragment, 9));
    if (load_u24(first.fragment, 6) != 0) return result;  // a later fragment
    if (body.size() < 2 + kRandomSize) return {};
    result.kind = Kind::ClientHello;
    result.random = body.subspan(2, kRandomSize);
    return result;
}

}  // namespace turnpike::net
