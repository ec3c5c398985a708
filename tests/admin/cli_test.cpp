#include <fstream>

#include "tests/admin/cli_fixture.hpp"

namespace turnpike::admin::test {
namespace {

using Cli = CliTest;
using Config = CliTest;

TEST_F(Cli, GuessesWhatAWrongWordMeant) {
    const Outcome noun = cli({"allocatoins", "list"});
    EXPECT_EQ(noun.code, 2);
    EXPECT_THAT(noun.err, HasSubstr("did you mean 'turnpike allocations'?"));
    const Outcome verb = cli({"rooms", "lst"});
    EXPECT_EQ(verb.code, 2);
    EXPECT_THAT(verb.err, HasSubstr("did you mean 'turnpike rooms list'?"));
    EXPECT_THAT(cli({"xyzzy"}).err, HasSubstr("one of status, nodes"));
}

TEST_F(Cli, HelpTeachesByExample) {
    for (const auto& words : std::vector<std::vector<std::string>>{{}, {"status"}, {"nodes", "list"}, {"allocations", "kill"}, {"rooms", "show"},
                                                                   {"participants", "kick"}, {"credentials", "mint"}, {"config", "validate"}, {"config", "import-coturn"}, {"cluster", "simulate"}, {"completion"}, {"man"}, {"schema"}, {"version"}}) {
        auto arguments = words;
        arguments.emplace_back("--help");
        const Outcome run = cli(arguments);
        EXPECT_EQ(run.code, 0);
        EXPECT_THAT(run.out, HasSubstr("Example")) << ::testing::PrintToString(words);
    }
    EXPECT_THAT(cli({"--help"}).out, HasSubstr("Exit codes"));
}

TEST_F(Cli, NeedsACommand) {
    EXPECT_EQ(cli({}).code, 2);
    EXPECT_EQ(cli({"nodes"}).code, 2);
    EXPECT_EQ(cli({"nodes", "list", "--bogus"}).code, 2);
    EXPECT_EQ(cli({"nodes", "list", "--timeout", "soon"}).code, 2);
}

TEST_F(Cli, RefusesAFormatThatTheCommandHasNot) {
    const Outcome run = cli({"rooms", "list", "-o", "js"});
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.err, HasSubstr("one of table, json"));
}

TEST_F(Cli, TellsWhereItLookedWhenNobodyIsThere) {
    add_runtime_dir_ = false;
    const TemporaryFolder empty;
    const Outcome run = cli({"status", "--runtime-dir", empty.path().string()});
    EXPECT_EQ(run.code, 6);
    EXPECT_THAT(run.err, HasSubstr(empty.path().string()));
    EXPECT_THAT(run.err, HasSubstr("fix: "));
}

TEST_F(Cli, FindsTheSocketsByTheEnvironment) {
    add_runtime_dir_ = false;
    environment_["TURNPIKE_RUNTIME_DIR"] = folder_.path().string();
    EXPECT_EQ(cli({"nodes", "list", "-o", "name"}).out, "r1\ns1\n");
}

TEST_F(Cli, AsksOnlyTheSocketsGiven) {
    const Outcome run = cli({"nodes", "list", "-o", "name", "--socket", (folder_.path() / "relay" / "admin.sock").string()});
    EXPECT_EQ(run.out, "r1\n");
    const Outcome wrong_role = cli({"rooms", "list", "--socket", (folder_.path() / "relay" / "admin.sock").string()});
    EXPECT_EQ(wrong_role.code, 6);
    EXPECT_THAT(wrong_role.err, HasSubstr("no signaling daemon"));
}

TEST_F(Cli, EndsAtItsDeadlineWhenADaemonIsSilent) {
    relay_.answer("GET /v1/node", {.status = 200, .body = {}, .silent = true});
    const Outcome run = cli({"nodes", "list", "--timeout", "1s", "--socket", (folder_.path() / "relay" / "admin.sock").string()});
    EXPECT_EQ(run.code, 7);
    EXPECT_THAT(run.err, HasSubstr("did not answer within 1 s"));
}

TEST_F(Cli, MapsWhatADaemonRefusesToExitCodes) {
    for (const auto& [status, code] : std::map<int, int>{{403, 4}, {404, 3}, {409, 5}, {500, 1}, {503, 6}}) {
        relay_.answer("GET /v1/allocations/17", {status, R"({"error":{"code":"x","message":"because of it"}})"});
        const Outcome run = cli({"allocations", "show", "17"});
        EXPECT_EQ(run.code, code) << status;
        if (code != 3) {
            EXPECT_THAT(run.err, HasSubstr("because of it"));
        }
    }
}

TEST_F(Cli, SaysSoWhenTheAnswerIsNoJson) {
    relay_.answer("GET /v1/node", {200, "<html>"});
    const Outcome run = cli({"nodes", "list", "--socket", (folder_.path() / "relay" / "admin.sock").string()});
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.err, HasSubstr("no JSON"));
}

