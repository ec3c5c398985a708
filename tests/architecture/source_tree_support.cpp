#include "tests/architecture/source_tree.hpp"

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace turnpike::architecture {
namespace {

namespace fs = std::filesystem;

std::map<std::string, Room> read_rooms() {
    static const std::regex call{R"((?:^|\n)turnpike_(room|program)\(([^()]*)\))"};
    std::map<std::string, Room> rooms;
    std::string text = text_of(root() / "CMakeLists.txt");
    text = std::regex_replace(text, std::regex{"#[^\n]*"}, "");
    for (std::sregex_iterator at{text.begin(), text.end(), call}, end; at != end; ++at) {
        std::istringstream words{(*at)[2].str()};
        const bool program = (*at)[1] == "program";
        std::string path, word;
        if (program) words >> word;  // the binary's name
        words >> path;
        Room room{.depends = {}, .uses = {}, .program = program};
        std::set<std::string>* list = nullptr;
        while (words >> word) {
            if (word == "DEPENDS") list = &room.depends;
            else if (word == "USES") list = &room.uses;
            else if (list != nullptr) list->insert(word);
        }
        rooms[path] = std::move(room);
    }
    if (rooms.empty()) throw std::runtime_error("no turnpike_room line in CMakeLists.txt");
    return rooms;
}

std::vector<Include> includes_of(const fs::path& file) {
    static const std::regex directive{R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])"};
    std::vector<Include> includes;
    std::istringstream lines{code_of(file)};
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        std::smatch match;
        if (std::regex_search(line, match, directive)) includes.push_back({match[2], match[1] == "\"", number});
    }
    return includes;
}

}  // namespace

fs::path root() { return TURNPIKE_SOURCE_DIR; }

std::string text_of(const fs::path& file) {
    std::ifstream in{file};
    if (!in) throw std::runtime_error("cannot read " + file.string());
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::string code_of(const fs::path& file) {
    const std::string text = text_of(file);
    std::string code;
    code.reserve(text.size());
    enum class In { Code, Line, Block, String, Char } in = In::Code;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
        switch (in) {
            case In::Code:
                if (c == '/' && next == '/') in = In::Line;
                else if (c == '/' && next == '*') in = In::Block;
                else {
                    if (c == '"') in = In::String;
                    // 1'000 is no character literal.
                    if (c == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1])))) in = In::Char;
                    code += c;
                }
                break;
            case In::Line:
                if (c == '\n') {
                    in = In::Code;
                    code += c;
                }
                break;
            case In::Block:
                if (c == '\n') code += c;
                if (c == '*' && next == '/') {
                    in = In::Code;
                    ++i;
                }
                break;
            case In::String:
            case In::Char:
                code += c;
                if (c == '\\' && next != '\0') code += text[++i];
                else if (c == (in == In::String ? '"' : '\'') || c == '\n') in = In::Code;
                break;
        }
    }
    return code;
}

const std::map<std::string, Room>& rooms() {
    static const std::map<std::string, Room> all = read_rooms();
    return all;
}

const std::map<std::string, SourceFile>& sources() {
    static const std::map<std::string, SourceFile> all = [] {
        std::map<std::string, SourceFile> found;
        for (const auto& [name, room] : rooms()) {
            if (!fs::is_directory(root() / name)) continue;
            for (const auto& entry : fs::directory_iterator{root() / name}) {
                const std::string extension = entry.path().extension().string();
                if (extension != ".cpp" && extension != ".hpp") continue;
                const std::string path = name + "/" + entry.path().filename().string();
                found[path] = {path, name, includes_of(entry.path())};
            }
        }
        return found;
    }();
    return all;
}

std::vector<std::string> files_below(const std::string& folder, const std::string& extension) {
    std::vector<std::string> files;
    for (fs::recursive_directory_iterator at{root() / folder}, end; at != end; ++at) {
        const std::string name = at->path().filename().string();
        if (at->is_directory() && (name == "node_modules" || name == "build" || name.starts_with('.'))) {
            at.disable_recursion_pending();
        } else if (at->path().extension() == extension) {
            files.push_back(fs::relative(at->path(), root()).string());
        }
    }
    std::ranges::sort(files);
    return files;
}

}  // namespace turnpike::architecture
