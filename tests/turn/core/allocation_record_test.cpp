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
    record.username = "1700000600:a.b;k=k1;a=3";
    record.subject = "a.b";
    record.realm = "turnpike";
    record.key_md5 = Bytes(16, 0xAB);
    record.key_sha256 = Bytes(32, 0xCD);
    record.bandwidth_kbit_s = 64;
    record.relay_peers_only = true;
    record.allocate_transaction = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    record.reservation_token = 0x0102030405060708;
    record.ticket = Bytes(16, 0xCD);
    record.nonce = "obMatJos2AAAAnonce";
    record.nonce_client = at("192.0.2.1:40001");
    record.bandwidth_left = 4;
    record.packets_left = 5;
    record.new_peers_left = 6;
    record.traffic = {1, 2, 3, UINT64_MAX};
    record.permissions = {{ip("93.184.216.34"), 299'999ms}, {ip("2a00:1450::1"), 1ms}};
    record.channels = {{0x4000, at("93.184.216.34:5000"), 599'999ms}, {0x7FFF, at("[2a00:1450::1]:443"), 2ms}};
    return record;
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
    EXPECT_EQ(read->username, record.username);
    EXPECT_EQ(read->subject, record.subject);
    EXPECT_EQ(read->realm, record.realm);
    EXPECT_EQ(read->key_md5, record.key_md5);
    EXPECT_EQ(read->key_sha256, record.key_sha256);
    EXPECT_EQ(read->third_party, record.third_party);
    EXPECT_EQ(read->authorized_left, record.authorized_left);
    EXPECT_EQ(read->bandwidth_kbit_s, record.bandwidth_kbit_s);
    EXPECT_EQ(read->relay_peers_only, record.relay_peers_only);
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
    EXPECT_EQ(read->permissions[1].peer, ip("2a00:1450::1"));
    EXPECT_EQ(read->permissions[0].left, 299'999ms);
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
    EXPECT_TRUE(refused([](auto& r) { r.key_md5 = Bytes(15); }));
    EXPECT_TRUE(refused([](auto& r) { r.key_sha256.clear(); }));
    EXPECT_TRUE(refused([](auto& r) { r.username = std::string(764, 'u'); }));
    EXPECT_TRUE(refused([](auto& r) { r.realm = std::string(764, 'r'); }));
    EXPECT_TRUE(refused([](auto& r) { r.tuple.transport = static_cast<Transport>(4); }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[0].number = 0x3FFF; }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[1].number = 0x8000; }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[1].number = r.channels[0].number; }));
    EXPECT_TRUE(refused([](auto& r) { r.channels[0].left = Milliseconds{-5}; }));
    EXPECT_TRUE(refused([](auto& r) { r.permissions[0].left = Milliseconds{-5}; }));
    EXPECT_TRUE(refused([](auto& r) { r.permissions.resize(20'000, r.permissions[0]); }));
    EXPECT_FALSE(refused([](auto& r) { r.permissions.clear(), r.channels.clear(); }));
    EXPECT_FALSE(refused([](auto& r) { r.key_md5 = r.key_sha256 = Bytes(64, 1); }));
    EXPECT_FALSE(refused([](auto& r) { r.permissions.resize(256, r.permissions[0]); }));
}

TEST(AllocationRecord, RefusesAnUnknownAddressFamily) {
    Bytes bytes = unsealed(sample());
    ASSERT_EQ(bytes[12 + 8], 1);  // the client's family, behind the id
    bytes[12 + 8] = 3;
    EXPECT_EQ(AllocationRecord::decode(sealed(bytes)).error(), Error::BadValue);
}

}  // namespace
}  // namespace turnpike::test
