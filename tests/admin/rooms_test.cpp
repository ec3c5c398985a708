#include "tests/admin/cli_fixture.hpp"

namespace turnpike::admin::test {
namespace {

using Rooms = CliTest;
using Participants = CliTest;

TEST_F(Rooms, ListInEveryForm) {
    const Outcome table = on_terminal({"rooms", "list"});
    EXPECT_EQ(table.code, 0);
    EXPECT_EQ(table.out,
              "ROOM     NAME      VISIBILITY  MEMBERS  MAX  RELAY  CREATED\n"
              "standup  Stand-up  unlisted          2    8  r1     2027-01-15T08:00:00Z\n");
    EXPECT_EQ(cli({"rooms", "list", "--no-headers"}).out, "standup\tStand-up\tunlisted\t2\t8\tr1\t2027-01-15T08:00:00Z\n");
    EXPECT_EQ(json_of({"rooms", "list"}, "RoomList").at("items")[0].at("members"), 2);
}

TEST_F(Rooms, ShowHasTheMembers) {
    const Outcome run = on_terminal({"rooms", "show", "standup"});
    EXPECT_EQ(run.code, 0);
    EXPECT_THAT(run.out, HasSubstr("Ada"));
    EXPECT_THAT(run.out, HasSubstr("visibility"));
    EXPECT_EQ(json_of({"rooms", "show", "standup"}, "Room").at("items")[0].at("participants").size(), 2U);
}

TEST_F(Rooms, ShowOfAMissingOneIsNotFound) {
    const Outcome run = cli({"rooms", "show", "nowhere"});
    EXPECT_EQ(run.code, 3);
    EXPECT_THAT(run.err, HasSubstr("no room 'nowhere'"));
}

TEST_F(Participants, ListInEveryForm) {
    const Outcome table = on_terminal({"participants", "list"});
    EXPECT_EQ(table.code, 0);
    EXPECT_THAT(table.out, HasSubstr("p1  standup  Ada"));
    const Outcome tsv = cli({"participants", "list", "--no-headers"});
    EXPECT_THAT(tsv.out, ::testing::StartsWith("p1\tstandup\tAda\thuman\trelay\tfalse\tlive\ttag.p1\t"));
    EXPECT_EQ(json_of({"participants", "list"}, "ParticipantList").at("items").size(), 2U);
}

// What people call themselves must not steer an administrator's terminal.
TEST_F(Participants, NamesCannotDriveTheTerminal) {
    const Outcome table = on_terminal({"participants", "list"});
    EXPECT_THAT(table.out, HasSubstr("Bo?[2Jb"));
    EXPECT_THAT(table.out, Not(HasSubstr("\x1b[2J")));
}

TEST_F(Participants, ListOfOneRoom) {
    signaling_.answer("GET /v1/participants?room=standup", {200, R"({"items":[]})"});
    EXPECT_EQ(cli({"participants", "list", "--room", "standup", "--no-headers"}).out, "");
}

TEST_F(Participants, KickNeedsAYes) {
    const Outcome run = cli({"participants", "kick", "p1"});
    EXPECT_EQ(run.code, 5);
    EXPECT_NE(signaling_.requests().back().method, "POST");
}

TEST_F(Participants, KickTellsWhatItEnded) {
    const Outcome run = cli({"participants", "kick", "p1", "--yes", "--reason", "spam"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.out, "id\troom\tname\tallocations_ended\tresult\np1\tstandup\tAda\t2\tkicked\n");
    const Request request = signaling_.requests().back();
    EXPECT_EQ(request.target, "/v1/participants/p1/kick");
    EXPECT_EQ(Json::parse(request.body), (Json{{"reason", "spam"}}));
}

TEST_F(Participants, KickAsksOnATerminal) {
    const Outcome run = on_terminal({"participants", "kick", "p1"}, "no\n");
    EXPECT_EQ(run.code, 5);
    EXPECT_THAT(run.err, HasSubstr("Kick Ada out of room standup? [y/N]"));
}

TEST_F(Participants, KickOfAStrangerIsNotFoundAndKicksNobody) {
    const Outcome run = cli({"participants", "kick", "-y", "p1", "p9"});
    EXPECT_EQ(run.code, 3);
    EXPECT_THAT(run.err, HasSubstr("no participant 'p9'"));
    EXPECT_NE(signaling_.requests().back().method, "POST");
}

TEST_F(Participants, KickOfSomeIsPartial) {
    // p2 has no answer prepared: it has left in between.
    const Outcome run = cli({"participants", "kick", "-y", "p1", "p2"});
    EXPECT_EQ(run.code, 8);
    EXPECT_THAT(run.out, HasSubstr("had left already"));
}

}  // namespace
}  // namespace turnpike::admin::test
