#include "signaling/core/strict_json.hpp"

#include <string>
#include <vector>

namespace turnpike::signaling {
namespace {

using nlohmann::json;

// Builds the value itself, since the library's own builder silently keeps the last of equal names.
class StrictReader final : public nlohmann::json_sax<json> {
public:
    explicit StrictReader(std::size_t depth_max) : depth_max_(depth_max) {}

    json root;
    JsonFault fault = JsonFault::None;

    bool null() override { return put(nullptr); }
    bool boolean(bool value) override { return put(value); }
    bool number_integer(number_integer_t value) override { return put(value); }
    bool number_unsigned(number_unsigned_t value) override { return put(value); }
    bool number_float(number_float_t value, const string_t&) override { return put(value); }
    bool string(string_t& value) override {
        if (value.find('\0') != string_t::npos) return fail(JsonFault::NulCharacter);
        return put(std::move(value));
    }
    bool binary(binary_t&) override { return fail(JsonFault::Malformed); }
    bool start_object(std::size_t) override { return open(json::object()); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (name.find('\0') != string_t::npos) return fail(JsonFault::NulCharacter);
        const auto [at, fresh] = open_.back()->get_ref<json::object_t&>().try_emplace(std::move(name));
        if (!fresh) return fail(JsonFault::DuplicateName);
        slot_ = &at->second;
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const json::exception&) override {
        return fail(JsonFault::Malformed);
    }

private:
    bool fail(JsonFault what) {
        if (fault == JsonFault::None) fault = what;
        return false;
    }
    json* place(json&& value) {
        if (open_.empty()) {
            root = std::move(value);
            return &root;
        }
        if (open_.back()->is_array()) {
            open_.back()->push_back(std::move(value));
            return &open_.back()->back();
        }
        *slot_ = std::move(value);
        return slot_;
    }
    bool put(json value) {
        place(std::move(value));
        return true;
    }
    bool open(json value) {
        if (open_.size() >= depth_max_) return fail(JsonFault::TooDeep);
        // An array's elements move when it grows, but never while one of them is open.
        open_.push_back(place(std::move(value)));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    std::size_t depth_max_;
    std::vector<json*> open_;
    json* slot_ = nullptr;  // where the value of the name just read goes
};

}  // namespace

nlohmann::json parse_strict(std::string_view text, std::size_t depth_max, JsonFault& fault) {
    StrictReader reader{depth_max};
    if (!json::sax_parse(text.begin(), text.end(), &reader) && reader.fault == JsonFault::None) {
        reader.fault = JsonFault::Malformed;
    }
    fault = reader.fault;
    if (fault != JsonFault::None) return nullptr;
    return std::move(reader.root);
}

}  // namespace turnpike::signaling
