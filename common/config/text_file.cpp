#include "common/config/text_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace turnpike::config {
namespace {

struct Descriptor {
    int fd = -1;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

std::string_view kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    if (S_ISSOCK(mode)) return "a socket";
    return "no regular file";
}

std::string reason(int error) {
    switch (error) {
        case ENOENT:
            return "no such file";
        case EACCES:
            return "permission denied";
        case ELOOP:
            return "too many symbolic links";
        case ENXIO:
            return "no regular file";
        default:
            return std::strerror(error);
    }
}

}  // namespace

std::expected<TextFile, std::string> TextFile::read(const std::filesystem::path& path,
                                                    std::size_t bytes_max) {
    const std::string name = path.string();
    // O_NONBLOCK: opening a FIFO that nobody writes to must not hang a start.
    const Descriptor file{::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.fd < 0) return std::unexpected{"cannot read " + name + ": " + reason(errno)};
    struct stat status {};
    if (::fstat(file.fd, &status) != 0)
        return std::unexpected{"cannot read " + name + ": " + reason(errno)};
    if (!S_ISREG(status.st_mode))
        return std::unexpected{"cannot read " + name + ": it is " +
                               std::string{kind_of(status.st_mode)}};

    TextFile out;
    out.mode = status.st_mode & 07777;
    out.owner = status.st_uid;
    // The size is not taken from fstat: some file systems say 0, and a file may grow meanwhile.
    char chunk[16 * 1024];
    for (;;) {
        const ssize_t got = ::read(file.fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected{"cannot read " + name + ": " + reason(errno)};
        if (got == 0) return out;
        out.text.append(chunk, static_cast<std::size_t>(got));
        if (out.text.size() > bytes_max) {
            return std::unexpected{"cannot read " + name + ": it is larger than " +
                                   std::to_string(bytes_max / 1024) + " KiB"};
        }
    }
}

}  // namespace turnpike::config
