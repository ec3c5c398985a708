#include "turn/net/mailbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace turnpike::net {
namespace {

TEST(MailboxTest, OpensEachSendersLettersInOrderAndLosesNone) {
    constexpr int kSenders = 4, kLetters = 20000;
    EventLoop loop;
    Mailbox mailbox;
    mailbox.attach(loop);
    std::vector<int> next(kSenders, 0);
    int opened = 0;
    bool in_order = true;
    std::vector<std::thread> senders;
    for (int s = 0; s < kSenders; ++s) {
        senders.emplace_back([&, s] {
            for (int i = 0; i < kLetters; ++i) {
                mailbox.post_task([&, s, i] {
                    in_order = in_order && next[static_cast<std::size_t>(s)] == i;
                    next[static_cast<std::size_t>(s)] = i + 1;
                    ++opened;
                });
            }
        });
    }

    while (opened < kSenders * kLetters) loop.turn();

    for (auto& sender : senders) sender.join();
    EXPECT_TRUE(in_order);
}

TEST(MailboxTest, OrderAgreesWithCausalityAcrossSenders) {
    EventLoop loop;
    Mailbox mailbox;
    mailbox.attach(loop);
    std::atomic<int> turn{0};
    int expected = 0;
    bool in_order = true;
    constexpr int kRounds = 2000;
    const auto sender = [&](int first) {
        for (int i = first; i < kRounds; i += 2) {
            while (turn.load(std::memory_order_acquire) != i) std::this_thread::yield();
            mailbox.post_task([&, i] {
                in_order = in_order && i == expected;
                expected = i + 1;
            });
            turn.store(i + 1, std::memory_order_release);
        }
    };
    std::thread even{sender, 0}, odd{sender, 1};

    while (expected < kRounds && in_order) loop.turn();

    even.join();
    odd.join();
    EXPECT_TRUE(in_order);
}

TEST(MailboxTest, LettersMayOwnWhatMovesOnly) {
    EventLoop loop;
    Mailbox mailbox;
    mailbox.attach(loop);
    int got = 0;
    mailbox.post_task([&, value = std::make_unique<int>(7)] { got = *value; });

    loop.turn();

    EXPECT_EQ(7, got);
}

TEST(MailboxTest, UnopenedLettersAreDestroyedWithIt) {
    const auto watched = std::make_shared<int>(1);
    {
        Mailbox mailbox;
        for (int i = 0; i < 3; ++i) mailbox.post_task([watched] {});
        EXPECT_EQ(4, watched.use_count());
    }
    EXPECT_EQ(1, watched.use_count());
}

TEST(MailboxTest, ALetterMayPostAnother) {
    EventLoop loop;
    Mailbox mailbox;
    mailbox.attach(loop);
    int count = 0;
    std::function<void()> again = [&] {
        if (++count < 2000) mailbox.post_task(again);
    };
    mailbox.post_task(again);

    while (count < 2000) loop.turn();

    EXPECT_EQ(2000, count);
}

}  // namespace
}  // namespace turnpike::net
