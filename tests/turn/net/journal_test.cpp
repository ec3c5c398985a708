#include "turn/net/journal.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "tests/support/temp_dir.hpp"

namespace turnpike::net {
namespace {

using core::AllocationRecord;
using core::CredentialView;
using core::RecordKeeper;

constexpr BootId kBoot = {1, 2, 3};
constexpr Instant kNow{5000s};

Endpoint at(std::string_view text) { return Endpoint::parse(text).value(); }

CredentialView credential(std::string_view username = "1700003600:r00mtag12345.p1") {
    static const Bytes md5(16, 0xAB), sha256(32, 0xCD);
    return {username, "r00mtag12345.p1", "turnpike", md5, sha256, 64, false, true};
}

AllocationRecord record(std::uint64_t id, std::uint32_t permissions = 1, std::uint32_t channels = 1) {
    AllocationRecord record;
    record.id.value = id;
    record.tuple = {at("192.0.2.1:40000"), at("192.0.2.100:3478"), Transport::Udp};
    record.relayed = {at("10.0.0.5:50000")};
    record.left = 600s;
    record.age = 5s;
    record.traffic = {1, 2, 3, id};
    for (std::uint32_t i = 0; i < permissions; ++i) record.permissions.push_back({IpAddress::v4(0x5DB80000 + i), 300s});
    for (std::uint32_t i = 0; i < channels; ++i) {
        record.channels.push_back({static_cast<std::uint16_t>(0x4000 + i), {IpAddress::v4(0x5DB80000 + i), 7}, 600s});
    }
    return record;
}

/// A journal in a directory of its own.
struct JournalTest : ::testing::Test {
    JournalTest() { open(); }
    void open(unsigned worker = 0, unsigned workers = 1) {
        journal.reset();
        Journal::Setup setup{directory.path(), kBoot, worker, workers, {11, 12}, [this](const std::string& why) { offs.push_back(why); }};
        auto made = Journal::create(std::move(setup));
        ASSERT_TRUE(made) << made.error();
        journal = std::move(*made);
    }
    std::filesystem::path file() const { return Journal::file_of(directory.path(), 0); }
    Bytes bytes() const {
        std::ifstream in{file(), std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    RecordKeeper::Place keep_credential(const CredentialView& what = credential()) {
        return journal->keep_credential(core::encode_credential(what, space));
    }
    RecordKeeper::Place keep(RecordKeeper::Place place, RecordKeeper::Place holder, const AllocationRecord& what, Instant now = kNow) {
        return journal->keep(place, holder, what.encode_allocation(space), now);
    }
    static JournalReading read(ByteView file, Instant now = kNow) {
        auto reading = parse_journal(file, kBoot, 0, 1, now);
        if (!reading) {
            ADD_FAILURE() << reading.error();
            return {};
        }
        return std::move(*reading);
    }
    TempDir directory;
    std::vector<std::string> offs;
    Bytes space;
    std::unique_ptr<Journal> journal;
};

std::vector<std::uint64_t> ids(const JournalReading& reading) {
    std::vector<std::uint64_t> all;
    for (const KeptRecord& kept : reading.records) all.push_back(kept.record.id.value);
    std::ranges::sort(all);
    return all;
}

TEST_F(JournalTest, KeepsARecordWithItsCredential) {
    const auto holder = keep_credential();
    const auto place = keep(0, holder, record(17));
    ASSERT_NE(place, 0U);
    EXPECT_EQ(journal->records(), 1U);
    const JournalReading reading = read(bytes());
    ASSERT_EQ(reading.records.size(), 1U);
    AllocationRecord expected = record(17);
    expected.credential = core::CredentialRecord{credential()};
    EXPECT_EQ(reading.records[0].record.encode(), expected.encode());
    EXPECT_EQ(reading.records[0].written_at, kNow);
    EXPECT_EQ(reading.torn + reading.refused + reading.lost + reading.expired, 0U);
}

TEST_F(JournalTest, TimeGoesOnBetweenWritingAndReading) {
    AllocationRecord two = record(17, 2, 2);
    two.permissions[0].left = 10s;
    two.channels[1].left = 20s;
    keep(0, keep_credential(), two);
    const JournalReading later = read(bytes(), kNow + 20s);
    ASSERT_EQ(later.records.size(), 1U);
    const AllocationRecord& aged = later.records[0].record;
    EXPECT_EQ(aged.left, 580s);
    EXPECT_EQ(aged.age, 25s);
    ASSERT_EQ(aged.permissions.size(), 1U);
    EXPECT_EQ(aged.permissions[0].left, 280s);
    ASSERT_EQ(aged.channels.size(), 1U);
    EXPECT_EQ(aged.channels[0].left, 580s);

    EXPECT_EQ(read(bytes(), kNow + 600s).expired, 1U);
    EXPECT_EQ(read(bytes(), kNow - 1s).refused, 1U) << "written in the future";
}

TEST_F(JournalTest, TheLastWritingCounts) {
    const auto holder = keep_credential();
    auto place = keep(0, holder, record(1));
    for (std::uint32_t n = 2; n < 10; ++n) {
        place = keep(place, holder, record(1, n, n));
        const JournalReading reading = read(bytes());
        ASSERT_EQ(reading.records.size(), 1U);
        EXPECT_EQ(reading.records[0].record.permissions.size(), n);
        EXPECT_EQ(reading.torn, 0U);
    }
}

TEST_F(JournalTest, WhatIsForgottenIsGoneAndItsPlaceUsedAgain) {
    const auto holder = keep_credential();
    const auto first = keep(0, holder, record(1)), second = keep(0, holder, record(2));
    journal->forget(first);
    EXPECT_EQ(ids(read(bytes())), std::vector<std::uint64_t>{2});
    EXPECT_EQ(keep(0, holder, record(3)), first);
    journal->forget(second);
    journal->forget(first);
    journal->forget_credential(holder);
    EXPECT_EQ(journal->records(), 0U);
    const Bytes left = bytes();
    EXPECT_TRUE(std::all_of(left.begin() + JournalHeader::kSize, left.end(), [](std::uint8_t b) { return b == 0; })) << "keys stay";
}

TEST_F(JournalTest, GrowsByChunksAndNotForWhatChanges) {
    const auto holder = keep_credential();
    std::vector<RecordKeeper::Place> places;
    for (std::uint64_t i = 0; i < 2'000; ++i) places.push_back(keep(0, holder, record(i)));
    const std::size_t grown = journal->bytes();
    EXPECT_LE(grown, JournalHeader::kSize + 2'000 * 2 * blocks::kSize + 2 * blocks::kChunk);
    for (int round = 0; round < 5; ++round) {
        for (std::uint64_t i = 0; i < places.size(); ++i) {
            if ((i + static_cast<std::uint64_t>(round)) % 3 == 0) {
                journal->forget(places[i]);
                places[i] = 0;
            }
            places[i] = keep(places[i], holder, record(i, 20, 20));  // goes on in further blocks
        }
    }
    const auto once_more = [&] {
        for (std::uint64_t i = 0; i < places.size(); ++i) places[i] = keep(places[i], holder, record(i, 20, 20));
    };
    once_more();  // now both copies of each are as large
    const std::size_t full = journal->bytes();
    once_more();
    EXPECT_EQ(journal->bytes(), full);
    EXPECT_EQ(read(bytes()).records.size(), places.size());
    EXPECT_TRUE(offs.empty());
}

// A process may end between any two stores of a writing: the one before it, or it, is there whole.
TEST_F(JournalTest, AWritingThatWasCutShortLeavesTheOneBefore) {
    const auto holder = keep_credential();
    auto place = keep(0, holder, record(1, 1, 1));
    for (const std::uint32_t n : {2U, 60U, 3U, 70U, 71U}) {  // within a block, into more, and back
        const auto before_count = read(bytes()).records.at(0).record.permissions.size();
        const Bytes before = bytes();
        place = keep(place, holder, record(1, n, n));
        const Bytes after = bytes();
        ASSERT_EQ(before.size(), after.size());
        std::vector<std::size_t> changed;
        for (std::size_t i = 0; i < after.size(); ++i) {
            if (before[i] != after[i]) changed.push_back(i);
        }
        ASSERT_GT(changed.size(), 8U);
        for (const bool from_front : {true, false}) {
            Bytes torn = before;
            for (std::size_t i = 0; i < changed.size(); ++i) {
                const std::size_t at = from_front ? changed[i] : changed[changed.size() - 1 - i];
                torn[at] = after[at];
                const JournalReading reading = read(torn);
                ASSERT_EQ(reading.records.size(), 1U) << n << " " << i;
                const auto& kept = reading.records[0].record;
                const auto count = kept.permissions.size();
                ASSERT_TRUE(count == before_count || count == n) << count;
                ASSERT_EQ(kept.channels.size(), count);
            }
        }
    }
}

// The first writing of a record has none before it: it is there or not.
TEST_F(JournalTest, AFirstWritingThatWasCutShortIsNoRecord) {
    const auto holder = keep_credential();
    const Bytes before = bytes();
    keep(0, holder, record(1, 30, 30));
    const Bytes after = bytes();
    Bytes torn = before;
    std::size_t seen = 0;
    for (std::size_t i = 0; i < after.size(); ++i) {
        if (torn[i] == after[i]) continue;
        torn[i] = after[i];
        const JournalReading reading = read(torn);
        ASSERT_LE(reading.records.size(), 1U);
        if (reading.records.empty()) continue;
        ++seen;
        ASSERT_EQ(reading.records[0].record.channels.size(), 30U);
    }
    EXPECT_EQ(seen, 1U) << "whole with its last byte";
}

// Every bit of a file may be wrong: the other copy is taken, or the record is counted as lost.
TEST_F(JournalTest, AFlippedBitCostsNoOtherRecord) {
    const auto holder = keep_credential();
    for (std::uint64_t id = 1; id <= 3; ++id) {
        const auto place = keep(0, holder, record(id, 12, 12));
        keep(place, holder, record(id, 12, 12));
    }
    const Bytes whole = bytes();
    const std::size_t used = JournalHeader::kSize + 24 * blocks::kSize;
    for (std::size_t at = JournalHeader::kSize; at < used; ++at) {
        Bytes flipped = whole;
        flipped[at] ^= 0x10;
        const JournalReading reading = read(flipped);
        const bool of_credential = at < JournalHeader::kSize + blocks::kSize;
        ASSERT_EQ(reading.records.size(), of_credential && reading.records.empty() ? 0U : 3U) << at;
    }
}

// The name of a credential's block is not enough: another one may be there by now.
TEST_F(JournalTest, ARecordIsNotTakenWithAnothersCredential) {
    const auto first = keep_credential(credential("alice"));
    const auto place = keep(0, first, record(1));
    const Bytes with_alice = bytes();
    journal->forget_credential(first);
    const auto second = keep_credential(credential("bob"));
    ASSERT_EQ(first, second) << "the block is used again";
    const JournalReading reading = read(bytes());
    EXPECT_TRUE(reading.records.empty());
    EXPECT_EQ(reading.refused, 1U);
    EXPECT_EQ(reading.lost, 1U);
    keep(place, second, record(1));
    ASSERT_EQ(read(bytes()).records.size(), 1U);
    EXPECT_EQ(read(bytes()).records[0].record.credential.username, "bob");
    EXPECT_EQ(read(with_alice).records.at(0).record.credential.username, "alice");
}

TEST_F(JournalTest, KeepsTheLongestNamesAndListsThatACoreHas) {
    const std::string longest(763, 'u');
    CredentialView long_one = credential(longest);
    long_one.subject = long_one.realm = longest;
    const auto holder = keep_credential(long_one);
    keep(0, holder, record(1, 256, 256));
    const JournalReading reading = read(bytes());
    ASSERT_EQ(reading.records.size(), 1U);
    EXPECT_EQ(reading.records[0].record.credential.subject, longest);
    EXPECT_EQ(reading.records[0].record.permissions.size(), 256U);
    EXPECT_EQ(reading.records[0].record.channels.size(), 256U);
}

TEST_F(JournalTest, AgreesWithAModelWhateverIsKeptAndForgotten) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    const auto below = [&](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
    struct Kept {
        RecordKeeper::Place place, holder;
        std::uint32_t permissions;
    };
    std::map<std::uint64_t, Kept> model;
    std::vector<RecordKeeper::Place> holders;
    std::uint64_t next = 1;
    for (int step = 0; step < 3'000; ++step) {
        if (holders.empty() || below(20) == 0) holders.push_back(keep_credential());
        const std::uint32_t many = below(4) == 0 ? below(100) : below(4);
        if (model.empty() || below(3) == 0) {
            const auto holder = holders[below(static_cast<std::uint32_t>(holders.size()))];
            model[next] = {keep(0, holder, record(next, many, many)), holder, many};
            ++next;
        } else {
            const auto one = std::next(model.begin(), below(static_cast<std::uint32_t>(model.size())));
            if (below(3) == 0) {
                journal->forget(one->second.place);
                model.erase(one);
            } else {
                one->second.place = keep(one->second.place, one->second.holder, record(one->first, many, many));
                one->second.permissions = many;
            }
        }
        if (step % 50 != 0) continue;
        const JournalReading reading = read(bytes());
        ASSERT_EQ(reading.records.size(), model.size());
        ASSERT_EQ(reading.torn + reading.refused + reading.lost, 0U);
        for (const KeptRecord& kept : reading.records) {
            ASSERT_EQ(kept.record.permissions.size(), model.at(kept.record.id.value).permissions);
        }
    }
    EXPECT_EQ(journal->records(), model.size());
}

// ---- the file ----

TEST_F(JournalTest, NobodyElseMayReadTheFile) {
    struct stat status {};
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    EXPECT_EQ(status.st_nlink, 1U);
}

TEST_F(JournalTest, WhatHadTheNameBeforeIsLeftAlone) {
    journal.reset();
    const auto precious = directory.write("precious", "precious");
    std::filesystem::create_symlink(precious, file());
    open();
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(file())));
    EXPECT_EQ(std::filesystem::file_size(precious), 8U);
}

TEST_F(JournalTest, WithoutARecordTheFileGoesWithItsJournal) {
    const auto holder = keep_credential();
    const auto place = keep(0, holder, record(1));
    journal.reset();
    EXPECT_TRUE(std::filesystem::exists(file())) << "the record outlasts it";
    open();
    EXPECT_TRUE(read(bytes()).records.empty()) << "a new journal begins anew";
    const auto again = keep(0, keep_credential(), record(1));
    EXPECT_EQ(again, place);
    journal->forget(again);
    journal.reset();
    EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(JournalTest, FilesOfFormerWorkersAreRemoved) {
    directory.write("journal.1", "x");
    directory.write("journal.12", "x");
    directory.write("journal.1x", "x");
    directory.write("journal", "x");
    Journal::remove_from(directory.path(), 1);
    EXPECT_TRUE(std::filesystem::exists(file()));
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "journal.1"));
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "journal.12"));
    EXPECT_TRUE(std::filesystem::exists(directory.path() / "journal.1x"));
    EXPECT_TRUE(std::filesystem::exists(directory.path() / "journal"));
}

// A file system that is full: here the process's own limit on the size of files says so.
TEST_F(JournalTest, WhereThereIsNoRoomItGoesOffAndItsFileAway) {
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    rlimit usual{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
    rlimit small = usual;
    small.rlim_cur = JournalHeader::kSize + 2 * blocks::kChunk;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto holder = keep_credential();
    std::size_t kept = 0;
    RecordKeeper::Place last = 0;
    for (std::uint64_t id = 1; id <= 2'000; ++id) {
        const auto place = keep(0, holder, record(id));
        if (place == 0) continue;
        ++kept;
        last = place;
    }
    ::setrlimit(RLIMIT_FSIZE, &usual);
    std::signal(SIGXFSZ, before);

    EXPECT_EQ(kept, 2 * blocks::kPerChunk / 2 - 1);
    ASSERT_EQ(offs.size(), 1U);
    EXPECT_NE(offs[0].find("cannot enlarge"), std::string::npos) << offs[0];
    EXPECT_FALSE(std::filesystem::exists(file()));
    EXPECT_FALSE(journal->on());
    EXPECT_EQ(journal->records() + journal->bytes(), 0U);
    // Nothing is kept any more, and nothing happens.
    EXPECT_EQ(keep(last, holder, record(1)), 0U);
    EXPECT_EQ(keep_credential(), 0U);
    journal->forget(last);
    journal->forget_credential(holder);
    EXPECT_EQ(offs.size(), 1U);
}

TEST_F(JournalTest, SaysWhyItCannotBeMade) {
    Journal::Setup setup{directory.path() / "missing", kBoot, 0, 1, {1, 2}, {}};
    const auto made = Journal::create(std::move(setup));
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().find("missing/journal.0"), std::string::npos) << made.error();
}

// ---- reading ----

struct JournalReadingTest : JournalTest {
    JournalReadingTest() {
        keep(0, keep_credential(), record(1));
        journal.reset();
    }
    std::string refusal(unsigned workers = 1, BootId boot = kBoot) const {
        const auto reading = read_journals(directory.path(), boot, workers, kNow);
        return reading ? "" : reading.error();
    }
    void put(const Bytes& content) {
        std::ofstream{file(), std::ios::binary}.write(reinterpret_cast<const char*>(content.data()),
                                                      static_cast<std::streamsize>(content.size()));
    }
};

TEST_F(JournalReadingTest, ReadsWhatAnEndedProcessLeft) {
    const auto reading = read_journals(directory.path(), kBoot, 1, kNow);
    ASSERT_TRUE(reading) << reading.error();
    EXPECT_EQ(ids(*reading), std::vector<std::uint64_t>{1});
}

TEST_F(JournalReadingTest, SaysWhyAFileIsNoneOfIts) {
    const auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << text;
    };
    EXPECT_TRUE(has(refusal(1, BootId{9}), "is of another boot"));
    EXPECT_TRUE(has(refusal(2), "is of a relay with 1 workers, and this one has 2"));
    const Bytes good = bytes();
    Bytes other = good;
    store_u32(other, 8, JournalHeader::kLayout + 1);
    put(other);
    EXPECT_TRUE(has(refusal(), "is of another version"));
    other = good;
    other[0] = 'X';
    put(other);
    EXPECT_TRUE(has(refusal(), "is no journal"));
    other = good;
    other[20] ^= 1;
    put(other);
    EXPECT_TRUE(has(refusal(), "damaged header"));
    std::filesystem::resize_file(file(), 100);
    EXPECT_TRUE(has(refusal(), "too short"));
    std::filesystem::remove(file());
    EXPECT_TRUE(has(refusal(), "No such file"));
}

