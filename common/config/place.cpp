#include "common/config/place.hpp"

namespace turnpike::config {

std::string Problem::to_string() const {
    std::string text = source;
    if (line != 0) text += ":" + std::to_string(line) + ":" + std::to_string(column);
    if (!text.empty()) text += ": ";
    if (severity == Severity::Warning) text += "warning: ";
    text += message;
    text += "\n";
    text += excerpt;
    return text;
}

}  // namespace turnpike::config
