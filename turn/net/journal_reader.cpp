#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "turn/net/journal.hpp"

namespace turnpike::net {
namespace {

using core::AllocationRecord;
using core::CredentialRecord;

// Far more than a node has; what is larger is no journal of ours.
constexpr std::size_t kFileMax = std::size_t{1} << 30;
constexpr std::size_t kPayloadMax = 1 << 20;  // of one record

// The blocks of one file.
class Reading {
public:
    Reading(ByteView file, const JournalHeader& header, Instant now)
        : file_(file), key_(header.key), now_(now),
          end_(blocks::kFirst + static_cast<std::uint32_t>((file.size() - JournalHeader::kSize) / blocks::kSize)) {}

    JournalReading all() {
        for (std::uint32_t pair = blocks::kFirst; pair + 1 < end_; pair += 2) read_pair(pair);
        return std::move(result_);
    }

private:
    struct Block {
        blocks::Head head;
        ByteView payload;
    };
    struct Credential {
        std::uint32_t stamp = 0;
        std::optional<CredentialRecord> record;
    };

    ByteView bytes(std::uint32_t number) const noexcept { return file_.subspan(blocks::offset(number), blocks::kSize); }

    std::optional<Block> block(std::uint32_t number) const noexcept {
        if (number < blocks::kFirst || number >= end_) return {};
        Block block;
        const auto head = blocks::read(bytes(number), number, key_, block.payload);
        if (!head) return {};
        block.head = *head;
        return block;
    }

    void read_pair(std::uint32_t pair) {
        std::array<std::optional<Block>, 2> copies;
        bool claimed = false;  // by a record
        for (std::uint32_t i = 0; i < 2; ++i) {
            if (blocks::is_free(bytes(pair + i))) continue;
            copies[i] = block(pair + i);
            if (!copies[i]) {
                ++result_.torn;
                claimed = claimed || blocks::kind_of(bytes(pair + i)) == blocks::Kind::Record;
            } else if (copies[i]->head.kind != blocks::Kind::Record) {
                copies[i].reset();
            }
        }
        if (copies[0] && copies[1] && copies[0]->head.stamp < copies[1]->head.stamp) std::swap(copies[0], copies[1]);
        for (const auto& copy : copies) {
            if (!copy) continue;
            claimed = true;
            if (take(*copy)) return;
            ++result_.refused;
        }
        if (claimed) ++result_.lost;
    }

    // The bytes of a block and of those in which it goes on; nothing when one of them is not its own.
    std::optional<ByteView> whole(const Block& first) {
        if (first.head.next == 0) return first.payload;
        joined_.assign(first.payload.begin(), first.payload.end());
        for (std::uint32_t next = first.head.next; next != 0;) {
            const auto more = block(next);
            if (!more || more->head.kind != blocks::Kind::More || more->head.stamp != first.head.stamp ||
                joined_.size() + more->payload.size() > kPayloadMax || more->payload.empty() || !visit(next)) {
                return {};
            }
            joined_.insert(joined_.end(), more->payload.begin(), more->payload.end());
            next = more->head.next;
        }
        return ByteView{joined_};
    }

    // A block belongs to one record: no file makes us read it for many.
    bool visit(std::uint32_t number) {
        if (visited_.empty()) visited_.resize(end_);
        if (visited_[number]) return false;
        visited_[number] = true;
        return true;
    }

    const CredentialRecord* credential(std::uint32_t number, std::uint32_t stamp) {
        const auto [at, fresh] = credentials_.try_emplace(number);
        Credential& known = at->second;
        if (fresh) {
            const auto first = block(number);
            if (first && first->head.kind == blocks::Kind::Credential) {
                const auto all = whole(*first);
                auto decoded = all ? core::decode_credential(*all) : std::unexpected{AllocationRecord::DecodeError::BadValue};
                if (decoded) known.record = std::move(*decoded);
                known.stamp = static_cast<std::uint32_t>(first->head.stamp);
            }
        }
        return known.record && known.stamp == stamp ? &*known.record : nullptr;
    }

    bool take(const Block& copy) {
        const CredentialRecord* const holder = credential(copy.head.credential, copy.head.credential_stamp);
        const auto all = whole(copy);
        if (holder == nullptr || !all || copy.head.written_at > now_ || copy.head.written_at < Instant{}) return false;
        auto record = AllocationRecord::decode_allocation(*all);
        if (!record) return false;
        if (age(*record, std::chrono::duration_cast<Milliseconds>(now_ - copy.head.written_at))) {
            record->credential = *holder;
            result_.records.push_back({std::move(*record), copy.head.written_at});
        } else {
            ++result_.expired;
        }
        return true;
    }

