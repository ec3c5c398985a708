#include "common/ops/log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/base/system_clock.hpp"
#include "common/ops/systemd.hpp"
#include "common/ops/time_text.hpp"

namespace turnpike::ops {
namespace {

constexpr std::size_t kLimitedEventsMax = 256;

std::string_view name_of(Level level) noexcept {
    switch (level) {
        case Level::Debug:
            return "debug";
        case Level::Info:
            return "info";
        case Level::Warning:
            return "warning";
        case Level::Error:
            return "error";
        case Level::Off:
            break;
    }
    return "off";
}

spdlog::level::level_enum to_spdlog(Level level) noexcept {
    switch (level) {
        case Level::Debug:
            return spdlog::level::debug;
        case Level::Info:
            return spdlog::level::info;
        case Level::Warning:
            return spdlog::level::warn;
        case Level::Error:
            return spdlog::level::err;
        case Level::Off:
            break;
    }
    return spdlog::level::off;
}

int priority_of(Level level) noexcept {
    switch (level) {
        case Level::Debug:
            return LOG_DEBUG;
        case Level::Info:
            return LOG_INFO;
        case Level::Warning:
            return LOG_WARNING;
        default:
            return LOG_ERR;
    }
}

class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit CallbackSink(Log::Sink call) : call_(std::move(call)) {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        std::string_view text{line.data(), line.size()};
        if (text.ends_with('\n')) text.remove_suffix(1);
        const auto level = message.level <= spdlog::level::debug  ? Level::Debug
                           : message.level == spdlog::level::info ? Level::Info
                           : message.level == spdlog::level::warn ? Level::Warning
                                                                  : Level::Error;
        call_(level, text);
    }
    void flush_() override {}
    Log::Sink call_;
};

/// Strangers' bytes must not end a line, start a field or move a terminal's cursor.
void append_quoted(fmt::memory_buffer& out, std::string_view text) {
    bool plain = !text.empty();
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7F || byte >= 0x80 || c == '"' || c == '\\' || c == '=')
            plain = false;
    }
    if (plain) {
        out.append(text);
        return;
    }
    out.push_back('"');
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (c == '\n') {
            out.append(std::string_view{"\\n"});
        } else if (byte < 0x20 || byte == 0x7F) {
            fmt::format_to(fmt::appender(out), "\\x{:02x}", static_cast<unsigned>(byte));
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

void append_value(fmt::memory_buffer& out, const Field& field) {
    std::visit(
        [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
                append_quoted(out, value);
            } else {
                fmt::format_to(fmt::appender(out), "{}", value);
            }
        },
        field.value);
}

struct Limited {
    std::optional<Instant> last;
    std::uint64_t left_out = 0;
};

}  // namespace

struct Log::State {
    std::unique_ptr<spdlog::logger> logger;
    std::atomic<Level> level{Level::Info};
    Format format = Format::Text;
    SystemClock clock;
    std::mutex limited_mutex;
    std::unordered_map<std::string, Limited> limited;

    std::string fields_text(std::string_view event, Fields fields, std::uint64_t left_out) const {
        fmt::memory_buffer out;
        out.append(event);
        for (const Field& field : fields) {
            out.push_back(' ');
            out.append(field.name);
            out.push_back('=');
            append_value(out, field);
        }
        if (left_out > 0) fmt::format_to(fmt::appender(out), " suppressed={}", left_out);
        return fmt::to_string(out);
    }

    std::string json_line(Level at, std::string_view event, Fields fields,
                          std::uint64_t left_out) const {
        nlohmann::ordered_json line;
        line["time"] = rfc3339(clock.wall());
        line["level"] = name_of(at);
        line["event"] = event;
        for (const Field& field : fields) {
            std::visit([&](const auto& value) { line[std::string{field.name}] = value; },
                       field.value);
        }
        if (left_out > 0) line["suppressed"] = left_out;
        return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }

    bool send_to_journal(Level at, std::string_view event, Fields fields,
                         std::uint64_t left_out) const {
        std::vector<std::string> entries;
        entries.push_back("MESSAGE=" + fields_text(event, fields, left_out));
        entries.push_back("PRIORITY=" + std::to_string(priority_of(at)));
        entries.push_back("TURNPIKE_EVENT=" + std::string{event});
        for (const Field& field : fields) {
            std::string name = "TURNPIKE_";
            for (const char c : field.name)
                name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
            fmt::memory_buffer value;
            if (const auto* text = std::get_if<std::string_view>(&field.value)) {
                value.append(*text);
            } else {
                append_value(value, field);
            }
            entries.push_back(name + "=" + fmt::to_string(value));
        }
        std::vector<iovec> pieces;
        for (std::string& entry : entries) pieces.push_back({entry.data(), entry.size()});
        return ::sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size())) >= 0;
    }

    void write(Level at, std::string_view event, Fields fields, std::uint64_t left_out) {
        if (format == Format::Journal && send_to_journal(at, event, fields, left_out)) return;
        std::string line;
        switch (format) {
            case Format::Json:
                line = json_line(at, event, fields, left_out);
                break;
            case Format::Logfmt:
                line = "time=" + rfc3339(clock.wall()) + " level=" + std::string{name_of(at)} +
                       " event=" + fields_text(event, fields, left_out);
                break;
            default:
                line = fields_text(event, fields, left_out);
                break;
        }
        logger->log(to_spdlog(at), fmt::string_view{line.data(), line.size()});
    }
};

Log::Log(Options options, Sink sink) : state_(std::make_unique<State>()) {
    state_->level = options.level;
    state_->format = options.format;
    if (state_->format == Format::Auto) {
        state_->format = systemd::stderr_is_journal() ? Format::Journal
                         : ::isatty(STDERR_FILENO)    ? Format::Text
                                                      : Format::Logfmt;
    }
    spdlog::sink_ptr out;
    if (sink) {
        out = std::make_shared<CallbackSink>(std::move(sink));
    } else if (state_->format == Format::Text) {
        out = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();  // colours on a terminal
                                                                            // only
    } else {
        out = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
    state_->logger = std::make_unique<spdlog::logger>("turnpike", std::move(out));
    state_->logger->set_pattern(state_->format == Format::Text ? "%H:%M:%S.%e %^%-7l%$ %v" : "%v");
    state_->logger->set_level(spdlog::level::trace);  // `level` decides
    state_->logger->flush_on(spdlog::level::info);
}
Log::~Log() = default;

bool Log::enabled(Level level) const noexcept {
    return level >= state_->level.load(std::memory_order_relaxed) && level != Level::Off;
}
void Log::set_level(Level level) noexcept {
    state_->level.store(level, std::memory_order_relaxed);
}
Log::Format Log::format() const noexcept {
    return state_->format;
}

void Log::write(Level level, std::string_view event, Fields fields) {
    if (enabled(level)) state_->write(level, event, fields, 0);
}

void Log::limited(Level level, Seconds interval, std::string_view event, Fields fields) {
    if (!enabled(level)) return;
    std::uint64_t left_out = 0;
    {
        const std::lock_guard lock{state_->limited_mutex};
        if (state_->limited.size() >= kLimitedEventsMax) state_->limited.clear();
        Limited& entry = state_->limited[std::string{event}];
        const Instant now = state_->clock.now();
        if (entry.last && now < *entry.last + interval) {
            ++entry.left_out;
            return;
        }
        left_out = std::exchange(entry.left_out, 0);
        entry.last = now;
    }
    state_->write(level, event, fields, left_out);
}

}  // namespace turnpike::ops
