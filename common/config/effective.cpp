#include "common/config/reading.hpp"

namespace turnpike::config {
namespace {

constexpr std::size_t kCommentColumn = 48;

void print(const Document& document, const Reading& reading, std::size_t index, std::string& out) {
    const Reading::OpenTable& table = reading.tables[index];
    for (const Reading::Known& known : table.known) {
        if (known.literal.empty()) continue;
        // An empty default is no value: whether a key is there may mean something.
        const bool unset = !known.given && (known.literal == "\"\"" || known.literal == "[]" ||
                                            known.literal == "{}");
        std::string line = (unset ? "# " : "") + known.key + " = " + known.literal;
        line.append(line.size() < kCommentColumn ? kCommentColumn - line.size() : 1, ' ');
        out += line + "# " +
               (known.given ? document.describe(known.place)
                : unset     ? "not set"
                            : "default") +
               "\n";
    }
    for (const Reading::Known& known : table.known) {
        for (const std::size_t child : known.tables) {
            std::string body;
            print(document, reading, child, body);
            if (body.empty()) continue;
            const std::string& header = reading.tables[child].header;
            // A table of tables only needs no header of its own.
            const bool own = known.list || body.front() != '\n';
            if (own)
                out += "\n" + std::string{known.list ? "[[" : "["} + header +
                       (known.list ? "]]" : "]") + "\n";
            out += body;
        }
    }
}

}  // namespace

std::string Document::effective() const {
    std::string out;
    if (!reading_->tables.empty()) print(*this, *reading_, 0, out);
    if (out.starts_with('\n')) out.erase(0, 1);
    return out;
}

}  // namespace turnpike::config
