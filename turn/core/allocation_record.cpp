#include "turn/core/allocation_record.hpp"

#include <algorithm>

#include "common/base/assert.hpp"
#include "common/base/byte_cursor.hpp"
#include "common/crypto/digest.hpp"

namespace turnpike::core {
namespace {

//  0       4        6          8        12            12+length
//  | magic | version | reserved | length | body(length) | checksum(8) |
//
// Numbers are in network order; a count, a duration in milliseconds and what else is small as a rule is a
// varint: seven bits a byte, the lowest first, never longer than it must be. An address: family(1) bytes(4 or
// 16); an endpoint: address port(2). Lists: their count, the items. There is one encoding of a record, and
// every other is refused.
constexpr std::uint32_t kMagic = 0x5450'4152;  // "TPAR"
constexpr std::size_t kHeadSize = 12, kChecksumSize = 8;
constexpr std::size_t kBodyMax = 1 << 20;
constexpr std::size_t kTextMax = 763;        // the longest of USERNAME and REALM, RFC 8489 §14.3 and §14.9
constexpr std::size_t kKeyMin = 16, kKeyMax = 64;  // MD5; the longest session key
constexpr std::size_t kTicketBytes = 16, kNonceMax = 127;
constexpr std::size_t kRelayedMax = 2;       // one per family
constexpr std::size_t kEntriesMax = 16'384;  // of permissions, of channels
constexpr std::uint64_t kDurationMax = std::uint64_t{366} * 24 * 3600 * 1000;  // milliseconds

// Flags of an allocation: what follows, and its protocol.
constexpr unsigned kTcp = 1, kVia = 2, kAuthorized = 4, kTicket = 8, kNonce = 16, kReservation = 32, kFlagsEnd = 64;
// Flags of a credential.
constexpr unsigned kThirdParty = 1, kRelayPeersOnly = 2, kCredentialFlagsEnd = 4;

// The most bytes that one of these takes.
constexpr std::size_t kVarintMax = 10, kAddressMax = 17, kEndpointMax = 19;
constexpr std::size_t kFixedMax = 4 + 20 * kVarintMax + 6 * kEndpointMax + 12 + kTicketBytes + 8;
constexpr std::size_t kPermissionMax = kAddressMax + kVarintMax;
constexpr std::size_t kChannelMax = 2 + kVarintMax + kEndpointMax + kVarintMax;

// Writes where there is room enough: whoever calls has counted.
class Writer {
public:
    explicit Writer(ByteSpan space) : space_(space) {}

    void number(std::uint64_t value, std::size_t size) {
        for (std::size_t i = size; i-- > 0;) put(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) put(static_cast<std::uint8_t>(value | 0x80));
        put(static_cast<std::uint8_t>(value));
    }
    void raw(ByteView bytes) {
        if (!bytes.empty()) std::memcpy(space_.data() + at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }
    void text(ByteView bytes) {
        varint(bytes.size());
        raw(bytes);
    }
    void duration(Milliseconds d) { varint(static_cast<std::uint64_t>(d.count())); }
    void address(const IpAddress& a) {
        put(static_cast<std::uint8_t>(a.family()));
        raw(a.bytes());
    }
    void endpoint(const Endpoint& e) {
        address(e.address);
        number(e.port, 2);
    }
    ByteView written() const {
        TURNPIKE_ASSERT(at_ <= space_.size());
        return space_.first(at_);
    }

private:
    void put(std::uint8_t byte) { space_.data()[at_++] = byte; }
    ByteSpan space_;
    std::size_t at_ = 0;
};

// Remembers the first bad value; short reads are the ByteReader's own failure.
class Reader {
public:
    explicit Reader(ByteView bytes) : in(bytes) {}

