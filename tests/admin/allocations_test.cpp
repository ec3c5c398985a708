#include "tests/admin/cli_fixture.hpp"

namespace turnpike::admin::test {
namespace {

using Allocations = CliTest;

TEST_F(Allocations, ListIsATableOnATerminal) {
    const Outcome run = on_terminal({"allocations", "list"});
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.out,
              "ID  NODE  SUBJECT  TRANSPORT  CLIENT           RELAYED          PEERS  TO PEERS  TO CLIENT    AGE  EXPIRES\n"
              "17  r1    alice    udp        127.0.0.1:50000  127.0.0.1:49160      1  1.5 kB         12 B  1m15s    8m45s\n");
}

TEST_F(Allocations, ListIsTsvInAPipeWithPlainNumbers) {
    const Outcome run = cli({"allocations", "list"});
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.out,
              "id\tnode\tsubject\ttransport\tclient\trelayed\tpermissions\ttraffic.bytes_to_peer\ttraffic.bytes_to_client\tage_seconds\texpires_in_seconds\n"
              "17\tr1\talice\tudp\t127.0.0.1:50000\t127.0.0.1:49160\t1\t1536\t12\t75\t525\n");
}

TEST_F(Allocations, ListLeavesOutTheHeadersWhenAsked) {
    EXPECT_THAT(cli({"allocations", "list", "--no-headers"}).out, ::testing::StartsWith("17\t"));
}

TEST_F(Allocations, ListAsJsonCsvAndNames) {
    const Json json = json_of({"allocations", "list"}, "AllocationList");
    ASSERT_EQ(json.at("items").size(), 1U);
    EXPECT_EQ(json.at("items")[0], Json::parse(kAllocation));
    EXPECT_FALSE(json.at("metadata").at("partial").get<bool>());
    EXPECT_THAT(cli({"allocations", "list", "-o", "csv"}).out, HasSubstr("17,r1,alice,udp"));
    EXPECT_EQ(cli({"allocations", "list", "-o", "name"}).out, "17\n");
}

TEST_F(Allocations, ListPassesTheFilterOnAndEscapesIt) {
    relay_.answer("GET /v1/allocations?limit=5&subject=a%26b", {200, R"({"items":[]})"});
    const Outcome run = on_terminal({"allocations", "list", "--limit", "5", "--subject", "a&b"});
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, HasSubstr("No allocations"));
}

TEST_F(Allocations, ListRefusesANodeThatIsNotHere) {
    const Outcome run = cli({"allocations", "list", "--node", "r9"});
    EXPECT_EQ(run.code, 3);
    EXPECT_THAT(run.err, HasSubstr("no relay 'r9'"));
}

TEST_F(Allocations, ShowTellsPermissionsAndChannels) {
    const Outcome run = on_terminal({"allocations", "show", "17"});
    EXPECT_EQ(run.code, 0);
    EXPECT_THAT(run.out, HasSubstr("permissions.0.peer"));
    EXPECT_THAT(run.out, HasSubstr("4m40s"));
    EXPECT_EQ(json_of({"allocations", "show", "r1/17"}, "Allocation").at("items")[0].at("subject"), "alice");
    EXPECT_THAT(cli({"allocations", "show", "17"}).out, HasSubstr("channels.0.number\t16384\n"));
}

TEST_F(Allocations, ShowOfAnUnknownOneIsNotFound) {
    const Outcome run = cli({"allocations", "show", "99"});
    EXPECT_EQ(run.code, 3);
    EXPECT_THAT(run.err, HasSubstr("no allocation '99'"));
    EXPECT_EQ(run.out, "");
}

TEST_F(Allocations, KillNeedsAYes) {
    const Outcome run = cli({"allocations", "kill", "17"});
    EXPECT_EQ(run.code, 5);
    EXPECT_THAT(run.err, HasSubstr("--yes"));
    for (const Request& request : relay_.requests()) EXPECT_NE(request.method, "DELETE");
}

TEST_F(Allocations, KillWithYesKills) {
    const Outcome run = cli({"allocations", "kill", "17", "--yes"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.out, "id\tnode\tsubject\tclient\tresult\n17\tr1\talice\t127.0.0.1:50000\tkilled\n");
    EXPECT_EQ(relay_.requests().back().method, "DELETE");
}

TEST_F(Allocations, KillAsksOnATerminal) {
    const Outcome no = on_terminal({"allocations", "kill", "17"}, "n\n");
    EXPECT_EQ(no.code, 5);
    EXPECT_THAT(no.err, HasSubstr("Kill allocation 17 of alice on r1? [y/N]"));
    EXPECT_NE(relay_.requests().back().method, "DELETE");

    const Outcome yes = on_terminal({"allocations", "kill", "17"}, "y\n");
    EXPECT_EQ(yes.code, 0);
    EXPECT_THAT(yes.out, HasSubstr("killed"));
    EXPECT_EQ(relay_.requests().back().method, "DELETE");
}

TEST_F(Allocations, KillDryRunChangesNothing) {
    const Json json = json_of({"allocations", "kill", "17", "--dry-run"}, "AllocationKillList");
    EXPECT_EQ(json.at("items")[0].at("result"), "would be killed");
    EXPECT_TRUE(json.at("metadata").at("dry_run").get<bool>());
    for (const Request& request : relay_.requests()) EXPECT_NE(request.method, "DELETE");
}

TEST_F(Allocations, KillOfOneThatJustEndedFails) {
    relay_.answer("DELETE /v1/allocations/17", {404, R"({"error":{"code":"not_found","message":"no allocation 17"}})"});
    const Outcome run = cli({"allocations", "kill", "-y", "17"});
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.out, HasSubstr("had ended already"));
}

TEST_F(Allocations, KillOfNothingIsUsage) { EXPECT_EQ(cli({"allocations", "kill"}).code, 2); }

}  // namespace
}  // namespace turnpike::admin::test
