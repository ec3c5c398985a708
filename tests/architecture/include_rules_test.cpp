// Who may include whom. The root CMakeLists.txt is the list: DEPENDS are our rooms, USES are third-party
// libraries. What it cannot say (Boost is one package for containers and for Asio) is said here.
#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "tests/architecture/source_tree.hpp"

namespace turnpike::architecture {
namespace {

struct Library {
    std::string prefix;                // of the header
    std::set<std::string> targets;     // any of these in USES
    std::set<std::string> only_in{};   // when not empty: no other room, whatever it USES
};

const std::vector<Library>& libraries() {
    static const std::set<std::string> kAsioRooms{"signaling/net", "admin"};
    static const std::vector<Library> all{
        {"event2/", {"PkgConfig::event"}, {"turn/net", "common/cluster", "common/ops"}},
        {"event.h", {"PkgConfig::event"}, {"turn/net", "common/cluster", "common/ops"}},
        {"boost/asio", {"Boost::headers"}, kAsioRooms},
        {"boost/beast", {"Boost::headers"}, kAsioRooms},
        {"boost/", {"Boost::headers"}},
        {"openssl/", {"OpenSSL::SSL", "OpenSSL::Crypto"}},
        {"hiredis/", {"PkgConfig::hiredis", "hiredis"}, {"common/cluster"}},
        {"nlohmann/", {"nlohmann_json::nlohmann_json"}},
        {"toml++/", {"PkgConfig::tomlplusplus"}},
        {"CLI/", {"CLI11::CLI11"}},
        {"spdlog/", {"spdlog::spdlog"}},
        {"fmt/", {"fmt::fmt"}},
        {"systemd/", {"PkgConfig::systemd"}},
        {"prometheus/", {"${PROMETHEUS_CORE}"}},
        {"unictype.h", {"${UNISTRING}"}, {"common/crypto"}},
        {"uninorm.h", {"${UNISTRING}"}, {"common/crypto"}},
        {"unistr.h", {"${UNISTRING}"}, {"common/crypto"}},
        {"bpf/", {"PkgConfig::bpf"}, {"turn/offload"}},
    };
    return all;
}

const Library* library_of(const std::string& header) {
    for (const Library& library : libraries()) {
        if (header.starts_with(library.prefix)) return &library;
    }
    return nullptr;
}

// The C++ library (<vector>), the C library and the kernel (<unistd.h>, <sys/socket.h>).
bool is_system(const std::string& header) {
    static const std::regex standard{"[a-z_0-9]+"};
    static const std::regex system{R"((sys|netinet|arpa|net|linux|asm)/[a-z_0-9/]+\.h|[a-z_0-9]+\.h)"};
    return std::regex_match(header, standard) || std::regex_match(header, system);
}

std::string at(const SourceFile& file, const Include& include) {
    return file.path + ":" + std::to_string(include.line) + ": #include " + include.path;
}

std::string room_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

TEST(IncludeRules, TheBuildNamesEveryRoomOfTheHouse) {
    for (const char* room : {"common/base", "common/crypto", "common/config", "common/cluster", "common/ops", "turn/stun", "turn/core",
                             "turn/net", "turn/server", "signaling/core", "signaling/net", "signaling/server", "admin", "benchmarks/load"}) {
        EXPECT_TRUE(rooms().contains(room)) << room;
    }
    EXPECT_GT(sources().size(), 50U);
}

// The table of docs/architecture.md, as far as it is "never": no line of the build may open these doors.
TEST(IncludeRules, TheBuildOpensNoForbiddenDoor) {
    const std::map<std::string, std::set<std::string>> allowed{
        {"common/base", {}},
        {"common/crypto", {"common/base"}},
        {"common/config", {"common/base"}},
        {"common/cluster", {"common/base", "common/crypto"}},
        {"common/ops", {"common/base", "common/config"}},
        {"turn/stun", {"common/base", "common/crypto"}},
        {"turn/core", {"common/base", "common/crypto", "turn/stun"}},
        {"turn/net", {"common/base", "turn/stun", "turn/core"}},
        {"signaling/core", {"common/base", "common/crypto", "common/cluster"}},
        {"signaling/net", {"common/base", "signaling/core"}},
    };
    for (const auto& [name, may] : allowed) {
        for (const std::string& depends : rooms().at(name).depends) EXPECT_TRUE(may.contains(depends)) << name << " → " << depends;
    }
    for (const auto& [name, room] : rooms()) {
        for (const std::string& depends : room.depends) {
            EXPECT_TRUE(rooms().contains(depends)) << name << " depends on " << depends << ", which is no room";
            EXPECT_FALSE(rooms().contains(depends) && rooms().at(depends).program) << name << " → " << depends << ": nobody includes a program";
            const auto house = [](const std::string& path) { return path.substr(0, path.find('/')); };
            const bool across = house(depends) != "common" && house(depends) != house(name) && house(name) != "benchmarks";
            EXPECT_FALSE(across) << name << " → " << depends << ": turn, signaling and admin meet at the sockets only";
        }
    }
}

TEST(IncludeRules, ARoomIncludesItselfAndWhatItDependsOn) {
    for (const auto& [path, file] : sources()) {
        const Room& room = rooms().at(file.room);
        for (const Include& include : file.includes) {
            if (!include.quoted) continue;
            EXPECT_TRUE(std::filesystem::exists(root() / include.path)) << at(file, include) << ": written from the root, and there";
            const std::string other = room_of(include.path);
            EXPECT_TRUE(other == file.room || room.depends.contains(other)) << at(file, include) << ": " << file.room << " does not depend on " << other;
            EXPECT_FALSE(include.path.ends_with(".cpp")) << at(file, include);
        }
    }
}

TEST(IncludeRules, ThirdPartyHeadersStayInTheRoomThatUsesThem) {
    for (const auto& [path, file] : sources()) {
        const Room& room = rooms().at(file.room);
        for (const Include& include : file.includes) {
            if (include.quoted) continue;
            const Library* library = library_of(include.path);
            if (library == nullptr) {
                EXPECT_TRUE(is_system(include.path)) << at(file, include) << ": a library that no rule knows";
                continue;
            }
            bool used = false;
            for (const std::string& target : library->targets) used = used || room.uses.contains(target);
            EXPECT_TRUE(used) << at(file, include) << ": " << file.room << " does not USE it";
            EXPECT_TRUE(library->only_in.empty() || library->only_in.contains(file.room)) << at(file, include) << ": not in " << file.room;
        }
    }
}

// What one room includes of another must not drag a library along. Containers and formatting of values
// are no such thing; sockets, loops, TLS and parsers are.
TEST(IncludeRules, NoRoomSeesAnothersLibrariesThroughItsHeaders) {
    std::map<std::string, std::vector<std::string>> dragged;  // header → the third-party headers behind it
    std::set<std::string> visiting;
    const std::function<const std::vector<std::string>&(const std::string&)> behind = [&](const std::string& path) -> const std::vector<std::string>& {
        if (const auto known = dragged.find(path); known != dragged.end()) return known->second;
        std::vector<std::string> found;
        const auto file = sources().find(path);
        if (file != sources().end() && visiting.insert(path).second) {
            for (const Include& include : file->second.includes) {
                if (include.quoted) {
                    const auto& more = behind(include.path);
                    found.insert(found.end(), more.begin(), more.end());
                } else if (library_of(include.path) != nullptr) {
                    found.push_back(path + " includes " + include.path);
                }
            }
        }
        return dragged[path] = std::move(found);
    };
    const auto harmless = [](const std::string& what) {
        return what.find("includes boost/unordered") != std::string::npos || what.find("includes boost/container") != std::string::npos ||
               what.find("json_fwd.hpp") != std::string::npos;
    };
    for (const auto& [path, file] : sources()) {
        for (const Include& include : file.includes) {
            if (!include.quoted || room_of(include.path) == file.room) continue;
            for (const std::string& library : behind(include.path)) {
                EXPECT_TRUE(harmless(library)) << at(file, include) << ", where " << library;
            }
        }
    }
}

// The state machines are pure: no socket, no file, no thread, no clock.
TEST(IncludeRules, TheCoresKnowNoSystem) {
    static const std::set<std::string> impure{"thread", "condition_variable", "future", "fstream", "iostream", "filesystem", "unistd.h",
                                              "sys/socket.h", "poll.h", "sys/epoll.h", "fcntl.h", "time.h", "ctime", "signal.h", "csignal"};
    for (const auto& [path, file] : sources()) {
        if (file.room != "turn/stun" && file.room != "turn/core" && file.room != "signaling/core") continue;
        for (const Include& include : file.includes) EXPECT_FALSE(impure.contains(include.path)) << at(file, include);
    }
}

}  // namespace
}  // namespace turnpike::architecture
