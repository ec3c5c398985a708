#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace turnpike::ops {

/// Notices that files were changed or replaced, by asking for their state.
///
/// Polling, since a secret may be behind symbolic links that are swapped (Kubernetes, certbot),
/// where inotify would watch the wrong inode.
class FileWatch {
public:
    /// Watches these from now on, as they are now.
    void watch(std::vector<std::filesystem::path> files);
    /// Whether any is different from when it was last asked.
    bool changed();

private:
    struct Stamp {
        std::uint64_t device = 0, inode = 0, size = 0;
        std::int64_t modified_ns = 0, changed_ns = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };
    static Stamp stamp(const std::filesystem::path& file);

    std::vector<std::filesystem::path> files_;
    std::vector<Stamp> stamps_;
};

}  // namespace turnpike::ops
