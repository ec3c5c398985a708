#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "admin/failure.hpp"
#include "common/base/clock.hpp"

namespace turnpike::admin {

/// The outside world of one run, so that tests can stand in for it.
struct World {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    bool in_is_terminal = false, out_is_terminal = false, err_is_terminal = false;
    std::function<std::optional<std::string>(const std::string& name)> variable;  // environment
    std::filesystem::path program_folder;  // where turnpike itself is; the daemons are its neighbours
    const Clock& clock;
};

/// The flags that every command takes.
struct Globals {
    std::string runtime_dir;
    std::vector<std::string> sockets;
    std::string output;  // as given to -o; empty: table on a terminal, TSV elsewhere
    bool no_headers = false, no_color = false, yes = false, dry_run = false;
    std::string timeout = "10s";
};

/// One run of the program: what was asked, where to answer, and how it ended.
class Session {
public:
    explicit Session(World& world) : world_(world) {}

    Globals globals;

    World& world() noexcept { return world_; }
    ExitCode exit_code() const noexcept { return exit_code_; }

    /// What a command leaves; the first code that is not Ok stays.
    void finish(ExitCode code) noexcept {
        if (exit_code_ == ExitCode::Ok) exit_code_ = code;
    }
    /// Says the failure and its fix on stderr, and leaves its code.
    void fail(const Failure& failure);
    void warn(const std::string& text);

    /// Whether to go on with what cannot be undone. Asks on a terminal; elsewhere --yes is needed.
    std::expected<void, Failure> confirm(const std::string& what);

    /// Writes the file and says its name, or the failure; with --dry-run says its name only. True when the next may follow.
    bool write_file(const std::filesystem::path& file, const std::string& text);

    bool colors() const;
    Milliseconds timeout() const;

private:
    World& world_;
    ExitCode exit_code_ = ExitCode::Ok;
};

}  // namespace turnpike::admin