TEST_F(Cli, Version) {
    EXPECT_THAT(on_terminal({"version"}).out, HasSubstr("turnpike " TURNPIKE_VERSION));
    EXPECT_EQ(json_of({"version"}, "Version").at("items")[0].at("version"), TURNPIKE_VERSION);
}

// A stand-in for the daemons' --check.
class ConfigValidate : public CliTest {
protected:
    ConfigValidate() {
        program_folder_ = folder_.path() / "bin";
        std::filesystem::create_directories(program_folder_);
        for (const char* name : {"turnpike-relay", "turnpike-signaling"}) {
            const auto program = program_folder_ / name;
            std::ofstream{program} << "#!/bin/sh\nif grep -q careless \"$2\"; then echo \"$2:1:1: warning: careless\"; fi\nif grep -q bad \"$2\"; then echo \"$2:2:7: " << name
                                   << ": unknown key\" >&2; echo '  did you mean x?' >&2; exit 78; fi\n";
            std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        }
    }
    std::string file(const std::string& text, const std::string& name = "a.toml") {
        const auto path = folder_.path() / name;
        std::ofstream{path} << text;
        return path.string();
    }
};

TEST_F(ConfigValidate, PicksTheDaemonByWhatTheFileHolds) {
    const Outcome relay = on_terminal({"config", "validate", file("[[listen]]\n")});
    EXPECT_EQ(relay.code, 0);
    EXPECT_THAT(relay.out, HasSubstr("good for turnpike-relay"));
    EXPECT_THAT(on_terminal({"config", "validate", file("[listen]\n")}).out, HasSubstr("good for turnpike-signaling"));
    EXPECT_THAT(on_terminal({"config", "validate", file("[log]\n", "relay.toml")}).out, HasSubstr("good for turnpike-relay"));
}

TEST_F(ConfigValidate, AsksWhenTheFileDoesNotTell) {
    const Outcome run = cli({"config", "validate", file("[log]\n")});
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.err, HasSubstr("--for relay"));
    EXPECT_EQ(cli({"config", "validate", "--for", "relay", file("[log]\n")}).code, 0);
}

TEST_F(ConfigValidate, PassesTheProblemsOn) {
    const std::string name = file("[relay]\nbad = 1\n");
    const Outcome table = on_terminal({"config", "validate", name});
    EXPECT_EQ(table.code, 1);
    EXPECT_THAT(table.out, HasSubstr(name + ":2:7: turnpike-relay: unknown key"));
    const Outcome tsv = cli({"config", "validate", name, "--no-headers"});
    EXPECT_EQ(tsv.code, 1);
    EXPECT_EQ(tsv.out, name + "\t2\t7\terror\tturnpike-relay: unknown key\n");
    const Json json = json_of({"config", "validate", name}, "ConfigProblemList");
    EXPECT_EQ(json.at("items")[0].at("line"), 2);
    EXPECT_THAT(json.at("items")[0].at("detail").get<std::string>(), HasSubstr("did you mean"));
}

TEST_F(ConfigValidate, AWarningIsNoFailure) {
    const std::string name = file("[relay]\ncareless = 1\n");
    const Json json = json_of({"config", "validate", name}, "ConfigProblemList");
    EXPECT_EQ(json.at("items")[0].at("severity"), "warning");
    EXPECT_EQ(cli({"config", "validate", name}).code, 0);
}

