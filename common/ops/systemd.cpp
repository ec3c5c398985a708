#include "common/ops/systemd.hpp"

#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

namespace turnpike::ops::systemd {
namespace {

void notify(std::string text) {
    // A status is one line; what comes behind a line end would be another message.
    ::sd_notify(0, text.c_str());
}

std::string one_line(std::string_view text) {
    std::string line{text};
    for (char& c : line) {
        if (c == '\n') c = ' ';
    }
    return line;
}

}  // namespace

void ready(std::string_view text) {
    notify("READY=1\nSTATUS=" + one_line(text));
}
void status(std::string_view text) {
    notify("STATUS=" + one_line(text));
}
void reloading() {
    notify("RELOADING=1");
}
void stopping(std::string_view text) {
    notify("STOPPING=1\nSTATUS=" + one_line(text));
}
void alive() {
    notify("WATCHDOG=1");
}

std::optional<Milliseconds> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0) return {};
    return std::max(Milliseconds{1}, std::chrono::duration_cast<Milliseconds>(
                                         std::chrono::microseconds{microseconds / 2}));
}

bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    if (!stream) return false;
    const std::string_view text{stream};
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    std::uint64_t device = 0, inode = 0;
    std::from_chars(text.data(), text.data() + colon, device);
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), inode);
    struct stat status {};
    return ::fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
           status.st_ino == inode;
}

}  // namespace turnpike::ops::systemd
