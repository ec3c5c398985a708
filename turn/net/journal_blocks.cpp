#include "turn/net/journal_blocks.hpp"

#include <algorithm>
#include <atomic>

#include "common/base/assert.hpp"
#include "turn/core/allocation_record.hpp"

namespace turnpike::net {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {'T', 'P', 'J', 'R', 'N', 'L', '\r', '\n'};
constexpr std::size_t kLayoutAt = 8, kWorkerAt = 12, kWorkersAt = 14, kBootAt = 16, kKeyAt = 32, kVersionAt = 48,
                      kBlockSizeAt = 50, kChecksumAt = 56;

// A process that ends leaves every store that came before, in this order: the compiler may not change it.
void keep_order() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

void JournalHeader::write(ByteSpan page) const noexcept {
    std::ranges::fill(page, std::uint8_t{0});
    std::ranges::copy(kMagic, page.begin());
    store_u32(page, kLayoutAt, kLayout);
    store_u16(page, kWorkerAt, worker);
    store_u16(page, kWorkersAt, workers);
    std::ranges::copy(boot, page.begin() + kBootAt);
    store_u64(page, kKeyAt, key.k0);
    store_u64(page, kKeyAt + 8, key.k1);
    store_u16(page, kVersionAt, core::AllocationRecord::kVersion);
    store_u16(page, kBlockSizeAt, blocks::kSize);
    keep_order();
    store_u64(page, kChecksumAt, key(page.first(kChecksumAt)));
}

std::optional<JournalHeader> JournalHeader::read(ByteView page, Bad& why) noexcept {
    why = Bad::NoJournal;
    if (!std::ranges::equal(page.first(kMagic.size()), kMagic)) return {};
    why = Bad::OtherLayout;
    if (load_u32(page, kLayoutAt) != kLayout) return {};
    JournalHeader header;
    header.key = {load_u64(page, kKeyAt), load_u64(page, kKeyAt + 8)};
    why = Bad::Damaged;
    if (load_u64(page, kChecksumAt) != header.key(page.first(kChecksumAt))) return {};
    why = Bad::OtherLayout;
    if (load_u16(page, kVersionAt) != core::AllocationRecord::kVersion || load_u16(page, kBlockSizeAt) != blocks::kSize) return {};
    header.worker = load_u16(page, kWorkerAt);
    header.workers = load_u16(page, kWorkersAt);
    std::ranges::copy(page.subspan(kBootAt, header.boot.size()), header.boot.begin());
    return header;
}

namespace blocks {
namespace {

constexpr std::size_t kStampAt = 8, kNextAt = 16, kKindAt = 20, kSizeAt = 21, kCredentialAt = kHead,
                      kCredentialStampAt = kHead + 4, kWrittenAt = kHead + 8;

std::uint64_t checksum(ByteView block, std::uint32_t number, const HashKey& key, std::size_t end) noexcept {
    // A block is no good in another one's place.
    return HashKey{key.k0 ^ number, key.k1}(block.subspan(kStampAt, end - kStampAt));
}

}  // namespace

void write(ByteSpan block, std::uint32_t number, const HashKey& key, const Head& head, ByteView payload) noexcept {
    TURNPIKE_ASSERT(block.size() == kSize && payload.size() <= payload_max(head.kind));
    std::array<std::uint8_t, kSize> made;
    const ByteSpan space{made};
    store_u64(space, kStampAt, head.stamp);
    store_u32(space, kNextAt, head.next);
    space[kKindAt] = static_cast<std::uint8_t>(head.kind);
    space[kSizeAt] = static_cast<std::uint8_t>(payload.size());
    if (head.kind == Kind::Record) {
        store_u32(space, kCredentialAt, head.credential);
        store_u32(space, kCredentialStampAt, head.credential_stamp);
        store_u64(space, kWrittenAt, static_cast<std::uint64_t>(head.written_at.time_since_epoch().count()));
    }
    const std::size_t begin = Head::size(head.kind), end = begin + payload.size();
    if (!payload.empty()) std::memcpy(space.data() + begin, payload.data(), payload.size());
    const std::uint64_t sum = checksum(space, number, key, end);

    store_u64(block, 0, ~sum);
    keep_order();
    std::memcpy(block.data() + kStampAt, space.data() + kStampAt, end - kStampAt);
    keep_order();
    store_u64(block, 0, sum);
    keep_order();
}

void wipe(ByteSpan block) noexcept {
    std::memset(block.data(), 0, block.size());
    keep_order();
}

bool is_free(ByteView block) noexcept { return load_u64(block, 0) == 0 && load_u64(block, kStampAt) == 0; }

Kind kind_of(ByteView block) noexcept { return static_cast<Kind>(block[kKindAt]); }
std::uint64_t stamp_of(ByteView block) noexcept { return load_u64(block, kStampAt); }

std::optional<Head> read(ByteView block, std::uint32_t number, const HashKey& key, ByteView& payload) noexcept {
    const std::uint8_t kind = block[kKindAt];
    if (kind < static_cast<std::uint8_t>(Kind::Record) || kind > static_cast<std::uint8_t>(Kind::More)) return {};
    Head head;
    head.kind = static_cast<Kind>(kind);
    const std::size_t size = block[kSizeAt];
    if (size > payload_max(head.kind)) return {};
    const std::size_t begin = Head::size(head.kind);
    if (load_u64(block, 0) != checksum(block, number, key, begin + size)) return {};
    head.stamp = load_u64(block, kStampAt);
    head.next = load_u32(block, kNextAt);
    if (head.kind == Kind::Record) {
        head.credential = load_u32(block, kCredentialAt);
        head.credential_stamp = load_u32(block, kCredentialStampAt);
        head.written_at = Instant{Nanoseconds{static_cast<std::int64_t>(load_u64(block, kWrittenAt))}};
    }
    payload = block.subspan(begin, size);
    return head;
}

}  // namespace blocks
}  // namespace turnpike::net
