#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike::ops {

/// The runtime directory of one running daemon: admin.sock, node.lock and what it keeps across
/// restarts. Claimed by a lock, so that two processes never share one.
///
/// Lifetime  the lock is held until the destructor; the directory stays
class InstanceDirectory {
public:
    /// `configured` when it is not empty; else /run/turnpike/NAME as root, else
    /// $XDG_RUNTIME_DIR/turnpike/NAME, else /tmp/turnpike-UID/NAME.
    static std::filesystem::path locate(std::string_view name,
                                        const std::filesystem::path& configured);

    /// Makes the directory (0700, or 0750 of `group`) and takes node.lock, or tells in one sentence
    /// why not: another process has it (with its pid), it is not ours, it cannot be made.
    static std::expected<InstanceDirectory, std::string> claim(std::filesystem::path path,
                                                               std::optional<unsigned> group = {});

    InstanceDirectory(InstanceDirectory&& other) noexcept;
    InstanceDirectory& operator=(InstanceDirectory&& other) noexcept;
    ~InstanceDirectory();

    const std::filesystem::path& path() const noexcept { return path_; }
    std::filesystem::path admin_socket() const { return path_ / "admin.sock"; }
    /// Removes what a dead process left of `name`. Only its lock holder may.
    void remove_stale(std::string_view name) const;

private:
    InstanceDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
    std::filesystem::path path_;
    int lock_ = -1;
};

}  // namespace turnpike::ops
