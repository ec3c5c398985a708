#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"
#include "common/base/hash.hpp"

namespace turnpike::net {

/// One boot of this machine: /proc/sys/kernel/random/boot_id. Instants mean something within it only.
using BootId = std::array<std::uint8_t, 16>;

/// What stands at the beginning of a journal: whose it is, and how to read it.
///
/// Shape  magic(8) layout(4) worker(2) workers(2) boot(16) key(16) record-version(2) block-size(2) reserved(4)
///        checksum(8), and zeros up to kSize
struct JournalHeader {
    static constexpr std::size_t kSize = 4096;
    static constexpr std::uint32_t kLayout = 1;

    std::uint16_t worker = 0, workers = 1;
    BootId boot{};
    HashKey key;  // of every checksum in the file: what an older file left in a page is not taken for ours

    void write(ByteSpan page) const noexcept;
    enum class Bad : std::uint8_t { NoJournal, OtherLayout, Damaged };
    /// `page` has at least kSize bytes.
    static std::optional<JournalHeader> read(ByteView page, Bad& why) noexcept;
};

/// The journal behind its header: blocks of one size, two to a pair, numbered from kFirst on.
///
/// A record is a pair, whose halves are its two alternating copies. The newer one is the one with the higher
/// stamp; a copy that a process died over has a wrong checksum, and the other one is whole. A credential
/// is one block. What does not fit goes on in more blocks, which carry the stamp of the first.
///
/// Shape  checksum(8) stamp(8) next(4) kind(1) size(1); a record's first block goes on with credential(4)
///        credential-stamp(4) written-at(8); payload(size)
namespace blocks {

constexpr std::size_t kSize = 192;
constexpr std::uint32_t kFirst = 2;  // so that a pair begins at an even one, and 0 is none
constexpr std::size_t kPerChunk = 1024;
constexpr std::size_t kChunk = kPerChunk * kSize;
static_assert(kChunk % 4096 == 0, "a file grows by whole pages");

enum class Kind : std::uint8_t { Free = 0, Record = 1, Credential = 2, More = 3 };

constexpr std::size_t kHead = 22, kRecordHead = kHead + 16;

struct Head {
    std::uint64_t stamp = 0;  // of the writing that made it; no two in a file are the same
    std::uint32_t next = 0;
    Kind kind = Kind::Free;
    // of a record's first block
    std::uint32_t credential = 0, credential_stamp = 0;
    Instant written_at{};

    static constexpr std::size_t size(Kind kind) noexcept { return kind == Kind::Record ? kRecordHead : kHead; }
};
constexpr std::size_t payload_max(Kind kind) noexcept { return kSize - Head::size(kind); }

/// Where a block begins in the file.
constexpr std::size_t offset(std::uint32_t block) noexcept {
    return JournalHeader::kSize + std::size_t{block - kFirst} * kSize;
}
constexpr std::uint32_t partner(std::uint32_t block) noexcept { return block ^ 1; }

/// Writes a block whose checksum is wrong until all else is there, however the writing ends.
void write(ByteSpan block, std::uint32_t number, const HashKey& key, const Head& head, ByteView payload) noexcept;
/// Overwrites it.
void wipe(ByteSpan block) noexcept;

bool is_free(ByteView block) noexcept;
/// What it says of itself, true or not.
Kind kind_of(ByteView block) noexcept;
/// 0 of a free one.
std::uint64_t stamp_of(ByteView block) noexcept;
/// Nothing when the checksum is wrong.
std::optional<Head> read(ByteView block, std::uint32_t number, const HashKey& key, ByteView& payload) noexcept;

}  // namespace blocks
}  // namespace turnpike::net
