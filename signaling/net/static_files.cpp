#include "signaling/net/static_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace turnpike::signaling {
namespace {

namespace fs = std::filesystem;

// As bundlers name their output: index-BvX12abc.js.
bool has_content_hash(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    const std::size_t dash = name.rfind('-', dot);
    if (dot == std::string_view::npos || dash == std::string_view::npos || dot - dash - 1 < 8) return false;
    return std::ranges::all_of(name.substr(dash + 1, dot - dash - 1), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

// The path below the root, or nothing when a segment climbs, hides or is not what it seems.
std::optional<fs::path> below_root(std::string_view path) {
    if (path == "/") return fs::path{"index.html"};
    if (path.starts_with("/r/") && path.find('/', 3) == std::string_view::npos) return fs::path{"index.html"};
    fs::path relative;
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const std::string_view segment = path.substr(0, path.find('/'));
        if (segment.empty() || segment.front() == '.' || segment.find('\\') != std::string_view::npos) return {};
        relative /= segment;
        path.remove_prefix(segment.size());
    }
    return relative;
}

}  // namespace

std::string_view content_type(const fs::path& file) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kTypes{{
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".mp3", "audio/mpeg"},
        {".wav", "audio/wav"},
        {".txt", "text/plain; charset=utf-8"},
    }};
    const std::string extension = file.extension().string();
    for (const auto& [suffix, type] : kTypes) {
        if (suffix == extension) return type;
    }
    return "application/octet-stream";
}

StaticFiles::StaticFiles(fs::path root) : root_(std::move(root)) {
    std::error_code error;
    if (const fs::path real = fs::canonical(root_, error); !error) root_ = real;
}

bool StaticFiles::has_page() const {
    std::error_code error;
    return !root_.empty() && fs::is_regular_file(root_ / "index.html", error);
}

std::optional<StaticFiles::File> StaticFiles::find(std::string_view path) const {
    const auto relative = below_root(path);
    if (root_.empty() || !relative) return {};
    std::error_code error;
    const fs::path file = fs::canonical(root_ / *relative, error);
    if (error) return {};
    const auto [end, unused] = std::ranges::mismatch(root_, file);
    if (end != root_.end()) return {};  // a link out of the root
    if (!fs::is_regular_file(file, error)) return {};
    const std::uintmax_t size = fs::file_size(file, error);
    if (error || size > kFileBytesMax) return {};
    const auto changed = fs::last_write_time(file, error);
    if (error) return {};

    File found;
    found.content.resize(static_cast<std::size_t>(size));
    std::ifstream in{file, std::ios::binary};
    if (!in.read(found.content.data(), static_cast<std::streamsize>(size)) && size > 0) return {};
    found.type = content_type(file);
    found.cache_control = has_content_hash(file.filename().string()) ? "public, max-age=31536000, immutable" : "no-cache";
    found.etag = "\"" + std::to_string(size) + "-" + std::to_string(changed.time_since_epoch().count()) + "\"";
    return found;
}

}  // namespace turnpike::signaling
