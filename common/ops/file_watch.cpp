#include "common/ops/file_watch.hpp"

#include <sys/stat.h>

namespace turnpike::ops {

void FileWatch::watch(std::vector<std::filesystem::path> files) {
    files_ = std::move(files);
    stamps_.clear();
    for (const auto& file : files_) stamps_.push_back(stamp(file));
}

bool FileWatch::changed() {
    bool any = false;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const Stamp now = stamp(files_[i]);
        if (now == stamps_[i]) continue;
        stamps_[i] = now;
        any = true;
    }
    return any;
}

FileWatch::Stamp FileWatch::stamp(const std::filesystem::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return {};
    const auto nanoseconds = [](const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
            nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

}  // namespace turnpike::ops