    bool ok() const { return in.ok() && good; }
    bool done() const { return ok() && in.remaining() == 0; }
    void require(bool condition) { good = good && condition; }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t byte = in.u8();
            value |= std::uint64_t{byte & 0x7FU} << shift;
            if ((byte & 0x80) != 0) continue;
            require(byte != 0 || shift == 0);  // no longer than it must be
            require(shift < 63 || byte == 1);
            return ok() ? value : 0;
        }
        good = false;
        return 0;
    }
    std::uint32_t varint32() {
        const std::uint64_t value = varint();
        require(value <= UINT32_MAX);
        return static_cast<std::uint32_t>(value);
    }
    ByteView text(std::size_t max) {
        const std::uint64_t size = varint();
        require(size <= max);
        return ok() ? in.take(static_cast<std::size_t>(size)) : ByteView{};
    }
    std::string string(std::size_t max) { return std::string{as_text(text(max))}; }
    Milliseconds duration() {
        const std::uint64_t value = varint();
        require(value <= kDurationMax);
        return Milliseconds{good ? static_cast<std::int64_t>(value) : 0};
    }
    IpAddress address() {
        switch (in.u8()) {
            case 1: {
                const ByteView four = in.take(4);
                return four.empty() ? IpAddress{} : IpAddress::v4(four);
            }
            case 2: {
                const ByteView sixteen = in.take(16);
                return sixteen.empty() ? IpAddress{} : IpAddress::v6(sixteen);
            }
            default: good = false; return {};
        }
    }
    Endpoint endpoint() {
        Endpoint e;
        e.address = address();
        e.port = in.u16();
        return e;
    }
    /// A list's count; zero once anything is wrong, so that no loop runs on it.
    std::size_t count(std::size_t max) {
        const std::uint64_t n = varint();
        require(n <= max);
        return ok() ? static_cast<std::size_t>(n) : 0;
    }

    ByteReader in;
    bool good = true;
};

// Where in the list the permission for an address is, from 1 on; 0: nowhere.
std::size_t place_of(const std::vector<AllocationRecord::Permission>& permissions, const IpAddress& peer) {
    const auto at = std::ranges::lower_bound(permissions, peer, {}, &AllocationRecord::Permission::peer);
    return at != permissions.end() && at->peer == peer ? static_cast<std::size_t>(at - permissions.begin()) + 1 : 0;
}

void read_permissions(Reader& r, AllocationRecord& record) {
    for (std::size_t n = r.count(kEntriesMax); n > 0 && r.ok(); --n) {
        const IpAddress peer = r.address();
        r.require(record.permissions.empty() || record.permissions.back().peer < peer);
        record.permissions.push_back({peer, r.duration()});
    }
}

void read_channels(Reader& r, AllocationRecord& record) {
    for (std::size_t n = r.count(kEntriesMax); n > 0 && r.ok(); --n) {
        AllocationRecord::Channel channel;
        channel.number = r.in.u16();
        r.require(stun::ChannelNumber::from_wire(channel.number, stun::ChannelRange::Rfc5766).has_value());
        r.require(record.channels.empty() || record.channels.back().number < channel.number);
        // As a rule its peer has a permission, which has the address.
        const std::uint64_t place = r.varint();
        r.require(place <= record.permissions.size());
        if (!r.ok()) return;
        if (place == 0) {
            channel.peer.address = r.address();
            r.require(place_of(record.permissions, channel.peer.address) == 0);
        } else {
            channel.peer.address = record.permissions[static_cast<std::size_t>(place) - 1].peer;
        }
        channel.peer.port = r.in.u16();
        channel.left = r.duration();
        record.channels.push_back(channel);
    }
}

void read_allocation(Reader& r, AllocationRecord& record) {
    const unsigned flags = r.in.u8();
    r.require(flags < kFlagsEnd);
    if ((flags & kTcp) != 0) record.protocol = RelayProtocol::Tcp;
    const std::uint8_t transport = r.in.u8();
    r.require(transport <= static_cast<std::uint8_t>(Transport::Dtls));
    record.tuple.transport = static_cast<Transport>(transport);
    record.listener = r.in.u16();
    record.id.value = r.varint();
    record.tuple.client = r.endpoint();
    record.tuple.server = r.endpoint();
    if ((flags & kVia) != 0) {
        record.via = r.endpoint();
        r.require(record.via.port != 0);
    }
    for (std::size_t n = r.count(kRelayedMax); n > 0 && r.ok(); --n) record.relayed.push_back(r.endpoint());
    r.require(!record.relayed.empty());
    if (record.relayed.size() == 2) {
        r.require(record.relayed[0].address.family() != record.relayed[1].address.family());
    }
    record.left = r.duration();
    record.age = r.duration();
    if ((flags & kAuthorized) != 0) record.authorized_left = r.duration();
    record.bandwidth_left = r.varint32();
    record.packets_left = r.varint32();
    record.new_peers_left = r.varint32();
    std::ranges::copy(r.in.take(record.allocate_transaction.size()), record.allocate_transaction.begin());
    if ((flags & kTicket) != 0) {
        const ByteView ticket = r.in.take(kTicketBytes);
        record.ticket.assign(ticket.begin(), ticket.end());
    }
    if ((flags & kNonce) != 0) {
        record.nonce = r.string(kNonceMax);
        record.nonce_client = r.endpoint();
        r.require(!record.nonce.empty());
    }
    if ((flags & kReservation) != 0) {
        record.reservation_token = r.in.u64();
        r.require(record.reservation_token != 0);
    }
    record.traffic.bytes_to_peer = r.varint();
    record.traffic.packets_to_peer = r.varint();
    record.traffic.bytes_to_client = r.varint();
    record.traffic.packets_to_client = r.varint();
    read_permissions(r, record);
    read_channels(r, record);
}

}  // namespace

