#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <thread>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/datagram_reader.hpp"
#include "turn/net/transmit_queue.hpp"
#include "turn/stun/channel_data.hpp"

// Datagrams of one flow that come together, as video does, are received and sent together (UDP_GRO, UDP_SEGMENT).
namespace turnpike::net {
namespace {

using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

/// Several datagrams of `size` bytes in one call; the last may be shorter.
bool send_burst(int fd, ByteView bytes, std::uint16_t size, const Endpoint& to) {
    sockaddr_storage name{};
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof size)> control{};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = to.to(name);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof size);
    std::memcpy(CMSG_DATA(c), &size, sizeof size);
    return ::sendmsg(fd, &message, 0) == static_cast<ssize_t>(bytes.size());
}

std::string payload_of(int number, std::size_t size) {
    std::string text = std::to_string(number) + ":";
    text.resize(size, static_cast<char>('a' + number % 26));
    return text;
}

constexpr int kBurst = 10;
constexpr std::size_t kSize = 1'200, kLastSize = 77;
std::size_t size_of(int number) { return number == kBurst - 1 ? kLastSize : kSize; }

struct Call {
    TestRelay relay;
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer;
    Endpoint relayed = client.allocate(Family::V4).value();

    bool open() { return client.bind_channel(0x4000, peer.local()); }
};

TEST(BurstTest, ToAPeerEachDatagramIsItsOwn) {
    Call call;
    ASSERT_TRUE(call.open());
    Bytes burst;
    for (int i = 0; i < kBurst; ++i) {
        const std::string payload = payload_of(i, size_of(i));
        std::array<std::uint8_t, 4> header{};
        stun::write_channel_data_header(header, stun::ChannelNumber::from_wire(0x4000, stun::ChannelRange::Rfc8656).value(), payload.size());
        burst.insert(burst.end(), header.begin(), header.end());
        burst.insert(burst.end(), payload.begin(), payload.end());
    }
    ASSERT_TRUE(send_burst(call.client.fd(), burst, kSize + 4, call.client.server()));
    for (int i = 0; i < kBurst; ++i) {
        const auto got = call.peer.receive();
        ASSERT_TRUE(got) << i;
        EXPECT_EQ(payload_of(i, size_of(i)), as_text(got->bytes));
        EXPECT_EQ(call.relayed, got->from);
    }
    EXPECT_EQ(static_cast<std::uint64_t>(kBurst), call.relay.pool->snapshot().counters.traffic.packets_to_peer);
}

TEST(BurstTest, ToAClientEachDatagramIsItsOwnAndTheyLeaveTogether) {
    for (const bool channel : {true, false}) {
        Call call;
        ASSERT_TRUE(channel ? call.open() : call.client.permit(call.peer.local()));
        Bytes burst;
        for (int i = 0; i < kBurst; ++i) {
            const std::string payload = payload_of(i, size_of(i));
            burst.insert(burst.end(), payload.begin(), payload.end());
        }
        ASSERT_TRUE(send_burst(call.peer.fd(), burst, kSize, call.relayed));
        for (int i = 0; i < kBurst; ++i) {
            const auto got = call.client.receive();
            ASSERT_TRUE(got) << i;
            EXPECT_EQ(channel, got->is_channel_data());
            EXPECT_EQ(payload_of(i, size_of(i)), got->data());
        }

        // Who takes them together gets them together: the relay did not cut them up.
        const int on = 1;
        ASSERT_EQ(0, ::setsockopt(call.client.fd(), SOL_UDP, UDP_GRO, &on, sizeof on));
        ASSERT_TRUE(send_burst(call.peer.fd(), burst, kSize, call.relayed));
        const auto together = call.client.receive();
        ASSERT_TRUE(together);
        EXPECT_GT(together->bytes.size(), 5 * kSize);
    }
}

TEST(BurstTest, BetweenTwoRelayedAddresses) {
    TestRelay relay;
    TestClient a{Transport::Udp, relay.listener()}, b{Transport::Udp, relay.listener()};
    const auto relayed_a = a.allocate(Family::V4), relayed_b = b.allocate(Family::V4);
    ASSERT_TRUE(relayed_a && relayed_b);
    ASSERT_TRUE(a.bind_channel(0x4000, *relayed_b));
    ASSERT_TRUE(b.permit(*relayed_a));  // Data indications, longer in front than what came
    Bytes burst;
    for (int i = 0; i < kBurst; ++i) {
        const std::string payload = payload_of(i, kSize);
        std::array<std::uint8_t, 4> header{};
        stun::write_channel_data_header(header, stun::ChannelNumber::from_wire(0x4000, stun::ChannelRange::Rfc8656).value(), payload.size());
        burst.insert(burst.end(), header.begin(), header.end());
        burst.insert(burst.end(), payload.begin(), payload.end());
    }
    ASSERT_TRUE(send_burst(a.fd(), burst, kSize + 4, a.server()));
    for (int i = 0; i < kBurst; ++i) {
        const auto got = b.receive();
        ASSERT_TRUE(got) << i;
        EXPECT_EQ(payload_of(i, kSize), got->data());
    }
}

