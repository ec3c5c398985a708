// rooms: turn/net turn/core turn/stun common/crypto common/base
//
// parse_journal on the input as it is, and on the input as blocks behind a right header, each with a right
// checksum: what is left is a question of what they say. What it takes for a record is one.

#include <algorithm>
#include <set>

#include "tests/support/fuzz_check.hpp"
#include "turn/net/journal.hpp"

using namespace turnpike;
using core::AllocationRecord;

namespace {

constexpr net::BootId kBoot{};
constexpr HashKey kKey{1, 2};
constexpr Instant kNow{1'000'000s};
constexpr std::size_t kBlocksMax = 512;

void check(ByteView file) {
    const auto reading = net::parse_journal(file, kBoot, 0, 1, kNow);
    if (!reading) {
        FUZZ_CHECK(!reading.error().empty());
        return;
    }
    const std::size_t pairs = file.size() / (2 * net::blocks::kSize);
    FUZZ_CHECK(reading->records.size() + reading->expired + reading->lost <= pairs);
    for (const net::KeptRecord& kept : reading->records) {
        FUZZ_CHECK(kept.written_at <= kNow && kept.record.left > Milliseconds{0});
        const auto again = AllocationRecord::decode(kept.record.encode());
        // A record that is about to be too old may grow out of what a record can say.
        if (again) FUZZ_CHECK(again->encode() == kept.record.encode());
    }
}

// The input's blocks, sealed: kind and size are made possible, the rest is the input's.
Bytes sealed(ByteView input) {
    Bytes file(net::JournalHeader::kSize);
    net::JournalHeader header;
    header.key = kKey;
    header.write(file);
    const std::size_t count = std::min(input.size() / net::blocks::kSize, kBlocksMax);
    for (std::size_t i = 0; i < count; ++i) {
        const ByteView raw = input.subspan(i * net::blocks::kSize, net::blocks::kSize);
        const auto number = static_cast<std::uint32_t>(net::blocks::kFirst + i);
        net::blocks::Head head;
        head.kind = static_cast<net::blocks::Kind>(1 + raw[20] % 3);
        head.stamp = load_u64(raw, 8);
        head.next = load_u32(raw, 16);
        head.credential = load_u32(raw, 22);
        head.credential_stamp = load_u32(raw, 26);
        head.written_at = Instant{Nanoseconds{static_cast<std::int64_t>(load_u64(raw, 30))}};
        const std::size_t most = net::blocks::payload_max(head.kind);
        const ByteView payload = raw.subspan(net::blocks::kSize - most, std::min<std::size_t>(raw[21], most));
        file.resize(file.size() + net::blocks::kSize);
        net::blocks::write(ByteSpan{file}.last(net::blocks::kSize), number, kKey, head, payload);
    }
    return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input{data, size};
    check(input);
    check(sealed(input));
    return 0;
}
