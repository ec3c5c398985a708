#include "turn/net/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace turnpike::net {
namespace {

constexpr std::string_view kName = "journal.";

std::unexpected<std::string> failed(const std::string& what, const std::filesystem::path& path) {
    return std::unexpected{"cannot " + what + " " + path.string() + ": " + std::strerror(errno)};
}

// Pages that are there before anybody touches them: a full file system says so here, and not by SIGBUS.
bool reserve(int fd, std::size_t from, std::size_t size) noexcept {
    if (::fallocate(fd, 0, static_cast<off_t>(from), static_cast<off_t>(size)) == 0) return true;
    if (errno != EOPNOTSUPP) return false;
    static constexpr std::array<std::uint8_t, 65'536> kZeros{};
    for (std::size_t done = 0; done < size;) {
        const auto wrote = ::pwrite(fd, kZeros.data(), std::min(kZeros.size(), size - done), static_cast<off_t>(from + done));
        if (wrote <= 0) return false;
        done += static_cast<std::size_t>(wrote);
    }
    return true;
}

}  // namespace

std::filesystem::path Journal::file_of(const std::filesystem::path& directory, unsigned worker) {
    return directory / (std::string{kName} + std::to_string(worker));
}

void Journal::remove_from(const std::filesystem::path& directory, unsigned first) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator{directory, ignored}) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(kName)) continue;
        unsigned worker = 0;
        const char* const end = name.data() + name.size();
        const auto [parsed, error] = std::from_chars(name.data() + kName.size(), end, worker);
        if (error == std::errc{} && parsed == end && worker >= first) ::unlink(entry.path().c_str());
    }
}

std::expected<std::unique_ptr<Journal>, std::string> Journal::create(Setup setup) {
    std::unique_ptr<Journal> journal{new Journal{std::move(setup)}};
    if (auto opened = journal->open(); !opened) return std::unexpected{opened.error()};
    return journal;
}

std::expected<void, std::string> Journal::open() {
    const std::filesystem::path path = file_of(setup_.directory, setup_.worker);
    // A file of our own, whatever had the name.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove the old", path);
    fd_ = FileDescriptor{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd_) return failed("make", path);
    path_ = path;
    if (::fchmod(fd_.get(), 0600) != 0) return failed("set the mode of", path);
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) return failed("lock", path);
    if (auto grown = grow(); !grown) return grown;
    const JournalHeader header{static_cast<std::uint16_t>(setup_.worker), static_cast<std::uint16_t>(setup_.workers),
                               setup_.boot, setup_.key};
    header.write({map_, JournalHeader::kSize});
    return {};
}

Journal::~Journal() {
    if (on() && records_ > 0) path_.clear();  // it stays
    close();
}

void Journal::close() noexcept {
    if (map_ != nullptr) ::munmap(map_, size_);
    map_ = nullptr;
    size_ = 0;
    if (fd_ && !path_.empty()) ::unlink(path_.c_str());
    fd_.reset();
}

std::expected<void, std::string> Journal::grow() {
    const std::size_t wanted = size_ == 0 ? JournalHeader::kSize + blocks::kChunk : size_ + blocks::kChunk;
    if (!reserve(fd_.get(), size_, wanted - size_)) return failed("enlarge", path_);
    void* const map = size_ == 0 ? ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0)
                                 : ::mremap(map_, size_, wanted, MREMAP_MAYMOVE);
    if (map == MAP_FAILED) return failed("map", path_);
    map_ = static_cast<std::uint8_t*>(map);
    size_ = wanted;
    end_ += blocks::kPerChunk;
    return {};
}

void Journal::go_off(const std::string& why) {
    close();
    records_ = 0;
    free_pairs_ = free_singles_ = {};
    more_ = {};
    if (setup_.off) setup_.off(why);
}

std::uint32_t Journal::take_pair() {
    if (!free_pairs_.empty()) {
        const std::uint32_t pair = free_pairs_.back();
        free_pairs_.pop_back();
        return pair;
    }
    if (next_ == end_) {
        if (auto grown = grow(); !grown) {
            go_off(grown.error());
            return 0;
        }
    }
    next_ += 2;
    return next_ - 2;
}

