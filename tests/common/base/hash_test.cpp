#include "common/base/hash.hpp"

#include <gtest/gtest.h>

#include "common/base/ids.hpp"

namespace turnpike {
namespace {

// SipHash-1-3 under the key of the paper's appendix A, 00 01 .. 0f, over the bytes 00 01 02 ..
// From a second implementation, whose SipHash-2-4 gives the paper's a129ca6149be45e5.
TEST(KeyedHash, IsSipHash13) {
    Bytes bytes;
    for (std::uint8_t i = 0; i < 40; ++i) bytes.push_back(i);
    struct Case {
        std::size_t size;
        std::uint64_t hash;
    };
    for (const Case& c : {Case{0, 0xabac0158050fc4dc}, Case{1, 0xc9f49bf37d57ca93}, Case{7, 0xd3927d989bb11140},
                          Case{8, 0x369095118d299a8e}, Case{9, 0x25a48eb36c063de4}, Case{15, 0xd320d86d2a519956},
                          Case{16, 0xcc4fdd1a7d908b66}, Case{40, 0xc1d2363299e41531}}) {
        EXPECT_EQ(keyed_hash(0x0706050403020100, 0x0f0e0d0c0b0a0908, ByteView{bytes}.first(c.size)), c.hash) << c.size;
    }
}

// What hash(bytes) gives in CPython 3.11, whose hash is SipHash-1-3, with PYTHONHASHSEED=0.
TEST(KeyedHash, AgreesWithCPython) {
    EXPECT_EQ(keyed_hash(0, 0, as_bytes("a")), 0x407448d2b89b1813U);
    EXPECT_EQ(keyed_hash(0, 0, as_bytes("turnpike")), 0x77db5f4d604d5c13U);
}

TEST(KeyedHash, DependsOnBothHalvesOfTheKey) {
    const ByteView text = as_bytes("text");
    EXPECT_NE(keyed_hash(1, 0, text), keyed_hash(0, 0, text));
    EXPECT_NE(keyed_hash(0, 1, text), keyed_hash(0, 0, text));
    EXPECT_EQ((HashKey{3, 4}(text)), keyed_hash(3, 4, text));
}

TEST(StrongId, ComparesHashesAndKnowsZero) {
    using Id = StrongId<struct TestTag>;
    EXPECT_EQ(Id{3}, Id{3});
    EXPECT_NE(Id{3}, Id{4});
    EXPECT_LT(Id{3}, Id{4});
    EXPECT_FALSE(Id{});
    EXPECT_TRUE(Id{1});
    EXPECT_EQ(std::hash<Id>{}(Id{7}), std::hash<std::uint64_t>{}(7));
}

}  // namespace
}  // namespace turnpike
