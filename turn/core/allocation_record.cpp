#include "turn/core/allocation_record.hpp"

#include <algorithm>
#include <unordered_set>

#include "common/base/byte_cursor.hpp"
#include "common/crypto/digest.hpp"

namespace turnpike::core {
namespace {

//  0       4        6          8        12            12+length
//  | magic | version | reserved | length | body(length) | checksum(8) |
//
// Numbers are in network order. Strings and byte strings: length(2) bytes. An address: family(1)
// bytes(4 or 16); an endpoint: address port(2). Lists: count(2) items.
constexpr std::uint32_t kMagic = 0x5450'4152;  // "TPAR"
constexpr std::size_t kHeadSize = 12, kChecksumSize = 8;
constexpr std::size_t kBodyMax = 1 << 20;
constexpr std::size_t kTextMax = 763;        // the longest of USERNAME and REALM, RFC 8489 §14.3 and §14.9
constexpr std::size_t kKeyMin = 16, kKeyMax = 64;  // MD5; the longest session key
constexpr std::size_t kTicketBytes = 16, kNonceMax = 127;
constexpr std::size_t kRelayedMax = 2;       // one per family
constexpr unsigned kRelayPeersOnly = 1, kTcp = 2;  // flags
constexpr std::size_t kEntriesMax = 16'384;  // of permissions, of channels
constexpr Milliseconds kDurationMax = Milliseconds{std::int64_t{366} * 24 * 3600 * 1000};

class Writer {
public:
    void number(std::uint64_t value, std::size_t size) {
        for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    void raw(ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
    void text(ByteView bytes) {
        number(bytes.size(), 2);
        raw(bytes);
    }
    void text(std::string_view text_) { text(as_bytes(text_)); }
    void flag(bool set) { number(set ? 1 : 0, 1); }
    void duration(Milliseconds d) { number(static_cast<std::uint64_t>(d.count()), 8); }
    void address(const IpAddress& a) {
        number(static_cast<std::uint8_t>(a.family()), 1);
        raw(a.bytes());
    }
    void endpoint(const Endpoint& e) {
        address(e.address);
        number(e.port, 2);
    }

    Bytes out;
};

// Remembers the first bad value; short reads are the ByteReader's own failure.
class Reader {
public:
    explicit Reader(ByteView bytes) : in(bytes) {}

    bool ok() const { return in.ok() && good; }
    void require(bool condition) { good = good && condition; }

    ByteView text(std::size_t max) {
        const std::size_t size = in.u16();
        require(size <= max);
        return in.take(size);
    }
    bool flag() {
        const std::uint8_t value = in.u8();
        require(value <= 1);
        return value == 1;
    }
    std::string string(std::size_t max) { return std::string{as_text(text(max))}; }
    Milliseconds duration() {
        const std::uint64_t value = in.u64();
        require(value <= static_cast<std::uint64_t>(kDurationMax.count()));
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
        const std::size_t n = in.u16();
        require(n <= max);
        return ok() ? n : 0;
    }

    ByteReader in;
    bool good = true;
};

void read_body(Reader& r, AllocationRecord& record) {
    record.id.value = r.in.u64();
    record.tuple.client = r.endpoint();
    record.tuple.server = r.endpoint();
    const std::uint8_t transport = r.in.u8();
    r.require(transport <= static_cast<std::uint8_t>(Transport::Dtls));
    record.tuple.transport = static_cast<Transport>(transport);
    record.listener = r.in.u16();
    record.via = r.endpoint();

    for (std::size_t n = r.count(kRelayedMax); n > 0 && r.ok(); --n) record.relayed.push_back(r.endpoint());
    r.require(!record.relayed.empty());
    if (record.relayed.size() == 2) {
        r.require(record.relayed[0].address.family() != record.relayed[1].address.family());
    }

    record.left = r.duration();
    record.age = r.duration();
    record.username = r.string(kTextMax);
    record.subject = r.string(kTextMax);
    record.realm = r.string(kTextMax);
    for (Bytes* const kept : {&record.key_md5, &record.key_sha256}) {
        const ByteView key = r.text(kKeyMax);
        r.require(key.size() >= kKeyMin);
        kept->assign(key.begin(), key.end());
    }
    record.third_party = r.flag();
    if (r.flag()) record.authorized_left = r.duration();
    record.bandwidth_kbit_s = r.in.u32();
    record.bandwidth_left = r.in.u32();
    record.packets_left = r.in.u32();
    record.new_peers_left = r.in.u32();
    const unsigned flags = r.in.u8();
    r.require((flags & ~(kRelayPeersOnly | kTcp)) == 0);
    record.relay_peers_only = (flags & kRelayPeersOnly) != 0;
    if ((flags & kTcp) != 0) record.protocol = RelayProtocol::Tcp;
    const ByteView transaction = r.in.take(record.allocate_transaction.size());
    std::ranges::copy(transaction, record.allocate_transaction.begin());
    const ByteView ticket = r.text(kTicketBytes);
    r.require(ticket.empty() || ticket.size() == kTicketBytes);
    record.ticket.assign(ticket.begin(), ticket.end());
    record.nonce = r.string(kNonceMax);
    if (!record.nonce.empty()) record.nonce_client = r.endpoint();
    record.reservation_token = r.in.u64();
    record.traffic.bytes_to_peer = r.in.u64();
    record.traffic.packets_to_peer = r.in.u64();
    record.traffic.bytes_to_client = r.in.u64();
    record.traffic.packets_to_client = r.in.u64();

    for (std::size_t n = r.count(kEntriesMax); n > 0 && r.ok(); --n) {
        const IpAddress peer = r.address();
        record.permissions.push_back({peer, r.duration()});
    }
    std::unordered_set<std::uint16_t> numbers;
    for (std::size_t n = r.count(kEntriesMax); n > 0 && r.ok(); --n) {
        AllocationRecord::Channel channel;
        channel.number = r.in.u16();
        channel.peer = r.endpoint();
        channel.left = r.duration();
        r.require(stun::ChannelNumber::from_wire(channel.number, stun::ChannelRange::Rfc5766).has_value());
        r.require(numbers.insert(channel.number).second);
        record.channels.push_back(channel);
    }
}

}  // namespace

Bytes AllocationRecord::encode() const {
    Writer w;
    w.out.reserve(512);
    w.number(kMagic, 4);
    w.number(kVersion, 2);
    w.number(0, 2);
    w.number(0, 4);  // length, filled in below

    w.number(id.value, 8);
    w.endpoint(tuple.client);
    w.endpoint(tuple.server);
    w.number(static_cast<std::uint8_t>(tuple.transport), 1);
    w.number(listener, 2);
    w.endpoint(via);
    w.number(relayed.size(), 2);
    for (const Endpoint& endpoint : relayed) w.endpoint(endpoint);
    w.duration(left);
    w.duration(age);
    w.text(username);
    w.text(subject);
    w.text(realm);
    w.text(ByteView{key_md5});
    w.text(ByteView{key_sha256});
    w.flag(third_party);
    w.flag(authorized_left.has_value());
    if (authorized_left) w.duration(*authorized_left);
    w.number(bandwidth_kbit_s, 4);
    w.number(bandwidth_left, 4);
    w.number(packets_left, 4);
    w.number(new_peers_left, 4);
    w.number((relay_peers_only ? kRelayPeersOnly : 0U) | (protocol == RelayProtocol::Tcp ? kTcp : 0U), 1);
    w.raw(allocate_transaction);
    w.text(ByteView{ticket});
    w.text(nonce);
    if (!nonce.empty()) w.endpoint(nonce_client);
    w.number(reservation_token, 8);
    w.number(traffic.bytes_to_peer, 8);
    w.number(traffic.packets_to_peer, 8);
    w.number(traffic.bytes_to_client, 8);
    w.number(traffic.packets_to_client, 8);
    w.number(permissions.size(), 2);
    for (const Permission& permission : permissions) {
        w.address(permission.peer);
        w.duration(permission.left);
    }
    w.number(channels.size(), 2);
    for (const Channel& channel : channels) {
        w.number(channel.number, 2);
        w.endpoint(channel.peer);
        w.duration(channel.left);
    }

    store_u32(w.out, 8, static_cast<std::uint32_t>(w.out.size() - kHeadSize));
    const crypto::Sha256 sum = crypto::sha256({ByteView{w.out}});
    w.raw(ByteView{sum}.first(kChecksumSize));
    return std::move(w.out);
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

    AllocationRecord record;
    Reader reader{bytes.subspan(kHeadSize, length)};
    read_body(reader, record);
    if (!reader.ok() || reader.in.remaining() != 0) return std::unexpected{DecodeError::BadValue};
    return record;
}

}  // namespace turnpike::core