// ---- the queue alone ----

Outgoing datagram(ByteView payload) { return {.payload = payload}; }

std::vector<Bytes> receive_all(UdpEnd& end, std::size_t count) {
    std::vector<Bytes> all;
    while (all.size() < count) {
        const auto got = end.receive(500ms);
        if (!got) break;
        all.push_back(got->bytes);
    }
    return all;
}

TEST(TransmitQueueTest, KeepsOrderSizesAndDestinations) {
    UdpEnd one, other;
    auto socket = open_udp(Endpoint::parse("127.0.0.1:0").value(), {});
    ASSERT_TRUE(socket);
    TransmitQueue queue;
    // Runs of one size, a shorter end, a longer beginning, empty ones, and another destination or TTL between.
    const std::vector<std::size_t> sizes = {100, 100, 100, 40, 40, 100, 0, 0, 100, 1'400, 1'400, 1'401, 1'473, 1'473, 7};
    std::vector<Bytes> expected;
    Bytes zero(1'500);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const std::array<std::uint8_t, 2> header{static_cast<std::uint8_t>(i), 0xAB};
        Bytes whole(header.begin(), header.end());
        whole.insert(whole.end(), sizes[i], 0);
        whole.resize(whole.size() + i % 4);
        expected.push_back(whole);
        queue.enqueue(*socket, {header, ByteView{zero}.first(sizes[i]), i % 4}, one.local(), {.ttl = i % 5 == 0 ? 9 : 10}, {});
        queue.enqueue(*socket, datagram(ByteView{zero}.first(sizes[i])), other.local(), {}, {});
    }
    queue.flush();
    EXPECT_EQ(2 * sizes.size(), queue.sent);
    EXPECT_EQ(0U, queue.dropped);
    EXPECT_EQ(expected, receive_all(one, sizes.size()));
    const auto at_other = receive_all(other, sizes.size());
    ASSERT_EQ(sizes.size(), at_other.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(sizes[i], at_other[i].size());
}

TEST(TransmitQueueTest, SendsMoreThanFitsOneCall) {
    UdpEnd end;
    const int buffer = 4 << 20;
    ::setsockopt(end.fd(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    auto socket = open_udp(Endpoint::parse("127.0.0.1:0").value(), {});
    ASSERT_TRUE(socket);
    TransmitQueue queue;
    const Bytes payload(50);
    constexpr std::size_t kCount = 1'000;
    for (std::size_t i = 0; i < kCount; ++i) queue.enqueue(*socket, datagram(payload), end.local(), {}, {});
    queue.flush();
    EXPECT_EQ(kCount, queue.sent);
    EXPECT_EQ(kCount, receive_all(end, kCount).size());
}

// On a link whose datagrams are smaller than those that would go together, each goes alone, in fragments.
TEST(TransmitQueueTest, WhatTheLinkDoesNotTakeTogetherGoesSingly) {
    if (::geteuid() != 0) GTEST_SKIP() << "a network namespace needs root";
    std::thread inside{[] {
        ASSERT_EQ(0, ::unshare(CLONE_NEWNET));
        const FileDescriptor control{::socket(AF_INET, SOCK_DGRAM, 0)};
        ifreq loopback{};
        std::strcpy(loopback.ifr_name, "lo");
        loopback.ifr_mtu = 1'300;
        ASSERT_EQ(0, ::ioctl(control.get(), SIOCSIFMTU, &loopback));
        loopback.ifr_flags = IFF_UP;
        ASSERT_EQ(0, ::ioctl(control.get(), SIOCSIFFLAGS, &loopback));

        UdpEnd end{"127.0.0.1"};
        auto socket = open_udp(Endpoint::parse("127.0.0.1:0").value(), {});
        ASSERT_TRUE(socket);
        TransmitQueue queue;
        const Bytes payload(1'400, 7);
        for (int i = 0; i < 8; ++i) queue.enqueue(*socket, datagram(payload), end.local(), {}, {});
        queue.flush();
        EXPECT_EQ(8U, queue.sent);
        EXPECT_EQ(std::vector<Bytes>(8, payload), receive_all(end, 8));
    }};
    inside.join();
}

}  // namespace
}  // namespace turnpike::net