TEST_F(JournalReadingTest, TakesNoFileThatAnotherMayHaveMade) {
    std::filesystem::permissions(file(), std::filesystem::perms{0640});
    EXPECT_NE(refusal().find("by others"), std::string::npos) << refusal();
    std::filesystem::permissions(file(), std::filesystem::perms{0600});
    std::filesystem::create_hard_link(file(), directory.path() / "link");
    EXPECT_NE(refusal().find("another name"), std::string::npos) << refusal();
    std::filesystem::remove(directory.path() / "link");
    std::filesystem::rename(file(), directory.path() / "elsewhere");
    std::filesystem::create_symlink("elsewhere", file());
    EXPECT_NE(refusal().find("cannot be opened"), std::string::npos) << refusal();
    std::filesystem::remove(file());
    std::filesystem::create_directory(file());
    EXPECT_NE(refusal().find("is no file"), std::string::npos) << refusal();
}

TEST_F(JournalReadingTest, TakesNoFileOfAProcessThatLives) {
    open();
    EXPECT_NE(refusal().find("process that lives"), std::string::npos) << refusal();
}

// An allocation that was on its way between two workers is in both files; the later word counts.
TEST_F(JournalReadingTest, ARecordOfTwoWorkersCountsOnce) {
    open(0, 2);
    keep(0, keep_credential(), record(7, 1, 1), kNow - 2s);
    keep(0, keep_credential(), record(8, 1, 1));
    journal.reset();  // its file stays
    open(1, 2);
    keep(0, keep_credential(), record(7, 2, 2), kNow - 1s);
    journal.reset();
    const auto reading = read_journals(directory.path(), kBoot, 2, kNow);
    ASSERT_TRUE(reading) << reading.error();
    EXPECT_EQ(ids(*reading), (std::vector<std::uint64_t>{7, 8}));
    EXPECT_EQ(reading->records[0].record.permissions.size(), 2U);
}

