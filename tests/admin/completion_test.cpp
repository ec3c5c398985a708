#include <fstream>
#include <set>

#include "admin/subprocess.hpp"
#include "tests/admin/cli_fixture.hpp"

namespace turnpike::admin::test {
namespace {

class Completion : public CliTest {
protected:
    // What is left of the tab in each line.
    std::set<std::string> candidates(std::vector<std::string> words) {
        add_runtime_dir_ = false;
        environment_["TURNPIKE_RUNTIME_DIR"] = folder_.path().string();
        words.insert(words.begin(), "__complete");
        const Outcome run = cli(std::move(words));
        EXPECT_EQ(run.code, 0) << run.err;
        std::set<std::string> all;
        std::istringstream lines{run.out};
        for (std::string line; std::getline(lines, line);)
            all.insert(line.substr(0, line.find('\t')));
        return all;
    }
    using Set = std::set<std::string>;
};

TEST_F(Completion, KnowsCommands) {
    EXPECT_EQ(candidates({"st"}), Set{"status"});
    EXPECT_EQ(candidates({"rooms", ""}), (Set{"list", "show"}));
    EXPECT_EQ(candidates({"alloc", "k"}), Set{"kill"});  // by its alias
    EXPECT_TRUE(candidates({""}).contains("nodes"));
    EXPECT_TRUE(candidates({}).contains("nodes"));
    EXPECT_EQ(candidates({"xyzzy"}), Set{});
}

TEST_F(Completion, KnowsOptionsOfTheCommandAndOfAll) {
    EXPECT_EQ(candidates({"allocations", "list", "--su"}), Set{"--subject"});
    EXPECT_EQ(candidates({"allocations", "list", "--ti"}), Set{"--timeout"});
    EXPECT_EQ(candidates({"rooms", "list", "--subj"}), Set{});
}

TEST_F(Completion, KnowsWhatOptionsTake) {
    EXPECT_TRUE(candidates({"nodes", "list", "-o", ""}).contains("json"));
    EXPECT_FALSE(candidates({"nodes", "list", "-o", ""}).contains("js"));
    EXPECT_TRUE(candidates({"credentials", "mint", "--output", ""}).contains("js"));
    EXPECT_EQ(candidates({"completion", ""}), (Set{"bash", "fish", "zsh"}));
    EXPECT_EQ(candidates({"config", "validate", ""}), Set{":files"});
    EXPECT_EQ(candidates({"config", "validate", "--for", "r"}), Set{"relay"});
    EXPECT_EQ(candidates({"--runtime-dir", ""}), Set{":files"});
    EXPECT_EQ(candidates({"man", "nod"}), Set{"nodes"});
}

TEST_F(Completion, AsksTheDaemonsForNames) {
    EXPECT_EQ(candidates({"nodes", "show", ""}), (Set{"r1", "s1"}));
    EXPECT_EQ(candidates({"nodes", "show", "s"}), Set{"s1"});
    EXPECT_EQ(candidates({"nodes", "show", "r1", ""}), Set{});  // takes one
    EXPECT_EQ(candidates({"rooms", "show", ""}), Set{"standup"});
    EXPECT_EQ(candidates({"allocations", "kill", "9", ""}), Set{"17"});  // takes several
    EXPECT_EQ(candidates({"participants", "kick", "p"}), (Set{"p1", "p2"}));
    EXPECT_EQ(candidates({"allocations", "list", "--node", ""}), (Set{"r1", "s1"}));
    EXPECT_EQ(candidates({"--runtime-dir", "/nonexistent", "nodes", "show", ""}), Set{});
}

TEST_F(Completion, OffersNoNameThatWouldSteerATerminal) {
    signaling_.answer(
        "GET /v1/rooms",
        {200,
         R"({"items":[{"room":"a\u001b[2J","name":"x"},{"room":"b\tc"},{"room":"good","name":"Bo\u001b[2Jb\nc"}]})"});
    EXPECT_EQ(candidates({"rooms", "show", ""}), Set{"good"});
    EXPECT_THAT(cli({"__complete", "rooms", "show", ""}).out, Not(HasSubstr("\x1b")));
}

TEST_F(Completion, HasAScriptForEachShell) {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const Outcome run = cli({"completion", shell});
        EXPECT_EQ(run.code, 0);
        EXPECT_THAT(run.out, HasSubstr("__complete"));
    }
    const Outcome none = cli({"completion", "csh"});
    EXPECT_EQ(none.code, 2);
    EXPECT_THAT(none.err, HasSubstr("one of bash, zsh, fish"));
    EXPECT_EQ(cli({"completion"}).code, 2);
}

// The script in a real bash, with a stand-in for the program.
TEST_F(Completion, WorksInBash) {
    const auto program = folder_.path() / "turnpike", script = folder_.path() / "try.sh";
    std::ofstream{program} << "#!/bin/sh\n[ \"$1 $2 $3 $#\" = '__complete nodes  3' ] && printf "
                              "'list\\tall\\nshow\\tone\\n'\n"
                              "[ \"$2\" = config ] && echo :files\nexit 0\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    std::ofstream{script} << cli({"completion", "bash"}).out << "COMP_WORDS=(" << program.string()
                          << " nodes '') COMP_CWORD=2; _turnpike; echo \"${COMPREPLY[*]}\"\n"
                          << "COMP_WORDS=(" << program.string() << " config "
                          << program.string().substr(0, program.string().size() - 1)
                          << ") COMP_CWORD=2; _turnpike; echo \"${COMPREPLY[*]}\"\n";
    const auto run = run_program({"bash", script.string()});
    ASSERT_TRUE(run) << run.error();
    EXPECT_EQ(run->output, "list show\n" + program.string() + "\n");
}

using Man = CliTest;

TEST_F(Man, HasAPageOfTheProgramAndOfEachNoun) {
    const Outcome all = cli({"man"});
    EXPECT_EQ(all.code, 0);
    EXPECT_TRUE(all.out.starts_with(".TH TURNPIKE 1")) << all.out;
    for (const char* part : {"turnpike\\-nodes(1)", "\\fB\\-\\-timeout\\fR \\fITIME\\fR",
                             "Exit codes: 0 ok", ".SH SEE ALSO"})
        EXPECT_THAT(all.out, HasSubstr(part));
    const Outcome one = cli({"man", "allocations"});
    EXPECT_TRUE(one.out.starts_with(".TH TURNPIKE\\-ALLOCATIONS 1")) << one.out;
    for (const char* part : {".SS \\fBturnpike allocations kill\\fR", "\\fIID ...\\fR",
                             "turnpike allocations kill 17", "\\-\\-subject"})
        EXPECT_THAT(one.out, HasSubstr(part));
    EXPECT_THAT(one.out, Not(HasSubstr("Exit codes")));  // said once, on the program's page
    EXPECT_EQ(cli({"man", "xyzzy"}).code, 3);
}

TEST_F(Man, WritesPagesIntoAFolder) {
    const auto folder = folder_.path() / "man1";
    std::filesystem::create_directories(folder);
    EXPECT_THAT(cli({"man", "--dir", folder.string(), "--dry-run"}).out,
                HasSubstr("turnpike-nodes.1"));
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_EQ(cli({"man", "--dir", folder.string()}).code, 0);
    EXPECT_TRUE(std::filesystem::exists(folder / "turnpike.1"));
    EXPECT_TRUE(std::filesystem::exists(folder / "turnpike-cluster.1"));
    const Outcome refused = cli({"man", "--dir", "/nonexistent/folder"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr("fix: "));
}

}  // namespace
}  // namespace turnpike::admin::test
