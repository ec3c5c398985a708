#include "common/cluster/queries.hpp"

#include "common/base/assert.hpp"
#include "common/cluster/reply_reading.hpp"
#include "common/cluster/scripts.hpp"

namespace turnpike::cluster::query {
namespace {

constexpr std::size_t kFieldsOfAnEntryMax = 100;

std::string count_of(Milliseconds duration) {
    return std::to_string(duration.count());
}

Outcome<bool> read_set(const Reply& reply) {
    if (reply.is(Reply::Type::Nil)) return false;
    if (reply.is(Reply::Type::Status)) return true;
    return std::unexpected{reading::unexpected_type(reply)};
}

Outcome<std::optional<StreamId>> read_last(const Reply& reply) {
    const auto entries = reading::entries(reply);
    if (!entries) return std::unexpected{entries.error()};
    if (entries->empty()) return std::optional<StreamId>{};
    return std::optional{entries->front().id};
}

Outcome<QuotaAnswer> read_quota(const Reply& reply) {
    if (!reply.is(Reply::Type::Array) || reply.elements.size() != 2)
        return std::unexpected{reading::unexpected_type(reply)};
    const auto granted = reading::flag(reply.elements[0]);
    if (!granted) return std::unexpected{granted.error()};
    const auto held = reading::number(reply.elements[1]);
    if (!held) return std::unexpected{held.error()};
    return QuotaAnswer{*granted, *held};
}

Outcome<WallTime> read_time(const Reply& reply) {
    const auto parts = reading::list(reply);
    if (!parts) return std::unexpected{parts.error()};
    const std::string digits = "0123456789";
    for (const std::string& part : *parts) {
        if (part.empty() || part.size() > 11 || part.find_first_not_of(digits) != std::string::npos)
            return std::unexpected{reading::unexpected_type(reply)};
    }
    if (parts->size() != 2) return std::unexpected{reading::unexpected_type(reply)};
    return from_unix_seconds(std::stoll((*parts)[0])) +
           Milliseconds{std::stoll((*parts)[1]) / 1000};
}

Outcome<std::string> read_info(const Reply& reply) {
    return reading::bytes(reply);
}

}  // namespace

Query<std::optional<std::string>> text(std::string key) {
    return {{"GET", nullptr, {std::move(key)}, {}}, &reading::optional_bytes};
}

Query<bool> set_text(std::string key, std::string value, Milliseconds expiry, bool only_if_absent) {
    Command command{"SET", nullptr, {std::move(key)}, {std::move(value)}};
    if (expiry > 0ms) {
        command.arguments.emplace_back("PX");
        command.arguments.push_back(count_of(expiry));
    }
    if (only_if_absent) command.arguments.emplace_back("NX");
    return {std::move(command), &read_set};
}

Query<bool> remove(std::string key) {
    return {{"UNLINK", nullptr, {std::move(key)}, {}}, &reading::flag};
}

Query<std::optional<std::string>> hash_field(std::string key, std::string field) {
    return {{"HGET", nullptr, {std::move(key)}, {std::move(field)}}, &reading::optional_bytes};
}

Query<Fields> hash(std::string key) {
    return {{"HGETALL", nullptr, {std::move(key)}, {}}, &reading::fields};
}

Query<HashPage> hash_page(std::string key, std::string from, unsigned about) {
    return {{"HSCAN", nullptr, {std::move(key)}, {std::move(from), "COUNT", std::to_string(about)}},
            &reading::hash_page};
}

Query<std::int64_t> update_hash(std::string key, const Fields& set,
                                std::span<const std::string> removed, Milliseconds expiry) {
    Command command{
        {}, &kUpdateHash, {std::move(key)}, {count_of(expiry), std::to_string(set.size())}};
    for (const auto& [name, value] : set) {
        command.arguments.push_back(name);
        command.arguments.push_back(value);
    }
    command.arguments.insert(command.arguments.end(), removed.begin(), removed.end());
    return {std::move(command), &reading::number};
}

Query<std::vector<std::string>> members(std::string key) {
    return {{"SMEMBERS", nullptr, {std::move(key)}, {}}, &reading::list};
}

Query<std::int64_t> add_member(std::string key, std::string member) {
    return {{"SADD", nullptr, {std::move(key)}, {std::move(member)}}, &reading::number};
}

Query<std::int64_t> remove_member(std::string key, std::string member) {
    return {{"SREM", nullptr, {std::move(key)}, {std::move(member)}}, &reading::number};
}

Query<StreamId> append(std::string stream, const Fields& fields, unsigned most,
                       Milliseconds expiry) {
    TURNPIKE_ASSERT(!fields.empty() && fields.size() <= kFieldsOfAnEntryMax);
    Command command{{}, &kAppend, {std::move(stream)}, {std::to_string(most), count_of(expiry)}};
    for (const auto& [name, value] : fields) {
        command.arguments.push_back(name);
        command.arguments.push_back(value);
    }
    return {std::move(command), &reading::stream_id};
}

Query<std::vector<StreamEntry>> entries_after(std::string stream, StreamId after, unsigned most) {
    return {{"XRANGE",
             nullptr,
             {std::move(stream)},
             {after.next().to_string(), "+", "COUNT", std::to_string(most)}},
            &reading::entries};
}

Query<std::optional<StreamId>> last_entry(std::string stream) {
    return {{"XREVRANGE", nullptr, {std::move(stream)}, {"+", "-", "COUNT", "1"}}, &read_last};
}

Query<QuotaAnswer> reserve_quota(std::string key, std::string id, std::int64_t limit,
                                 Milliseconds lease) {
    return {{{},
             &kReserveQuota,
             {std::move(key)},
             {std::move(id), std::to_string(limit), count_of(lease)}},
            &read_quota};
}

Query<bool> release_quota(std::string key, std::string id) {
    return {{"ZREM", nullptr, {std::move(key)}, {std::move(id)}}, &reading::flag};
}

Query<WallTime> server_time() {
    return {{"TIME", nullptr, {}, {}}, &read_time};
}

Query<std::string> server_info(std::string section) {
    return {{"INFO", nullptr, {}, {std::move(section)}}, &read_info};
}

}  // namespace turnpike::cluster::query
