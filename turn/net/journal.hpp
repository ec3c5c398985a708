#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "turn/core/allocation_record.hpp"
#include "turn/core/record_keeper.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/journal_blocks.hpp"

namespace turnpike::net {

/// The records of one worker's live allocations in a mapped file, so that they outlast the process: what
/// a kill leaves is whole, since every writing goes beside the last one (journal_blocks.hpp).
///
/// The file has mode 0600, for there are keys in it, and a lock while its worker lives. It grows by chunks whose
/// pages are reserved before they are touched; where there is no room the journal goes off and its file
/// away: a part of the records would be worse than none. A journal that ends without records takes its file along.
///
/// Threading  the owning worker
/// Source     DESIGN 4.3
class Journal final : public core::RecordKeeper {
public:
    struct Setup {
        std::filesystem::path directory;  // of this user, mode 0700
        BootId boot{};
        unsigned worker = 0, workers = 1;
        HashKey key;                      // drawn at random
        std::function<void(const std::string& why)> off;  // on the worker's thread, once: be quick
    };

    /// Makes the file anew, whatever was there. One sentence when not.
    static std::expected<std::unique_ptr<Journal>, std::string> create(Setup setup);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    static std::filesystem::path file_of(const std::filesystem::path& directory, unsigned worker);
    /// Removes the files of workers from `first` on: of a former process that had more, or a journal.
    static void remove_from(const std::filesystem::path& directory, unsigned first);

    Place keep_credential(ByteView credential) override;
    void forget_credential(Place credential) override;
    Place keep(Place place, Place credential, ByteView allocation, Instant now) override;
    void forget(Place place) override;

    bool on() const noexcept { return map_ != nullptr; }
    std::size_t records() const noexcept { return records_; }
    /// Of the file, all of them reserved.
    std::size_t bytes() const noexcept { return size_; }

private:
    explicit Journal(Setup setup) : setup_(std::move(setup)) {}

    std::expected<void, std::string> open();
    std::expected<void, std::string> grow();
    /// A block of a pair, or a single one; 0 when the journal went off instead.
    std::uint32_t take_pair();
    std::uint32_t take_single();
    /// Blocks for what does not fit into the first; false when the journal went off.
    bool take_more(std::size_t bytes, std::vector<std::uint32_t>& blocks);
    void write(std::uint32_t first, blocks::Head head, ByteView bytes, const std::vector<std::uint32_t>& more);
    /// Wipes a block and what it goes on in, which is free again.
    void wipe(std::uint32_t first);
    void go_off(const std::string& why);
    void close() noexcept;
    ByteSpan block(std::uint32_t number) const noexcept { return {map_ + blocks::offset(number), blocks::kSize}; }

    Setup setup_;
    std::filesystem::path path_;
    FileDescriptor fd_;
    std::uint8_t* map_ = nullptr;
    std::size_t size_ = 0;
    std::uint32_t next_ = blocks::kFirst, end_ = blocks::kFirst;  // blocks from next_ on were never used
    std::vector<std::uint32_t> free_pairs_, free_singles_;
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> more_;  // by first block
    std::vector<std::uint32_t> taken_;  // used again for each
    std::uint64_t stamp_ = 0;
    std::size_t records_ = 0;
};

struct KeptRecord {
    core::AllocationRecord record;  // durations as of the time of reading
    Instant written_at{};
};

/// What journals had.
struct JournalReading {
    std::vector<KeptRecord> records;
    std::size_t torn = 0;     // blocks with a wrong checksum: a process died over them, or they were damaged
    std::size_t refused = 0;  // copies that are whole and yet no record
    std::size_t lost = 0;     // records without a good copy; one that was about to be written first may be among them
    std::size_t expired = 0;  // records whose time is over
};

/// Reads the bytes of a journal, which may say anything. The sentence of a refusal goes on after the file's name:
/// "is of another boot of this machine".
///
/// `now` is of the boot that `boot` names.
std::expected<JournalReading, std::string> parse_journal(ByteView file, const BootId& boot, unsigned worker,
                                                         unsigned workers, Instant now);

/// Reads a node's journals, one for each of `workers`. A record that two of them have, since its allocation was on its
/// way between two workers, counts once.
///
/// Errors  one sentence that names the file: it is missing, of another boot, layout or count of workers; no file of
///         this user alone (mode, owner, a link); or a living process has it
std::expected<JournalReading, std::string> read_journals(const std::filesystem::path& directory, const BootId& boot,
                                                         unsigned workers, Instant now);

/// The machine's boot; nothing where the kernel does not tell.
std::optional<BootId> this_boot();

}  // namespace turnpike::net