    // What is left after that time; false when the allocation is over.
    static bool age(AllocationRecord& record, Milliseconds by) {
        const auto over = [by](auto& one) { return (one.left -= by) <= Milliseconds{0}; };
        record.age += by;
        if (over(record)) return false;
        if (record.authorized_left && (*record.authorized_left -= by) <= Milliseconds{0}) return false;
        std::erase_if(record.permissions, over);
        std::erase_if(record.channels, over);
        return true;
    }

    ByteView file_;
    HashKey key_;
    Instant now_;
    std::uint32_t end_;
    std::unordered_map<std::uint32_t, Credential> credentials_;  // by block
    std::vector<bool> visited_;
    Bytes joined_;
    JournalReading result_;
};

std::expected<JournalReading, std::string> read_one(const std::filesystem::path& path, const BootId& boot,
                                                    unsigned worker, unsigned workers, Instant now) {
    const auto refused = [&](const std::string& why) { return std::unexpected{"the journal " + path.string() + " " + why}; };
    const FileDescriptor fd{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) return refused("cannot be opened: " + std::string{std::strerror(errno)});
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return refused("is no file");
    if (status.st_uid != ::geteuid()) return refused("belongs to user " + std::to_string(status.st_uid));
    if ((status.st_mode & 077) != 0) return refused("may be read or written by others");
    if (status.st_nlink != 1) return refused("has another name too");
    if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return refused("is in use by a process that lives");
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size < JournalHeader::kSize) return refused("is too short");
    if (size > kFileMax) return refused("is too large");
    Bytes file(size);
    for (std::size_t at = 0; at < size;) {
        const auto got = ::pread(fd.get(), file.data() + at, size - at, static_cast<off_t>(at));
        if (got <= 0) return refused("cannot be read");
        at += static_cast<std::size_t>(got);
    }
    auto reading = parse_journal(file, boot, worker, workers, now);
    if (!reading) return refused(reading.error());
    return reading;
}

}  // namespace

std::expected<JournalReading, std::string> parse_journal(ByteView file, const BootId& boot, unsigned worker,
                                                         unsigned workers, Instant now) {
    if (file.size() < JournalHeader::kSize) return std::unexpected{"is too short"};
    if (file.size() > kFileMax) return std::unexpected{"is too large"};
    JournalHeader::Bad why{};
    const auto header = JournalHeader::read(file, why);
    if (!header) {
        switch (why) {
            case JournalHeader::Bad::NoJournal: return std::unexpected{"is no journal"};
            case JournalHeader::Bad::OtherLayout: return std::unexpected{"is of another version"};
            case JournalHeader::Bad::Damaged: return std::unexpected{"has a damaged header"};
        }
    }
    if (header->boot != boot) return std::unexpected{"is of another boot of this machine"};
    if (header->workers != workers) {
        return std::unexpected{"is of a relay with " + std::to_string(header->workers) + " workers, and this one has " +
                               std::to_string(workers)};
    }
    if (header->worker != worker) return std::unexpected{"is of worker " + std::to_string(header->worker)};
    return Reading{file, *header, now}.all();
}

std::expected<JournalReading, std::string> read_journals(const std::filesystem::path& directory, const BootId& boot,
                                                         unsigned workers, Instant now) {
    JournalReading total;
    for (unsigned worker = 0; worker < workers; ++worker) {
        auto one = read_one(Journal::file_of(directory, worker), boot, worker, workers, now);
        if (!one) return std::unexpected{one.error()};
        total.torn += one->torn;
        total.refused += one->refused;
        total.lost += one->lost;
        total.expired += one->expired;
        std::ranges::move(one->records, std::back_inserter(total.records));
    }
    // Of two, the one that was written later says how it went on.
    std::ranges::sort(total.records, [](const KeptRecord& a, const KeptRecord& b) {
        return std::pair{a.record.id, b.written_at} < std::pair{b.record.id, a.written_at};
    });
    const auto twice = std::ranges::unique(total.records, {}, [](const KeptRecord& r) { return r.record.id; });
    total.records.erase(twice.begin(), twice.end());
    return total;
}

std::optional<BootId> this_boot() {
    const FileDescriptor fd{::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)};
    std::array<char, 64> text{};
    const auto got = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
    BootId boot{};
    std::size_t digits = 0;
    for (std::ptrdiff_t i = 0; i < got && digits < 2 * boot.size(); ++i) {
        const char c = text[static_cast<std::size_t>(i)];
        const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value < 0) continue;
        boot[digits / 2] = static_cast<std::uint8_t>(boot[digits / 2] << 4 | value);
        ++digits;
    }
    if (digits != 2 * boot.size()) return {};
    return boot;
}

}  // namespace turnpike::net
