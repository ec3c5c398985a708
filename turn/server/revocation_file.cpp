#include "turn/server/revocation_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "common/config/text_file.hpp"

namespace turnpike::relay {
namespace {

std::string line_of(const core::Revocations::Entry& entry, std::string_view reason) {
    nlohmann::ordered_json line{
        {"realm", entry.realm}, {"subject", entry.subject}, {"until", unix_seconds(entry.until)}};
    if (!reason.empty()) line["reason"] = reason;
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::optional<core::Revocations::Entry> entry_of(std::string_view line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) return {};
    const auto realm = json.find("realm"), subject = json.find("subject"),
               until = json.find("until");
    if (realm == json.end() || !realm->is_string() || subject == json.end() ||
        !subject->is_string())
        return {};
    if (until == json.end() || !until->is_number_integer()) return {};
    constexpr std::int64_t kYear9999 = 253'402'300'799;
    const auto seconds = until->get<std::int64_t>();
    if (seconds < 0 || seconds > kYear9999) return {};
    return core::Revocations::Entry{realm->get<std::string>(), subject->get<std::string>(),
                                    from_unix_seconds(seconds)};
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

}  // namespace

RevocationFile::~RevocationFile() {
    if (fd_ >= 0) ::close(fd_);
}

std::expected<RevocationFile::Replay, std::string> RevocationFile::open(WallTime now) {
    Replay replay;
    if (std::filesystem::exists(path_)) {
        const auto file = config::TextFile::read(path_, kFileBytesMax);
        if (!file) return std::unexpected{file.error()};
        std::map<std::pair<std::string, std::string>, core::Revocations::Entry> latest;
        std::string_view text = file->text;
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            const std::string_view line = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            if (line.empty()) continue;
            auto entry = entry_of(line);
            if (!entry) {
                ++replay.unreadable;
            } else if (entry->until <= now) {
                ++replay.expired;
            } else {
                auto& kept = latest[{entry->realm, entry->subject}];
                if (kept.until < entry->until) kept = std::move(*entry);
            }
        }
        for (auto& [key, entry] : latest) replay.live.push_back(std::move(entry));
    }
    if (auto written = rewrite(replay.live); !written) return std::unexpected{written.error()};
    return replay;
}

std::expected<void, std::string> RevocationFile::append(const core::Revocations::Entry& entry,
                                                        std::string_view reason) {
    const off_t before = fd_ < 0 ? -1 : ::lseek(fd_, 0, SEEK_END);
    if (before < 0) return std::unexpected{path_.string() + " is not open"};
    if (!write_all(fd_, line_of(entry, reason)) || ::fdatasync(fd_) != 0) {
        const int failure = errno;
        // Half a line would spoil the next one.
        [[maybe_unused]] const int cut = ::ftruncate(fd_, before);
        return std::unexpected{"cannot write " + path_.string() + ": " + std::strerror(failure)};
    }
    ++appended_;
    return {};
}

std::expected<void, std::string> RevocationFile::rewrite(
    const std::vector<core::Revocations::Entry>& entries) {
    const std::filesystem::path fresh_path = path_.string() + ".new";
    const auto failed = [&](std::string_view what) {
        return std::unexpected{"cannot " + std::string{what} + " " + fresh_path.string() + ": " +
                               std::strerror(errno)};
    };
    const int fresh = ::open(fresh_path.c_str(),
                             O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fresh < 0) return failed("make");
    std::string text;
    for (const auto& entry : entries) text += line_of(entry, {});
    if (!write_all(fresh, text) || ::fdatasync(fresh) != 0 ||
        ::rename(fresh_path.c_str(), path_.c_str()) != 0) {
        auto error = failed("write");
        ::close(fresh);
        return error;
    }
    if (fd_ >= 0) ::close(fd_);
    fd_ = fresh;
    appended_ = 0;
    return {};
}

}  // namespace turnpike::relay