TEST_F(ConfigValidate, IsNotFoundForAMissingFile) { EXPECT_EQ(cli({"config", "validate", "/nonexistent.toml"}).code, 3); }

TEST_F(ConfigValidate, SaysSoWhenTheDaemonCannotBeRun) {
    program_folder_ = folder_.path() / "nothing";
    const std::string name = file("[relay]\n");
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", program_folder_.c_str(), 1);
    const Outcome run = cli({"config", "validate", name});
    ::setenv("PATH", path.c_str(), 1);
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.err, HasSubstr("turnpike-relay"));
}

class ConfigImportCoturn : public CliTest {
protected:
    std::string file(const std::string& text) {
        const auto path = folder_.path() / "turnserver.conf";
        std::ofstream{path} << text;
        return path.string();
    }
};

TEST_F(ConfigImportCoturn, WritesTheConfigurationAndSaysWhatBecameOfEachLine) {
    const std::string name =
        file("static-auth-secret=0123456789abcdef\nmin-port=50000\nfingerprint\n");
    const Outcome run = cli({"config", "import-coturn", name});
    EXPECT_EQ(run.code, 0);
    EXPECT_THAT(run.out, HasSubstr("[relay]\nmin_port = 50000  # line 2\n"));
    EXPECT_THAT(run.out, HasSubstr("0123456789abcdef"));
    EXPECT_THAT(run.err,
                HasSubstr(name + ":2: min-port=50000: mapped to relay.min_port = 50000\n"));
    EXPECT_THAT(run.err, HasSubstr(name + ":3: fingerprint: default: "));
    EXPECT_THAT(run.err, Not(HasSubstr("0123456789abcdef")));
    EXPECT_EQ(cli({"config", "import-coturn", name, "-o", "toml"}).out, run.out);
}

TEST_F(ConfigImportCoturn, ExitsWith8WhenSomethingIsUnsupported) {
    const std::string name = file("static-auth-secret=0123456789abcdef\nsecure-stun\n");
    const Outcome run = cli({"config", "import-coturn", name});
    EXPECT_EQ(run.code, 8);
    EXPECT_THAT(run.out, HasSubstr("[auth]"));
    EXPECT_THAT(run.err, HasSubstr(":2: secure-stun: unsupported: "));

    const Outcome table = on_terminal({"config", "import-coturn", name, "-o", "table"});
    EXPECT_EQ(table.code, 8);
    EXPECT_THAT(table.out, HasSubstr("OUTCOME"));
    EXPECT_THAT(table.out, Not(HasSubstr("[auth]")));
}

TEST_F(ConfigImportCoturn, WritesTheReportAsJson) {
    const std::string name = file("min-port=50000\nstatic-auth-secret=0123456789abcdef\n");
    const Json json = json_of({"config", "import-coturn", name}, "CoturnOptionList");
    EXPECT_EQ(json.at("items")[0], (Json{{"line", 1},
                                         {"column", 1},
                                         {"option", "min-port"},
                                         {"given", "50000"},
                                         {"outcome", "mapped"},
                                         {"key", "relay.min_port"},
                                         {"value", "50000"},
                                         {"note", ""},
                                         {"stops", false}}));
    EXPECT_EQ(json.at("items")[1].at("given"), "(redacted)");
    EXPECT_TRUE(json.at("items").back().at("line").is_null());
}

TEST_F(ConfigImportCoturn, WritesNoConfigurationWhenSomethingIsWrong) {
    const std::string name = file("static-auth-secret=0123456789abcdef\nmin-prot=50000\n");
    const Outcome run = cli({"config", "import-coturn", name});
    EXPECT_EQ(run.code, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(
        run.err,
        HasSubstr(name + ":2:1: coturn has no option \"min-prot\"; did you mean \"min-port\"?"));
    EXPECT_EQ(cli({"config", "import-coturn", "/nonexistent.conf"}).code, 3);
    EXPECT_EQ(cli({"config", "import-coturn", name, "-o", "yaml"}).code, 2);
    EXPECT_EQ(cli({"config", "import-coturn"}).code, 2);
}

}  // namespace
}  // namespace turnpike::admin::test