TEST_F(JournalReadingTest, EveryTruncationIsReadAsFarAsItGoes) {
    const Bytes whole = bytes();
    for (std::size_t size = JournalHeader::kSize; size < JournalHeader::kSize + 8 * blocks::kSize; ++size) {
        const auto reading = parse_journal(ByteView{whole}.first(size), kBoot, 0, 1, kNow);
        ASSERT_TRUE(reading);
        EXPECT_LE(reading->records.size(), 1U);
    }
}

// Blocks whose checksums are right may still go round in circles, or name what is not there.
TEST_F(JournalReadingTest, ChainsThatLeadNowhereAreRefused) {
    const Bytes whole = bytes();
    const auto with = [&](std::uint32_t next) {
        Bytes made = whole;
        blocks::Head head;
        head.kind = blocks::Kind::Record;
        head.stamp = 100;
        head.next = next;
        head.credential = blocks::kFirst;
        head.credential_stamp = 1;
        blocks::write(ByteSpan{made}.subspan(blocks::offset(6), blocks::kSize), 6, {11, 12}, head, Bytes(10));
        blocks::Head more;
        more.kind = blocks::Kind::More;
        more.stamp = 100;
        more.next = 8;  // itself
        blocks::write(ByteSpan{made}.subspan(blocks::offset(8), blocks::kSize), 8, {11, 12}, more, Bytes(10));
        return read(made);
    };
    for (const std::uint32_t next : {8U, 6U, 1U, 7U, 2U, 0xFFFFFFFFU, 1026U}) {
        const JournalReading reading = with(next);
        EXPECT_EQ(reading.records.size(), 1U) << next;
        EXPECT_EQ(reading.lost, 1U) << next;
    }
}

TEST(JournalBoot, TheKernelTellsTheBoot) {
    const auto boot = this_boot();
    ASSERT_TRUE(boot);
    EXPECT_EQ(this_boot(), boot);
    EXPECT_NE(*boot, BootId{});
}

}  // namespace
}  // namespace turnpike::net
