#include "common/base/byte_cursor.hpp"

#include <gtest/gtest.h>

#include "tests/support/hex.hpp"

namespace turnpike {
namespace {

TEST(Bytes, AreBigEndian) {
    const Bytes bytes = test::from_hex("0102030405060708");
    EXPECT_EQ(load_u16(bytes, 0), 0x0102);
    EXPECT_EQ(load_u32(bytes, 1), 0x02030405U);
    EXPECT_EQ(load_u64(bytes, 0), 0x0102030405060708U);
    Bytes out(9, 0xFF);
    store_u64(out, 0, 0xF1F2F3F4F5F6F7F8);
    EXPECT_EQ(load_u64(out, 0), 0xF1F2F3F4F5F6F7F8U);
    store_u16(out, 7, 0xABCD);
    EXPECT_EQ(load_u16(out, 7), 0xABCD);
    EXPECT_EQ(out[6], 0xF7);
}

TEST(ByteReader, ReadsFrontToBack) {
    const Bytes bytes = test::from_hex("01 0203 04050607 08090a0b0c0d0e0f 1011");
    ByteReader reader{bytes};
    EXPECT_EQ(reader.u8(), 0x01);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x04050607U);
    EXPECT_EQ(reader.u64(), 0x08090a0b0c0d0e0fU);
    EXPECT_EQ(reader.position(), 15U);
    EXPECT_EQ(reader.remaining(), 2U);
    EXPECT_EQ(reader.take(2).front(), 0x10);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.remaining(), 0U);
    EXPECT_TRUE(reader.take(0).empty());
    EXPECT_TRUE(reader.ok()) << "nothing can always be read";
}

TEST(ByteReader, FailsForGoodPastTheEnd) {
    for (std::size_t size = 0; size < 8; ++size) {
        const Bytes bytes(size, 0xFF);
        ByteReader reader{bytes};
        EXPECT_EQ(reader.u64(), 0U);
        EXPECT_FALSE(reader.ok());
        EXPECT_EQ(reader.u8(), 0) << "although a byte would be there";
        EXPECT_TRUE(reader.take(1).empty());
        EXPECT_FALSE(reader.ok());
    }
    const Bytes bytes(4);
    ByteReader reader{bytes};
    EXPECT_TRUE(reader.take(SIZE_MAX).empty());
    EXPECT_FALSE(reader.ok());
}

TEST(ByteWriter, WritesFrontToBack) {
    Bytes space(20, 0xAA);
    ByteWriter writer{space};
    writer.u8(1);
    writer.u16(0x0203);
    writer.u32(0x04050607);
    writer.u64(0x08090a0b0c0d0e0f);
    writer.bytes(Bytes{0x10, 0x11});
    writer.zeros(2);
    writer.bytes({});
    writer.zeros(0);
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(writer.size(), 19U);
    EXPECT_EQ(writer.remaining(), 1U);
    EXPECT_EQ(Bytes(writer.written().begin(), writer.written().end()),
              test::from_hex("01 0203 04050607 08090a0b0c0d0e0f 1011 0000"));
    EXPECT_EQ(space[19], 0xAA);
}

TEST(ByteWriter, FailsForGoodWhenItIsFull) {
    for (std::size_t room = 0; room < 8; ++room) {
        Bytes space(8, 0xAA);
        ByteWriter writer{ByteSpan{space}.first(room)};
        writer.u64(0);
        EXPECT_FALSE(writer.ok());
        writer.u8(0);
        EXPECT_FALSE(writer.ok()) << "although a byte would fit";
        EXPECT_EQ(writer.size(), 0U);
        EXPECT_EQ(space, Bytes(8, 0xAA));
    }
}

}  // namespace
}  // namespace turnpike