CredentialRecord::CredentialRecord(const CredentialView& from)
    : username(from.username),
      subject(from.subject),
      realm(from.realm),
      key_md5(from.key_md5.begin(), from.key_md5.end()),
      key_sha256(from.key_sha256.begin(), from.key_sha256.end()),
      bandwidth_kbit_s(from.bandwidth_kbit_s),
      third_party(from.third_party),
      relay_peers_only(from.relay_peers_only) {}

ByteView encode_credential(const CredentialView& credential, Bytes& space) {
    const std::size_t most = 1 + 6 * kVarintMax + credential.username.size() + credential.subject.size() +
                             credential.realm.size() + credential.key_md5.size() + credential.key_sha256.size();
    if (space.size() < most) space.resize(most);
    Writer w{space};
    w.number((credential.third_party ? kThirdParty : 0U) | (credential.relay_peers_only ? kRelayPeersOnly : 0U), 1);
    w.varint(credential.bandwidth_kbit_s);
    w.text(as_bytes(credential.username));
    w.text(as_bytes(credential.subject));
    w.text(as_bytes(credential.realm));
    w.text(credential.key_md5);
    w.text(credential.key_sha256);
    return w.written();
}

std::expected<CredentialRecord, AllocationRecord::DecodeError> decode_credential(ByteView bytes) {
    Reader r{bytes};
    CredentialRecord record;
    const unsigned flags = r.in.u8();
    r.require(flags < kCredentialFlagsEnd);
    record.third_party = (flags & kThirdParty) != 0;
    record.relay_peers_only = (flags & kRelayPeersOnly) != 0;
    record.bandwidth_kbit_s = r.varint32();
    record.username = r.string(kTextMax);
    record.subject = r.string(kTextMax);
    record.realm = r.string(kTextMax);
    for (Bytes* const kept : {&record.key_md5, &record.key_sha256}) {
        const ByteView key = r.text(kKeyMax);
        r.require(key.size() >= kKeyMin);
        kept->assign(key.begin(), key.end());
    }
    if (!r.done()) return std::unexpected{AllocationRecord::DecodeError::BadValue};
    return record;
}

