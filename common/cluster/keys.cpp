#include "common/cluster/keys.hpp"

namespace turnpike::cluster {

std::string Keys::part(std::string_view name) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F || c == ':' || c == '{' || c == '}' || c == '%') {
            out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
        } else {
            out += c;
        }
    }
    return out;
}

std::string Keys::of(std::string_view kind, std::initializer_list<std::string_view> names,
                     std::string_view leaf) const {
    std::string out = prefix_ + '{' + std::string{kind};
    for (const std::string_view name : names) out += ':' + part(name);
    return out + "}:" + std::string{leaf};
}

}  // namespace turnpike::cluster