std::uint32_t Journal::take_single() {
    if (free_singles_.empty()) {
        const std::uint32_t pair = take_pair();
        if (pair == 0) return 0;
        free_singles_.push_back(blocks::partner(pair));
        return pair;
    }
    const std::uint32_t single = free_singles_.back();
    free_singles_.pop_back();
    return single;
}

bool Journal::take_more(std::size_t bytes, std::vector<std::uint32_t>& blocks) {
    constexpr std::size_t kEach = blocks::payload_max(blocks::Kind::More);
    for (std::size_t n = (bytes + kEach - 1) / kEach; n > 0; --n) {
        const std::uint32_t block = take_single();
        if (block == 0) return false;
        blocks.push_back(block);
    }
    return true;
}

// From behind: nothing names a block that is not written.
void Journal::write(std::uint32_t first, blocks::Head head, ByteView bytes, const std::vector<std::uint32_t>& more) {
    constexpr std::size_t kEach = blocks::payload_max(blocks::Kind::More);
    head.stamp = ++stamp_;
    const std::size_t here = std::min(bytes.size(), blocks::payload_max(head.kind));
    std::uint32_t next = 0;
    for (std::size_t i = more.size(); i-- > 0;) {
        const ByteView piece = bytes.subspan(here + i * kEach);
        blocks::Head behind;
        behind.kind = blocks::Kind::More;
        behind.stamp = head.stamp;
        behind.next = next;
        blocks::write(block(more[i]), more[i], setup_.key, behind, piece.first(std::min(piece.size(), kEach)));
        next = more[i];
    }
    head.next = next;
    blocks::write(block(first), first, setup_.key, head, bytes.first(here));
    if (!more.empty()) more_[first] = more;
}

void Journal::wipe(std::uint32_t first) {
    blocks::wipe(block(first));
    const auto found = more_.find(first);
    if (found == more_.end()) return;
    for (const std::uint32_t one : found->second) {
        blocks::wipe(block(one));
        free_singles_.push_back(one);
    }
    more_.erase(found);
}

core::RecordKeeper::Place Journal::keep_credential(ByteView credential) {
    if (!on()) return 0;
    const std::uint32_t first = take_single();
    taken_.clear();
    const std::size_t here = std::min(credential.size(), blocks::payload_max(blocks::Kind::Credential));
    if (first == 0 || !take_more(credential.size() - here, taken_)) return 0;
    blocks::Head head;
    head.kind = blocks::Kind::Credential;
    write(first, head, credential, taken_);
    return first;
}

void Journal::forget_credential(Place credential) {
    if (!on()) return;
    wipe(credential);
    free_singles_.push_back(credential);
}

core::RecordKeeper::Place Journal::keep(Place place, Place credential, ByteView allocation, Instant now) {
    if (!on() || credential == 0) return 0;
    const bool fresh = place == 0;
    if (fresh) place = take_pair();
    taken_.clear();
    const std::size_t here = std::min(allocation.size(), blocks::payload_max(blocks::Kind::Record));
    if (place == 0 || !take_more(allocation.size() - here, taken_)) return 0;
    // Over the older copy. A block that is free has the stamp 0.
    const std::uint32_t other = blocks::partner(place);
    const std::uint32_t older = blocks::stamp_of(block(place)) <= blocks::stamp_of(block(other)) ? place : other;
    if (!more_.empty() && more_.contains(older)) wipe(older);
    blocks::Head head;
    head.kind = blocks::Kind::Record;
    head.credential = credential;
    head.credential_stamp = static_cast<std::uint32_t>(blocks::stamp_of(block(credential)));
    head.written_at = now;
    write(older, head, allocation, taken_);
    if (fresh) ++records_;
    return place;
}

void Journal::forget(Place place) {
    if (!on()) return;
    const std::uint32_t other = blocks::partner(place);
    const bool newer = blocks::stamp_of(block(place)) > blocks::stamp_of(block(other));
    // The older one first, or it would be taken for the last word.
    wipe(newer ? other : place);
    wipe(newer ? place : other);
    free_pairs_.push_back(place);
    --records_;
}

}  // namespace turnpike::net