ByteView AllocationRecord::encode_allocation(Bytes& space) const {
    const std::size_t most = kFixedMax + nonce.size() + kEndpointMax * relayed.size() +
                             kPermissionMax * permissions.size() + kChannelMax * channels.size();
    if (space.size() < most) space.resize(most);
    Writer w{space};
    const bool has_via = via.port != 0, has_ticket = ticket.size() == kTicketBytes;
    w.number((protocol == RelayProtocol::Tcp ? kTcp : 0U) | (has_via ? kVia : 0U) | (authorized_left ? kAuthorized : 0U) |
                 (has_ticket ? kTicket : 0U) | (!nonce.empty() ? kNonce : 0U) | (reservation_token != 0 ? kReservation : 0U),
             1);
    w.number(static_cast<std::uint8_t>(tuple.transport), 1);
    w.number(listener, 2);
    w.varint(id.value);
    w.endpoint(tuple.client);
    w.endpoint(tuple.server);
    if (has_via) w.endpoint(via);
    w.varint(relayed.size());
    for (const Endpoint& endpoint : relayed) w.endpoint(endpoint);
    w.duration(left);
    w.duration(age);
    if (authorized_left) w.duration(*authorized_left);
    w.varint(bandwidth_left);
    w.varint(packets_left);
    w.varint(new_peers_left);
    w.raw(allocate_transaction);
    if (has_ticket) w.raw(ticket);
    if (!nonce.empty()) {
        w.text(as_bytes(nonce));
        w.endpoint(nonce_client);
    }
    if (reservation_token != 0) w.number(reservation_token, 8);
    w.varint(traffic.bytes_to_peer);
    w.varint(traffic.packets_to_peer);
    w.varint(traffic.bytes_to_client);
    w.varint(traffic.packets_to_client);
    w.varint(permissions.size());
    for (const Permission& permission : permissions) {
        w.address(permission.peer);
        w.duration(permission.left);
    }
    w.varint(channels.size());
    for (const Channel& channel : channels) {
        w.number(channel.number, 2);
        const std::size_t place = place_of(permissions, channel.peer.address);
        w.varint(place);
        if (place == 0) w.address(channel.peer.address);
        w.number(channel.peer.port, 2);
        w.duration(channel.left);
    }
    return w.written();
}

std::expected<AllocationRecord, AllocationRecord::DecodeError> AllocationRecord::decode_allocation(ByteView bytes) {
    AllocationRecord record;
    Reader reader{bytes};
    read_allocation(reader, record);
    if (!reader.done()) return std::unexpected{DecodeError::BadValue};
    return record;
}

Bytes AllocationRecord::encode() const {
    Bytes space, out(kHeadSize + 2);
    const ByteView holder = encode_credential(credential.view(), space);
    store_u32(out, 0, kMagic);
    store_u16(out, 4, kVersion);
    store_u16(out, kHeadSize, static_cast<std::uint16_t>(holder.size()));
    out.insert(out.end(), holder.begin(), holder.end());
    const ByteView rest = encode_allocation(space);
    out.insert(out.end(), rest.begin(), rest.end());
    store_u32(out, 8, static_cast<std::uint32_t>(out.size() - kHeadSize));
    const crypto::Sha256 sum = crypto::sha256({ByteView{out}});
    out.insert(out.end(), sum.begin(), sum.begin() + kChecksumSize);
    return out;
}

std::expected<AllocationRecord, AllocationRecord::DecodeError> AllocationRecord::decode(ByteView bytes) {
    if (bytes.size() < kHeadSize + kChecksumSize) return std::unexpected{DecodeError::Truncated};
    if (load_u32(bytes, 0) != kMagic) return std::unexpected{DecodeError::BadMagic};
    if (load_u16(bytes, 4) != kVersion) return std::unexpected{DecodeError::UnknownVersion};
    const std::size_t length = load_u32(bytes, 8);
    if (length > kBodyMax) return std::unexpected{DecodeError::BadValue};
    if (bytes.size() < kHeadSize + length + kChecksumSize) return std::unexpected{DecodeError::Truncated};
    if (bytes.size() > kHeadSize + length + kChecksumSize) return std::unexpected{DecodeError::BadValue};
    const crypto::Sha256 sum = crypto::sha256({bytes.first(kHeadSize + length)});
    if (!std::ranges::equal(bytes.last(kChecksumSize), ByteView{sum}.first(kChecksumSize))) {
        return std::unexpected{DecodeError::BadChecksum};
    }

    const ByteView body = bytes.subspan(kHeadSize, length);
    const std::size_t holder_size = length < 2 ? length : load_u16(body, 0);
    if (length < 2 || holder_size > length - 2 || load_u16(bytes, 6) != 0) return std::unexpected{DecodeError::BadValue};
    auto holder = decode_credential(body.subspan(2, holder_size));
    if (!holder) return std::unexpected{holder.error()};
    auto record = decode_allocation(body.subspan(2 + holder_size));
    if (record) record->credential = std::move(*holder);
    return record;
}

}  // namespace turnpike::core
