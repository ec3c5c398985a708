#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace turnpike::architecture {

/// One #include.
struct Include {
    std::string path;
    bool quoted = false;
    std::size_t line = 0;
};

struct SourceFile {
    std::string path;  // from the root: "turn/core/server.hpp"
    std::string room;  // "turn/core"
    std::vector<Include> includes;

    bool is_header() const { return path.ends_with(".hpp"); }
};

/// A turnpike_room or turnpike_program line of the root CMakeLists.txt.
struct Room {
    std::set<std::string> depends, uses;
    bool program = false;
};

std::filesystem::path root();
std::string text_of(const std::filesystem::path& file);
/// The same without comments, line for line. Strings stay.
std::string code_of(const std::filesystem::path& file);

/// What the build says: a room to what it may include and use.
const std::map<std::string, Room>& rooms();
/// Every .cpp and .hpp of every room, by path.
const std::map<std::string, SourceFile>& sources();

/// The files below `folder` with this extension, paths from the root, sorted; generated and fetched
/// ones left out.
std::vector<std::string> files_below(const std::string& folder, const std::string& extension);

}  // namespace turnpike::architecture
