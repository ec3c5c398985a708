// rooms: common/cluster common/base
//
// What a Redis server may send: the framer, hiredis' reader behind it, and every reading of a
// reply. However the bytes are cut, the replies are the same; nothing larger than the limits is
// kept.

#include <vector>

#include "common/cluster/cluster_slots.hpp"
#include "common/cluster/queries.hpp"
#include "common/cluster/reply_reader.hpp"
#include "common/cluster/reply_reading.hpp"
#include "tests/support/fuzz_check.hpp"

using namespace turnpike;
using namespace turnpike::cluster;

namespace {

constexpr ReplyFramer::Limits kLimits{.bytes = 2048, .elements = 64, .passed_over = 8192};

struct Read {
    std::vector<Outcome<Reply>> replies;
    bool good = true;
};

Read read(ByteView bytes, std::size_t cut) {
    ReplyReader reader{kLimits};
    Read out;
    while (!bytes.empty() && out.good) {
        const std::size_t size = std::min(cut, bytes.size());
        out.good = reader.feed(bytes.first(size), out.replies);
        bytes = bytes.subspan(size);
    }
    FUZZ_CHECK(out.good == reader.problem().empty());
    return out;
}

std::size_t elements_in(const Reply& reply, std::size_t depth) {
    FUZZ_CHECK(depth <= ReplyFramer::kDepthKept + 1);
    FUZZ_CHECK(reply.text.size() <= kLimits.bytes);
    FUZZ_CHECK(reply.elements.empty() || reply.is(Reply::Type::Array));
    std::size_t count = 1;
    for (const Reply& element : reply.elements) count += elements_in(element, depth + 1);
    return count;
}

template <typename T>
void checked(const Outcome<T>& outcome) {
    if (outcome) return;
    FUZZ_CHECK(!to_string(outcome.error().kind).empty() && outcome.error().detail.size() <= 200);
    for (const char c : outcome.error().detail) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
}

void read_every_way(const Reply& reply) {
    checked(query::text("k").read(reply));
    checked(query::set_text("k", "v").read(reply));
    checked(query::remove("k").read(reply));
    checked(query::hash("k").read(reply));
    checked(query::hash_page("k").read(reply));
    checked(query::members("k").read(reply));
    checked(query::add_member("k", "m").read(reply));
    checked(query::last_entry("k").read(reply));
    checked(query::append("k", {{"a", "b"}}, 1).read(reply));
    checked(query::reserve_quota("k", "i", 1, 1ms).read(reply));
    checked(query::server_time().read(reply));
    checked(query::server_info("server").read(reply));
    const auto entries = query::entries_after("k", {}).read(reply);
    checked(entries);
    for (std::size_t i = 1; entries && i < entries->size(); ++i)
        FUZZ_CHECK((*entries)[i - 1].id < (*entries)[i].id);
    const auto slots = slot_ranges(reply, "host");
    checked(slots);
    if (slots) {
        for (const SlotRange& range : *slots)
            FUZZ_CHECK(range.first <= range.last && range.last < kClusterSlots &&
                       range.master.port != 0);
    }
    if (reply.is(Reply::Type::Error)) {
        checked(Outcome<bool>{std::unexpected{reading::error_of(reply.text)}});
        if (const auto redirect = redirect_in(reply.text))
            FUZZ_CHECK(redirect->slot < kClusterSlots && redirect->to.port != 0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes{data, size};
    const Read whole = read(bytes, size == 0 ? 1 : size);
    const Read pieces = read(bytes, 1 + (size == 0 ? 0 : data[0] % 7));
    FUZZ_CHECK(whole.good == pieces.good && whole.replies.size() == pieces.replies.size());
    for (std::size_t i = 0; i < whole.replies.size(); ++i) {
        FUZZ_CHECK(whole.replies[i] == pieces.replies[i]);
        if (!whole.replies[i]) continue;
        FUZZ_CHECK(elements_in(*whole.replies[i], 0) <= kLimits.elements);
        read_every_way(*whole.replies[i]);
    }
    return 0;
}
