#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike::signaling {

/// The built page, read from its directory. "/" and "/r/ROOM" are index.html; names with a content
/// hash are immutable for the browser; nothing outside the directory is reachable, also not by links.
///
/// Threading  one thread
class StaticFiles {
public:
    static constexpr std::uintmax_t kFileBytesMax = 32U << 20;

    struct File {
        std::string content;
        std::string_view type;
        std::string_view cache_control;
        std::string etag;
    };

    explicit StaticFiles(std::filesystem::path root);

    /// Whether there is a page at all (index.html in the root).
    bool has_page() const;
    const std::filesystem::path& root() const noexcept { return root_; }
    std::optional<File> find(std::string_view path) const;

private:
    std::filesystem::path root_;
};

/// "text/javascript; charset=utf-8" for "x.js".
std::string_view content_type(const std::filesystem::path& file);

}  // namespace turnpike::signaling
