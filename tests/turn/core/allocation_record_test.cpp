#include "turn/core/allocation_record.hpp"

#include <gtest/gtest.h>

#include "common/crypto/digest.hpp"
#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

using core::AllocationRecord;
using Error = AllocationRecord::DecodeError;

AllocationRecord sample() {
    AllocationRecord record;
    record.id.value = 17;
    record.tuple = {at("192.0.2.1:40000"), at("[2001:db8::64]:3478"), Transport::Tls};
    record.listener = 3;
    record.via = at("198.51.100.7:9000");
    record.relayed = {at("10.0.0.5:50000"), at("[2001:db8::5]:50001")};
    record.left = 123'456ms;
    record.age = 7'654'321ms;
    record.credential.username = "1700000600:a.b;k=k1;a=3";
    record.credential.subject = "a.b";
    record.credential.realm = "turnpike";
    record.credential.key_md5 = Bytes(16, 0xAB);
    record.credential.key_sha256 = Bytes(32, 0xCD);
    record.credential.bandwidth_kbit_s = 64;
    record.credential.relay_peers_only = true;
    record.allocate_transaction = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    record.reservation_token = 0x0102030405060708;
    record.ticket = Bytes(16, 0xCD);
    record.nonce = "obMatJos2AAAAnonce";
    record.nonce_client = at("192.0.2.1:40001");
    record.bandwidth_left = 4;
    record.packets_left = 5;
    record.new_peers_left = 6;
    record.traffic = {1, 2, 3, UINT64_MAX};
    record.permissions = {{ip("2a00:1450::1"), 1ms}, {ip("93.184.216.34"), 299'999ms}};
    record.channels = {{0x4000, at("93.184.216.34:5000"), 599'999ms}, {0x7FFF, at("[2a00:1450::1]:443"), 2ms}};
    return record;
}

std::vector<AllocationRecord::Permission> many_permissions(std::uint32_t count) {
    std::vector<AllocationRecord::Permission> all;
    for (std::uint32_t i = 0; i < count; ++i) all.push_back({IpAddress::v4(0x5DB80000 + i), 1ms});
    return all;
}

// Puts the right length and checksum on changed bytes: what is left is a question of values.
Bytes sealed(Bytes head_and_body) {
    store_u32(head_and_body, 8, static_cast<std::uint32_t>(head_and_body.size() - 12));
    const crypto::Sha256 sum = crypto::sha256({ByteView{head_and_body}});
    head_and_body.insert(head_and_body.end(), sum.begin(), sum.begin() + 8);
    return head_and_body;
}
Bytes unsealed(const AllocationRecord& record) {
    Bytes bytes = record.encode();
    bytes.resize(bytes.size() - 8);
    return bytes;
}

TEST(AllocationRecord, KeepsEverything) {
    const AllocationRecord record = sample();
    const auto read = AllocationRecord::decode(record.encode());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, record.id);
    EXPECT_EQ(read->tuple, record.tuple);
    EXPECT_EQ(read->listener, record.listener);
    EXPECT_EQ(read->via, record.via);
    EXPECT_EQ(read->relayed, record.relayed);
    EXPECT_EQ(read->left, record.left);
    EXPECT_EQ(read->age, record.age);
    EXPECT_EQ(read->credential.username, record.credential.username);
    EXPECT_EQ(read->credential.subject, record.credential.subject);
    EXPECT_EQ(read->credential.realm, record.credential.realm);
    EXPECT_EQ(read->credential.key_md5, record.credential.key_md5);
    EXPECT_EQ(read->credential.key_sha256, record.credential.key_sha256);
    EXPECT_EQ(read->credential.third_party, record.credential.third_party);
    EXPECT_EQ(read->authorized_left, record.authorized_left);
    EXPECT_EQ(read->credential.bandwidth_kbit_s, record.credential.bandwidth_kbit_s);
    EXPECT_EQ(read->credential.relay_peers_only, record.credential.relay_peers_only);
    EXPECT_EQ(read->allocate_transaction, record.allocate_transaction);
    EXPECT_EQ(read->reservation_token, record.reservation_token);
    EXPECT_EQ(read->ticket, record.ticket);
    EXPECT_EQ(read->nonce, record.nonce);
    EXPECT_EQ(read->nonce_client, record.nonce_client);
    EXPECT_EQ(read->bandwidth_left, 4U);
    EXPECT_EQ(read->packets_left, 5U);
    EXPECT_EQ(read->new_peers_left, 6U);
    EXPECT_EQ(read->traffic.packets_to_client, UINT64_MAX);
    ASSERT_EQ(read->permissions.size(), 2U);
    EXPECT_EQ(read->permissions[0].peer, ip("2a00:1450::1"));
    EXPECT_EQ(read->permissions[1].left, 299'999ms);
    ASSERT_EQ(read->channels.size(), 2U);
    EXPECT_EQ(read->channels[1].number, 0x7FFF);
    EXPECT_EQ(read->channels[1].peer, at("[2a00:1450::1]:443"));
    EXPECT_EQ(read->channels[0].left, 599'999ms);
    EXPECT_EQ(read->encode(), record.encode());
}

TEST(AllocationRecord, RefusesEveryTruncation) {
    const Bytes whole = sample().encode();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto read = AllocationRecord::decode(ByteView{whole}.first(size));
        ASSERT_FALSE(read) << size;
        EXPECT_EQ(read.error(), Error::Truncated) << size;
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_EQ(AllocationRecord::decode(longer).error(), Error::BadValue);
}

TEST(AllocationRecord, RefusesEveryFlippedBit) {
    const Bytes whole = sample().encode();
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        Bytes flipped = whole;
        flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
        EXPECT_FALSE(AllocationRecord::decode(flipped)) << bit;
    }
}

// A body cut short under a right checksum is still no record.
TEST(AllocationRecord, RefusesEveryShorterBody) {
    const Bytes whole = unsealed(sample());
    for (std::size_t size = 12; size < whole.size(); ++size) {
        const Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
        const auto read = AllocationRecord::decode(sealed(cut));
        ASSERT_FALSE(read) << size;
        EXPECT_EQ(read.error(), Error::BadValue) << size;
    }
}

TEST(AllocationRecord, SaysWhatIsWrongWithTheHead) {
    const Bytes whole = sample().encode();
    Bytes other = whole;
    other[0] = 'X';
    EXPECT_EQ(AllocationRecord::decode(other).error(), Error::BadMagic);
    other = whole;
    store_u16(other, 4, AllocationRecord::kVersion + 1);
    EXPECT_EQ(AllocationRecord::decode(other).error(), Error::UnknownVersion);
    other = whole;
    store_u32(other, 8, UINT32_MAX);
    EXPECT_EQ(AllocationRecord::decode(other).error(), Error::BadValue);
    other = whole;
    other.back() ^= 1;
    EXPECT_EQ(AllocationRecord::decode(other).error(), Error::BadChecksum);
}

// Security 6, row 73: what is well formed may still be nonsense.
TEST(AllocationRecord, RefusesImpossibleValues) {
    const auto refused = [](auto&& change) {
        AllocationRecord record = sample();
        change(record);
        const auto read = AllocationRecord::decode(record.encode());
        return !read && read.error() == Error::BadValue;
    };
    EXPECT_TRUE(refused([](auto& r) { r.relayed.clear(); }));
    EXPECT_TRUE(refused([](auto& r) { r.relayed.push_back(r.relayed[0]); }));
    EXPECT_TRUE(refused([](auto& r) { r.relayed[1] = at("10.0.0.6:1"); }));  // two of one family
    EXPECT_TRUE(refused([](auto& r) { r.left = Milliseconds{-1}; }));
    EXPECT_TRUE(refused([](auto& r) { r.left = std::chrono::hours{24 * 366 * 74}; }));  // in 2100
    EXPECT_TRUE(refused([](auto& r) { r.age = Milliseconds{-1}; }));
    EXPECT_TRUE(refused([](auto& r) { r.credential.key_md5 = Bytes(15); }));
    EXPECT_TRUE(refused([](auto& r) { r.credential.key_sha256.clear(); }));
    EXPECT_TRUE(refused([](auto& r) { r.credential.username = std::string(764, 'u'); }));
    EXPECT_TRUE(refused([](auto& r) { r.credential.realm = std::string(764, 'r'); }));
    EXPECT_TRUE(refused([](auto& r) { r.tuple.transport = static_cast<Transport>(4); }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[0].number = 0x3FFF; }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[1].number = 0x8000; }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[1].number = r.channels[0].number; }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[0].left = Milliseconds{-5}; }));
    EXPECT_TRUE(refused([](auto& r) { r.permissions[0].left = Milliseconds{-5}; }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[1].number = r.channels[0].number - 1; }));
    EXPECT_TRUE(refused([](auto& r) { std::swap(r.permissions[0], r.permissions[1]); }));
    EXPECT_TRUE(refused([](auto& r) { r.permissions.push_back(r.permissions[1]); }));
    EXPECT_TRUE(refused([](auto& r) { r.permissions = many_permissions(20'000); }));
    EXPECT_FALSE(refused([](auto& r) { r.permissions.clear(), r.channels.clear(); }));
    EXPECT_FALSE(refused([](auto& r) { r.credential.key_md5 = r.credential.key_sha256 = Bytes(64, 1); }));
    EXPECT_FALSE(refused([](auto& r) { r.permissions = many_permissions(256); }));
}

// What a journal keeps of an idle allocation, beside the credential.
TEST(AllocationRecord, IsSmallWhereLittleIsSaid) {
    AllocationRecord record;
    record.id.value = 1'000'000;
    record.tuple = {at("192.0.2.1:40000"), at("192.0.2.100:3478"), Transport::Udp};
    record.relayed = {at("10.0.0.5:50000")};
    record.left = 600s;
    record.permissions = {{ip("93.184.216.34"), 300s}};
    record.channels = {{0x4000, at("93.184.216.34:5000"), 600s}};
    Bytes space;
    EXPECT_LE(record.encode_allocation(space).size(), 80U);
    EXPECT_TRUE(AllocationRecord::decode_allocation(record.encode_allocation(space)));
}

// A varint has one form; a channel whose peer has a permission names that.
TEST(AllocationRecord, RefusesASecondEncodingOfTheSame) {
    AllocationRecord record = sample();
    record.permissions.resize(1);
    record.channels.clear();
    Bytes space;
    const ByteView whole = record.encode_allocation(space);
    Bytes longer{whole.begin(), whole.end() - 1};  // the count of channels
    longer.insert(longer.end(), {0x80, 0x00});
    EXPECT_FALSE(AllocationRecord::decode_allocation(longer));

    record.channels = {{0x4000, {record.permissions[0].peer, 443}, 1ms}};
    const ByteView named = record.encode_allocation(space);
    Bytes spelled{named.begin(), named.end() - 4};  // place, port, lifetime
    spelled.insert(spelled.end(), {0, 2});
    spelled.insert(spelled.end(), record.permissions[0].peer.bytes().begin(), record.permissions[0].peer.bytes().end());
    spelled.insert(spelled.end(), named.end() - 3, named.end());
    EXPECT_TRUE(AllocationRecord::decode_allocation(named));
    EXPECT_FALSE(AllocationRecord::decode_allocation(spelled));
}

TEST(AllocationRecord, RefusesAnUnknownAddressFamily) {
    Bytes bytes = unsealed(sample());
    // The client's family, behind the credential, flags, transport, listener and an id of one byte.
    const std::size_t family = 12 + 2 + load_u16(bytes, 12) + 5;
    ASSERT_EQ(bytes[family], 1);
    bytes[family] = 3;
    EXPECT_EQ(AllocationRecord::decode(sealed(bytes)).error(), Error::BadValue);
}

}  // namespace
}  // namespace turnpike::test
