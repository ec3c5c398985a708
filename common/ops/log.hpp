#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/clock.hpp"

namespace turnpike::ops {

enum class Level : std::uint8_t { Debug, Info, Warning, Error, Off };

/// One named value of a log line. Secret has no printer, so it cannot be one.
///
/// Lifetime  borrows texts; for the call
struct Field {
    std::string_view name;  // snake_case, units last: duration_seconds
    std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

    Field(std::string_view n, std::string_view v) : name(n), value(v) {}
    Field(std::string_view n, const std::string& v) : name(n), value(std::string_view{v}) {}
    Field(std::string_view n, const char* v) : name(n), value(std::string_view{v}) {}
    Field(std::string_view n, bool v) : name(n), value(v) {}
    Field(std::string_view n, double v) : name(n), value(v) {}
    template <std::signed_integral T>
    Field(std::string_view n, T v) : name(n), value(std::int64_t{v}) {}
    template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>) Field(std::string_view n, T v)
        : name(n), value(std::uint64_t{v}) {}
};

/// The program's log: an event name ("allocation.closed", stable, dotted) and typed fields, never a
/// sentence with values glued in. Lines go to stderr, or to the journal with each field as its own.
///
/// Shape      text     12:00:01.123 info  allocation.closed reason=expired bytes_to_peer=1200
///            logfmt   time=2026-11-24T12:00:01.123Z level=info event=allocation.closed
///            reason=expired json
///            {"time":"...","level":"info","event":"allocation.closed","reason":"expired"} journal
///            MESSAGE=..., PRIORITY=6, TURNPIKE_EVENT=allocation.closed, TURNPIKE_REASON=expired
/// Threading  any
class Log {
public:
    /// Auto: journal when stderr is the journal, text on a terminal, else logfmt.
    enum class Format : std::uint8_t { Auto, Text, Logfmt, Json, Journal };
    struct Options {
        Level level = Level::Info;
        Format format = Format::Auto;
    };
    /// Gets finished lines instead of stderr (tests).
    using Sink = std::function<void(Level, std::string_view line)>;
    using Fields = std::initializer_list<Field>;

    Log() : Log(Options{}) {}
    explicit Log(Options options, Sink sink = {});
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void debug(std::string_view event, Fields fields = {}) { write(Level::Debug, event, fields); }
    void info(std::string_view event, Fields fields = {}) { write(Level::Info, event, fields); }
    void warning(std::string_view event, Fields fields = {}) {
        write(Level::Warning, event, fields);
    }
    void error(std::string_view event, Fields fields = {}) { write(Level::Error, event, fields); }
    void write(Level level, std::string_view event, Fields fields);

    /// At most one line of `event` per interval; the next one says how many were left out
    /// (suppressed=N). For what strangers can cause.
    void limited(Level level, Seconds interval, std::string_view event, Fields fields = {});

    bool enabled(Level level) const noexcept;
    void set_level(Level level) noexcept;
    Format format() const noexcept;  // never Auto

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::ops
