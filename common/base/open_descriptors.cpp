#include "common/base/open_descriptors.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace turnpike {

std::optional<std::uint64_t> open_descriptors(int pid) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) return {};
    if (status.st_size > 0) return static_cast<std::uint64_t>(status.st_size);
    DIR* const directory = ::opendir(folder.c_str());
    if (directory == nullptr) return {};
    std::uint64_t count = 0;
    while (const dirent* entry = ::readdir(directory)) count += entry->d_name[0] == '.' ? 0 : 1;
    ::closedir(directory);
    if (pid == ::getpid()) --count;  // the folder's own
    return count;
}

}  // namespace turnpike
