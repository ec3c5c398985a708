#include <filesystem>

#include "tests/admin/cli_fixture.hpp"

namespace turnpike::admin::test {
namespace {

using Status = CliTest;
using Nodes = CliTest;

TEST_F(Status, IsOneScreenOnATerminal) {
    const Outcome run = on_terminal({"status"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("1 relay, 1 signaling · 3 allocations · 1 room, 2 participants · all is well"));
    EXPECT_THAT(run.out, HasSubstr("up 1h1m"));
    EXPECT_THAT(run.out, HasSubstr("3 of 16384 in use"));
    EXPECT_THAT(run.out, HasSubstr("25 %"));
    EXPECT_THAT(run.out, HasSubstr("standup"));
    EXPECT_THAT(run.out, HasSubstr("Next  turnpike rooms show standup"));
    EXPECT_THAT(run.out, Not(HasSubstr("\x1b[")));  // no TERM, no colours
}

TEST_F(Status, HasColoursWhereTheTerminalHas) {
    environment_["TERM"] = "xterm";
    EXPECT_THAT(on_terminal({"status"}).out, HasSubstr("\x1b[32m"));
    EXPECT_THAT(on_terminal({"status", "--no-color"}).out, Not(HasSubstr("\x1b[")));
    environment_["NO_COLOR"] = "1";
    EXPECT_THAT(on_terminal({"status"}).out, Not(HasSubstr("\x1b[")));
}

TEST_F(Status, IsOneLineANodeInAPipeAndAnEnvelopeAsJson) {
    EXPECT_THAT(cli({"status", "--no-headers"}).out, HasSubstr("relay\tr1\tactive\t0.1.0\t3675\t3\t\t\t0.25\n"));
    EXPECT_EQ(json_of({"status"}, "Status").at("items").size(), 2U);
}

TEST_F(Status, TellsOfALostRelay) {
    Json facts = Json::parse(kSignalingFacts);
    facts["relays"][0]["state"] = "lost";
    signaling_.answer("GET /v1/node", {200, facts.dump()});
    const Outcome run = on_terminal({"status"});
    EXPECT_THAT(run.out, HasSubstr("needs a look"));
    EXPECT_THAT(run.out, HasSubstr("signaling has lost relay r1"));
}

TEST_F(Status, TellsOfFewPortsLeft) {
    Json facts = Json::parse(kRelayFacts);
    facts["ports"]["used"] = 15000;
    relay_.answer("GET /v1/node", {200, facts.dump()});
    EXPECT_THAT(on_terminal({"status"}).out, HasSubstr("runs out of relay ports"));
}

// A socket that a dead daemon left: the rest is shown, and the exit code says that it is not all.
TEST_F(Status, IsPartialWhenOneDoesNotAnswer) {
    const auto stale = folder_.path() / "old" / "admin.sock";
    { const FakeDaemon dead{stale}; }
    const Outcome run = on_terminal({"status"});
    EXPECT_EQ(run.code, 8);
    EXPECT_THAT(run.out, HasSubstr("nobody answers on " + stale.string()));
    EXPECT_THAT(run.out, HasSubstr("r1"));
}

TEST_F(Nodes, ListInEveryForm) {
    const Outcome table = on_terminal({"nodes", "list"});
    EXPECT_EQ(table.code, 0);
    EXPECT_THAT(table.out, HasSubstr("r1    relay      active  1h1m"));
    EXPECT_THAT(table.out, HasSubstr("1.5 MB"));
    EXPECT_THAT(cli({"nodes", "list", "--no-headers"}).out, HasSubstr("r1\trelay\tactive\t3675\t3\t0\t3\t16384\t1536000\t999\t\t\t0.25\t0.1.0\trange\n"));
    const Json json = json_of({"nodes", "list"}, "NodeList");
    EXPECT_EQ(json.at("items").size(), 2U);
    EXPECT_EQ(json.at("items")[0].at("ports").at("capacity"), 16384);
    EXPECT_EQ(cli({"nodes", "list", "-o", "name"}).out, "r1\ns1\n");
}

TEST_F(Nodes, ShowOneOrNotFound) {
    EXPECT_THAT(cli({"nodes", "show", "r1"}).out, HasSubstr("realm\tturnpike\n"));
    EXPECT_EQ(cli({"nodes", "show", "r7"}).code, 3);
}

}  // namespace
}  // namespace turnpike::admin::test
