#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "turn/core/node_state.hpp"

namespace turnpike::relay {

/// The copy of the node's revocations that outlives the process: what was acknowledged to an
/// administrator is on disk before the answer.
///
/// Shape      one JSON object a line, appended:
/// {"realm":"..","subject":"..","until":1795521600,"reason":".."} Errors     one sentence; a line
/// that cannot be read (a write cut short) is left out and counted Threading  the control loop
class RevocationFile {
public:
    explicit RevocationFile(std::filesystem::path path) : path_(std::move(path)) {}
    ~RevocationFile();
    RevocationFile(const RevocationFile&) = delete;
    RevocationFile& operator=(const RevocationFile&) = delete;

    struct Replay {
        std::vector<core::Revocations::Entry> live;  // the latest `until` of each subject
        std::size_t expired = 0, unreadable = 0;
    };
    /// Reads what is there, writes the file anew with the live ones, and leaves it open for
    /// append().
    std::expected<Replay, std::string> open(WallTime now);
    /// On disk when it returns.
    std::expected<void, std::string> append(const core::Revocations::Entry& entry,
                                            std::string_view reason);
    /// Replaces the file's contents at once: a crash leaves the old or the new.
    std::expected<void, std::string> rewrite(const std::vector<core::Revocations::Entry>& entries);

    std::size_t appended() const noexcept { return appended_; }  // since the last rewrite

private:
    static constexpr std::size_t kFileBytesMax = 64 << 20;

    std::filesystem::path path_;
    int fd_ = -1;
    std::size_t appended_ = 0;
};

}  // namespace turnpike::relay
