#include "benchmarks/load/binding_source.hpp"

#include <array>

#include "turn/stun/message_builder.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::bench {
namespace {

constexpr std::uint32_t kMark = 0x54504244;  // "TPBD", in front of the number

}  // namespace

BindingSource::BindingSource(ClientLink& link, std::uint32_t clients, double rate, Instant start,
                             const Clock& clock)
    : link_(link),
      clients_(clients),
      schedule_(start, rate, 1, clients),
      clock_(clock),
      meters_(clients) {
    link_.on_broken([this](std::uint32_t, const std::string&) { ++broken_; });
}

std::uint64_t BindingSource::send_due(Instant now, std::uint64_t budget, LoadBook& book) {
    const std::uint64_t due = schedule_.due_by(now), first = next_;
    for (; next_ < due && next_ - first < budget; ++next_) {
        stun::TransactionId id{};
        store_u32(id, 0, kMark);
        store_u64(id, 4, next_);
        std::array<std::uint8_t, stun::kHeaderSize> space;
        const stun::MessageBuilder request{space, stun::Class::Request, stun::Method::Binding, id};
        if (link_.send(schedule_.flow(next_), request.bytes()))
            book.sent(schedule_.due(next_), now);
        else
            book.refused(schedule_.due(next_));
    }
    if (next_ != first) link_.flush();
    return next_ - first;
}

std::size_t BindingSource::receive(LoadBook& book) {
    Instant now{};
    return link_.receive([&](std::uint32_t client, ByteView message) {
        if (now == Instant{}) now = clock_.now();
        on_message(client, message, now, book);
    });
}

void BindingSource::on_message(std::uint32_t client, ByteView bytes, Instant now, LoadBook& book) {
    const auto message = stun::MessageView::parse(bytes);
    if (!message) return book.damaged();
    const stun::TransactionId id = message->transaction();
    const std::uint64_t number = load_u64(id, 4);
    const bool ours =
        load_u32(id, 0) == kMark && number < next_ && schedule_.flow(number) == client;
    if (!ours || message->message_class() != stun::Class::Success ||
        message->method() != stun::Method::Binding ||
        !message->has(stun::Attribute::XorMappedAddress)) {
        return book.damaged();
    }
    book.relayed();
    const Instant due = schedule_.due(number);
    book.arrived(due, meters_[client].received(number / clients_, now - due), bytes.size(), now);
}

void BindingSource::finish(Measurement& measurement) {
    measurement.flows = clients_;
}

}  // namespace turnpike::bench
