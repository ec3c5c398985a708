#include "turn/net/dtls_datagram.hpp"

#include <gtest/gtest.h>

#include "tests/turn/net/dtls_support.hpp"

namespace turnpike::net {
namespace {

using testing::dtls_client_hello;
using testing::dtls_record;
using Kind = DtlsDatagram::Kind;

Kind kind_of(const Bytes& datagram) { return DtlsDatagram::inspect(datagram).kind; }

Bytes operator+(Bytes one, const Bytes& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

// A handshake message's header: type, length, sequence, fragment.
Bytes message(std::uint8_t type, std::uint32_t length, std::uint32_t offset, std::uint32_t size) {
    const auto byte = [](std::uint32_t value, int shift) { return static_cast<std::uint8_t>(value >> shift); };
    Bytes bytes{type, byte(length, 16), byte(length, 8), byte(length, 0), 0, 1,
                byte(offset, 16), byte(offset, 8), byte(offset, 0), byte(size, 16), byte(size, 8), byte(size, 0)};
    bytes.resize(bytes.size() + size);
    return bytes;
}

TEST(DtlsDatagramTest, FindsAClientHelloAndItsRandom) {
    const Bytes hello = dtls_client_hello();
    const DtlsDatagram found = DtlsDatagram::inspect(hello);
    EXPECT_EQ(Kind::ClientHello, found.kind);
    ASSERT_EQ(32U, found.random.size());
    EXPECT_EQ(hello.data() + 13 + 12 + 2, found.random.data());
    for (std::size_t cut = 0; cut < hello.size(); ++cut) {
        EXPECT_EQ(Kind::Invalid, kind_of({hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(cut)})) << cut;
    }
}

TEST(DtlsDatagramTest, TellsRecordsApart) {
    const Bytes finished = dtls_record(22, 1, Bytes(40)), ccs = dtls_record(20, 0, Bytes{1});
    EXPECT_EQ(Kind::Plain, kind_of(dtls_record(22, 0, message(16, 66, 0, 66)) + ccs + finished));
    EXPECT_EQ(Kind::Plain, kind_of(ccs));
    EXPECT_EQ(Kind::Plain, kind_of(dtls_record(22, 0, message(1, 100, 50, 50)))) << "a later fragment of a ClientHello";
    EXPECT_EQ(Kind::Handshake, kind_of(finished));
    EXPECT_EQ(Kind::Data, kind_of(dtls_record(23, 1, Bytes(40))));
    EXPECT_EQ(Kind::Data, kind_of(dtls_record(21, 1, Bytes(40)))) << "a protected alert";
}

TEST(DtlsDatagramTest, DropsWhatNobodyMaySay) {
    const Bytes ccs = dtls_record(20, 0, Bytes{1});
    EXPECT_EQ(Kind::Invalid, kind_of({}));
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(21, 0, Bytes{2, 40})));
    EXPECT_EQ(Kind::Invalid, kind_of(ccs + dtls_record(21, 0, Bytes{2, 40}))) << "behind another record too";
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(23, 0, Bytes(8))));
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(24, 0, Bytes(8))));
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(63, 1, Bytes(8))));
    EXPECT_EQ(Kind::Invalid, kind_of(ccs + Bytes{22}));
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(22, 0, Bytes(11))));
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(22, 0, message(1, 0xFFFFFF, 0, 40)))) << "row 46";
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(22, 0, message(16, 0xFFFFFF, 0, 40))));
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(22, 0, message(16, 16, 8, 9)))) << "past the end";
    EXPECT_EQ(Kind::Invalid, kind_of(dtls_record(22, 0, message(1, 33, 0, 33)))) << "no room for a random";
    Bytes old = ccs;
    old[2] = 0xFE;
    EXPECT_EQ(Kind::Invalid, kind_of(old));
    Bytes longer = ccs;
    longer[12] = 2;
    EXPECT_EQ(Kind::Invalid, kind_of(longer)) << "longer than the datagram";
}

}  // namespace
}  // namespace turnpike::net
