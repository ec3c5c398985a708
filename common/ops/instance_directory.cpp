#include "common/ops/instance_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace turnpike::ops {
namespace {

constexpr std::string_view kFix = "; set node.runtime_dir to a directory of this daemon's own";

/// Whether somebody else could put files there.
std::string why_unsafe(const std::filesystem::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return std::strerror(errno);
    if (!S_ISDIR(status.st_mode)) return "it is no directory";
    if (status.st_uid != ::geteuid()) return "it belongs to user " + std::to_string(status.st_uid);
    if ((status.st_mode & 022) != 0) return "others may write to it";
    return {};
}

}  // namespace

std::filesystem::path InstanceDirectory::locate(std::string_view name,
                                                const std::filesystem::path& configured) {
    if (!configured.empty()) return configured;
    const std::filesystem::path system = std::filesystem::path{"/run/turnpike"} / name;
    // A service user is not root, but tmpfiles.d made the directory for it.
    if (::geteuid() == 0 || ::access(system.c_str(), W_OK) == 0) return system;
    if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime && *runtime == '/') {
        return std::filesystem::path{runtime} / "turnpike" / name;
    }
    return std::filesystem::path{"/tmp/turnpike-" + std::to_string(::geteuid())} / name;
}

std::expected<InstanceDirectory, std::string> InstanceDirectory::claim(
    std::filesystem::path path, std::optional<unsigned> group) {
    const std::string shown = path.string();
    std::error_code error;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
    const bool made = ::mkdir(path.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) {
        return std::unexpected{"cannot make the runtime directory " + shown + ": " +
                               std::strerror(errno) + std::string{kFix}};
    }
    // A directory that tmpfiles.d made keeps the owner and mode that it was made with.
    if (made && group &&
        (::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0 ||
         ::chmod(path.c_str(), 0750) != 0)) {
        return std::unexpected{"cannot give the runtime directory " + shown +
                               " to node.admin_group: " + std::strerror(errno)};
    }
    if (const std::string why = why_unsafe(path); !why.empty()) {
        return std::unexpected{"cannot use the runtime directory " + shown + ": " + why +
                               std::string{kFix}};
    }

    const std::filesystem::path lock_path = path / "node.lock";
    const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return std::unexpected{"cannot open " + lock_path.string() + ": " + std::strerror(errno)};
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        char pid[16] = {};
        const ssize_t got = ::pread(lock, pid, sizeof pid - 1, 0);
        ::close(lock);
        const std::string who = got > 0 ? "process " + std::string{pid, std::strcspn(pid, "\n")}
                                        : std::string{"another process"};
        return std::unexpected{who + " already runs on " + shown +
                               "; stop it, or set node.runtime_dir to another directory"};
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) < 0) {
        const int failure = errno;
        ::close(lock);
        return std::unexpected{"cannot write " + lock_path.string() + ": " +
                               std::strerror(failure)};
    }
    return InstanceDirectory{std::move(path), lock};
}

InstanceDirectory::InstanceDirectory(InstanceDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
InstanceDirectory& InstanceDirectory::operator=(InstanceDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_, other.lock_);
    return *this;
}
InstanceDirectory::~InstanceDirectory() {
    if (lock_ >= 0) ::close(lock_);
}

void InstanceDirectory::remove_stale(std::string_view name) const {
    std::error_code ignored;
    std::filesystem::remove(path_ / name, ignored);
}

}  // namespace turnpike::ops
