#include <algorithm>
#include <fstream>

#include "admin/schemas.hpp"
#include "tests/admin/cli_fixture.hpp"

namespace turnpike::admin::test {
namespace {

using SchemaCli = CliTest;

TEST(Schemas, AreSortedAndHaveParentsBeforeMembers) {
    EXPECT_TRUE(std::ranges::is_sorted(schemas(), {}, &Schema::kind));
    for (const Schema& schema : schemas()) {
        const Json json = json_schema(schema);
        EXPECT_EQ(json["properties"]["kind"]["const"], schema.kind);
        // A member of what is no object or list would make a property without a type.
        const std::string text = json.dump();
        for (const Field& field : schema.fields) {
            EXPECT_FALSE(field.meaning.empty());
            const std::size_t dot = field.path.rfind('.');
            if (dot == std::string_view::npos) continue;
            std::string_view parent = field.path.substr(0, dot);
            const bool list = parent.ends_with("[]");
            if (list) parent.remove_suffix(2);
            const auto found = std::ranges::find(schema.fields, parent, &Field::path);
            ASSERT_NE(found, schema.fields.end()) << schema.kind << " " << field.path;
            EXPECT_EQ(found->type, list ? "objects" : "object") << schema.kind << " " << field.path;
        }
    }
}

TEST(Schemas, RefuseWhatTheyDoNotPromise) {
    const Json schema = json_schema(*schema_of("Version"));
    Json good{{"apiVersion", "turnpike/v1"},
              {"kind", "Version"},
              {"metadata", {{"generated_at", "x"}, {"partial", false}, {"errors", Json::array()}}},
              {"items", {{{"version", "1"}, {"api_version", "turnpike/v1"}, {"more", 7}}}}};
    EXPECT_EQ(broken_promise(schema, good), "");
    Json bad = good;
    bad["kind"] = "Node";
    EXPECT_EQ(broken_promise(schema, bad), "/kind is not \"Version\"");
    bad = good;
    bad["items"][0]["version"] = 1;
    EXPECT_EQ(broken_promise(schema, bad), "/items/0/version is no [\"string\"]");
    bad = good;
    bad["items"][0].erase("api_version");
    EXPECT_EQ(broken_promise(schema, bad), "/items/0 lacks \"api_version\"");
}

TEST_F(SchemaCli, ListsKinds) {
    EXPECT_THAT(on_terminal({"schema"}).out, HasSubstr("NodeList"));
    const Json json = json_of({"schema"}, "SchemaList");
    EXPECT_EQ(json["items"].size(), schemas().size());
    EXPECT_THAT(cli({"schema", "-o", "name"}).out, HasSubstr("\nNodeList\n"));
}

TEST_F(SchemaCli, ShowsOneKind) {
    const Outcome table = on_terminal({"schema", "NodeList"});
    EXPECT_EQ(table.code, 0);
    EXPECT_THAT(table.out, HasSubstr("allocations.active"));
    const Json json = Json::parse(cli({"schema", "NodeList", "-o", "json"}).out);
    EXPECT_EQ(json["$schema"], "https://json-schema.org/draft/2020-12/schema");
    EXPECT_EQ(
        json["properties"]["items"]["items"]["properties"]["ports"]["properties"]["used"]["type"],
        "integer");
    EXPECT_THAT(json["properties"]["items"]["items"]["required"].dump(), HasSubstr("\"id\""));
}

TEST_F(SchemaCli, RefusesAKindThatThereIsNot) {
    const Outcome near = cli({"schema", "NodeLst"});
    EXPECT_EQ(near.code, 3);
    EXPECT_THAT(near.err, HasSubstr("did you mean NodeList?"));
    EXPECT_EQ(cli({"schema", "NodeList", "-o", "yaml"}).code, 2);
}

TEST_F(SchemaCli, WritesAllIntoAFolder) {
    const auto folder = folder_.path() / "schema";
    std::filesystem::create_directories(folder);
    EXPECT_EQ(cli({"schema", "--dir", folder.string(), "--dry-run"}).code, 0);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_EQ(cli({"schema", "--dir", folder.string()}).code, 0);
    for (const Schema& schema : schemas())
        EXPECT_TRUE(std::filesystem::exists(folder / (std::string{schema.kind} + ".json")))
            << schema.kind;
    EXPECT_EQ(cli({"schema", "--dir", "/nonexistent/folder"}).code, 1);
}

}  // namespace
}  // namespace turnpike::admin::test
