#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/place.hpp"
#include "common/config/table.hpp"
#include "common/config/translation.hpp"

namespace turnpike::config {

/// A daemon's configuration while it is being read: the file, with --set flags laid over it.
///
/// Nothing here throws or stops at the first mistake: problems are collected, and values keep their
/// defaults. Reading a key makes it known, so the code that reads is the only list of keys;
/// finish() then reports every key that nobody asked for, with the nearest known one.
///
///     config::Document document{{.dev = flags.dev}};
///     document.load(flags.config);
///     for (const std::string& assignment : flags.set) document.set(assignment);
///     const RelayConfig config = read(document.root());
///     document.finish();
///     if (!document.ok()) { std::fputs(document.report().c_str(), stderr); return kExitConfig; }
///
/// Lifetime   Tables borrow the Document
/// Threading  one thread
class Document {
public:
    struct Options {
        bool dev = false;  // --dev: literal and world-readable secrets pass
    };
    static constexpr std::size_t kFileBytesMax = 1 << 20;
    static constexpr std::size_t kProblemsMax = 100;

    Document() : Document(Options{}) {}
    explicit Document(Options options);
    ~Document();
    Document(Document&&) noexcept;
    Document& operator=(Document&&) noexcept;

    /// Reads a file. Refused: what is no regular file, or larger than kFileBytesMax, or no UTF-8
    /// TOML.
    void load(const std::filesystem::path& file);
    /// The same for text at hand.
    void parse(std::string_view text, std::string name);
    /// The same for what was a file of another form: problems and origins name the place there.
    /// At most one of load(), parse() and translated(), before any set().
    void translated(Translation translation);
    /// One --set flag, "relay.min_port=50000": a dotted key (a number indexes an existing array)
    /// and a value in TOML syntax; what is no TOML value is taken as a string.
    void set(std::string_view assignment);

    Table root();
    bool dev() const noexcept;

    /// Reports the keys that nobody read. Once, after all reading.
    void finish();

    void problem(const Place& place, std::string message);
    void warning(const Place& place, std::string message);
    /// "relay.toml:12", for messages that name a second place.
    std::string describe(const Place& place) const;

    const std::vector<Problem>& problems() const noexcept;  // warnings too, in order of appearance
    bool ok() const noexcept;                               // no errors
    /// Every problem (errors and warnings), one after another.
    std::string report() const;
    /// What was read, defaults included, as TOML; each value's origin as a comment. Secrets show
    /// where they come from, never what they are.
    std::string effective() const;
    /// Files that secrets were read from: what a daemon watches to read them again.
    std::vector<std::filesystem::path> secret_files() const;

private:
    std::unique_ptr<Reading> reading_;
};

/// The known word nearest to `word`, if it is near enough to be what was meant.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace turnpike::config
