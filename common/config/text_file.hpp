#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>

namespace turnpike::config {

/// A small text file, read whole.
struct TextFile {
    std::string text;
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t owner = 0;

    /// Opens without waiting for anybody and reads at most `bytes_max`.
    ///
    /// Errors  one sentence: missing, no permission, no regular file (FIFO, device, directory), too
    /// large
    static std::expected<TextFile, std::string> read(const std::filesystem::path& path,
                                                     std::size_t bytes_max);
};

}  // namespace turnpike::config
