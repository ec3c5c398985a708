// A link that leads nowhere teaches that the pages are not true.
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "tests/architecture/source_tree.hpp"

namespace turnpike::architecture {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> pages() {
    std::vector<std::string> pages{"README.md"};
    for (const char* folder : {"docs", "systemd", "deploy", "signaling", "tests"}) {
        if (!fs::is_directory(root() / folder)) continue;
        for (const std::string& page : files_below(folder, ".md")) pages.push_back(page);
    }
    return pages;
}

// Calls each(line number, first group) for every match outside of fenced blocks.
template <typename Each>
void for_each_match(const std::string& page, const std::regex& pattern, Each&& each) {
    std::istringstream lines{text_of(root() / page)};
    std::size_t number = 0;
    bool fenced = false;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.starts_with("```")) fenced = !fenced;
        if (fenced) continue;
        for (std::sregex_iterator at{line.begin(), line.end(), pattern}, end; at != end; ++at) each(number, (*at)[1].str());
    }
}

TEST(DocLinks, LeadToFilesThatExist) {
    static const std::regex link{R"(\]\(([^)\s]+)[^)]*\))"};
    for (const std::string& page : pages()) {
        for_each_match(page, link, [&](std::size_t line, std::string target) {
            if (target.starts_with("http://") || target.starts_with("https://") || target.starts_with("mailto:")) return;
            target = target.substr(0, target.find('#'));
            if (target.empty()) return;
            EXPECT_TRUE(fs::exists((root() / page).parent_path() / target)) << page << ":" << line << ": " << target;
        });
    }
}

// `turn/core/allocate.cpp` in a page is as good as a link.
TEST(DocLinks, FilesNamedInCodeExist) {
    static const std::regex name{R"(`((?:common|turn|signaling|admin|benchmarks|tests|deploy|systemd|docs|cmake)/[A-Za-z0-9_./-]+\.[a-z]+)`)"};
    for (const std::string& page : pages()) {
        for_each_match(page, name, [&](std::size_t line, const std::string& target) {
            EXPECT_TRUE(fs::exists(root() / target)) << page << ":" << line << ": " << target;
        });
    }
}

}  // namespace
}  // namespace turnpike::architecture
