#include <gtest/gtest.h>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/udp_socket.hpp"
#include "turn/stun/attributes.hpp"

// RFC 5780 over real sockets: answers leave from the socket that the core names, whichever worker
// answers.

namespace turnpike::net {
namespace {

using stun::Attribute;
using testing::Received;
using testing::TestRelay;
using testing::UdpEnd;

constexpr std::string_view kAddresses[] = {"127.0.0.1", "127.0.0.2"};

// A port that is free on both addresses at this moment.
std::uint16_t free_port() {
    for (;;) {
        const UdpEnd probe{std::string{kAddresses[0]}};
        if (open_udp({IpAddress::parse(kAddresses[1]).value(), probe.local().port}, {}))
            return probe.local().port;
    }
}

class DiscoveryTest : public ::testing::TestWithParam<unsigned> {
protected:
    DiscoveryTest() {
        setup_.workers = GetParam();
        core::Config::BehaviourDiscovery& discovery = setup_.core.behaviour_discovery;
        discovery.ports = {free_port(), free_port()};
        setup_.listen.clear();
        for (const std::string_view address : kAddresses) {
            discovery.addresses.push_back(IpAddress::parse(address).value());
            for (const std::uint16_t port : discovery.ports) {
                setup_.listen.emplace_back(Transport::Udp,
                                           std::string{address} + ":" + std::to_string(port));
            }
        }
    }

    std::optional<Received> ask(UdpEnd& from, UdpEnd& to, const Endpoint& server,
                                const std::function<void(stun::MessageBuilder&)>& attributes) {
        std::array<std::uint8_t, 4096> space{};
        stun::MessageBuilder request{space, stun::Class::Request, stun::Method::Binding,
                                     std::array<std::uint8_t, 12>{1}};
        attributes(request);
        from.send(request.bytes(), server);
        return to.receive();
    }

    TestRelay::Setup setup_;
};

INSTANTIATE_TEST_SUITE_P(Workers, DiscoveryTest, ::testing::Values(1U, 2U, 4U));

TEST_P(DiscoveryTest, AnswersLeaveFromTheSocketThatWasAskedFor) {
    TestRelay relay{setup_};
    // Several clients, so that each worker has some.
    for (int i = 0; i < 8; ++i) {
        UdpEnd client{"127.0.0.1"};
        for (std::size_t at = 0; at < 4; ++at) {
            for (const std::uint32_t flags : {0U, 2U, 4U, 6U}) {
                const auto answer = ask(client, client, relay.listener(at),
                                        [&](auto& m) { m.u32(Attribute::ChangeRequest, flags); });
                ASSERT_TRUE(answer);
                EXPECT_EQ(answer->from, relay.listener(at ^ (flags >> 1)));
                const auto view = stun::MessageView::parse(answer->bytes);
                ASSERT_TRUE(view);
                EXPECT_EQ(stun::decode_address(view->find(Attribute::ResponseOrigin).value()),
                          answer->from);
                EXPECT_EQ(stun::decode_address(view->find(Attribute::OtherAddress).value()),
                          relay.listener(at ^ 3));
            }
        }
    }
}

TEST_P(DiscoveryTest, AnswersGoToTheResponsePort) {
    TestRelay relay{setup_};
    UdpEnd client{"127.0.0.1"}, second{"127.0.0.1"};
    const auto answer = ask(client, second, relay.listener(),
                            [&](auto& m) { m.u16(Attribute::ResponsePort, second.local().port); });
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->from, relay.listener());
}

TEST_P(DiscoveryTest, PaddedAnswersAreAsLongAsTheRequest) {
    TestRelay relay{setup_};
    UdpEnd client{"127.0.0.1"};
    const auto answer = ask(client, client, relay.listener(3), [&](auto& m) {
        m.u32(Attribute::ChangeRequest, 6).bytes(Attribute::Padding, Bytes(1500, 'x'));
    });
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->from, relay.listener(0));
    EXPECT_GT(answer->bytes.size(), 1500U);
    EXPECT_LE(answer->bytes.size(), 20U + 8 + 4 + 1500);
}

}  // namespace
}  // namespace turnpike::net
