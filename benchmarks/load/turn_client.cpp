#include "benchmarks/load/turn_client.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "turn/stun/attributes.hpp"
#include "turn/stun/channel_data.hpp"
#include "turn/stun/demux.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::bench {
namespace {

constexpr Nanoseconds kFirstTimeout = 500ms;      // RTO
constexpr int kSendsMax = 7;                      // Rc
constexpr int kLastWait = 16;                     // Rm, in RTOs
constexpr Nanoseconds kReliableTimeout = 39500ms; // Ti
constexpr int kRefusalsMax = 3;                   // 401 and 438 in a row

constexpr std::uint16_t kChannel = 0x4000;
constexpr Nanoseconds kReopenEvery = 240s;  // a permission lives 300 s
constexpr Nanoseconds kRefreshAhead = 60s;

constexpr std::size_t kRequestBytesMax = 2048;

std::string_view name_of(stun::Method method) {
    switch (method) {
        case stun::Method::Allocate: return "Allocate";
        case stun::Method::Refresh: return "Refresh";
        case stun::Method::CreatePermission: return "CreatePermission";
        case stun::Method::ChannelBind: return "ChannelBind";
        default: return "request";
    }
}

stun::ChannelNumber channel() {
    return *stun::ChannelNumber::from_wire(kChannel, stun::ChannelRange::Rfc8656);
}

}  // namespace

TurnClient::TurnClient(std::unique_ptr<Connection> connection, Options options, Random& random)
    : connection_(std::move(connection)), options_(std::move(options)), random_(random) {}

void TurnClient::allocate(Instant now) { request(Purpose::Allocate, now); }

void TurnClient::open_peer(const Endpoint& peer, Instant now) {
    peer_ = peer;
    request(Purpose::OpenPeer, now);
}

void TurnClient::close(Instant now) {
    refresh_at_ = reopen_at_ = Instant::max();
    open_ = false;
    transactions_.clear();
    if (relayed_ && !failed()) request(Purpose::Close, now);
    else closed_ = true;
}

bool TurnClient::send(ByteView payload) {
    if (!open_ || failed()) return false;
    std::array<std::uint8_t, kRequestBytesMax> space;
    if (options_.framing == Framing::Channels) {
        stun::write_channel_data_header(space, channel(), payload.size());
        std::ranges::copy(payload, space.begin() + stun::ChannelDataView::kHeaderSize);
        return connection_->send(ByteView{space}.first(stun::ChannelDataView::kHeaderSize + payload.size()));
    }
    stun::TransactionId id{};
    random_.fill_public(id);
    stun::MessageBuilder indication{space, stun::Class::Indication, stun::Method::Send, id};
    indication.xor_address(stun::Attribute::XorPeerAddress, *peer_).bytes(stun::Attribute::Data, payload);
    return connection_->send(indication.bytes());
}

void TurnClient::request(Purpose purpose, Instant now) {
    Transaction transaction;
    transaction.purpose = purpose;
    random_.fill_public(transaction.id);
    stun::Method method = stun::Method::Refresh;
    if (purpose == Purpose::Allocate) method = stun::Method::Allocate;
    if (purpose == Purpose::OpenPeer) {
        method = options_.framing == Framing::Channels ? stun::Method::ChannelBind : stun::Method::CreatePermission;
    }

    std::array<std::uint8_t, kRequestBytesMax> space;
    stun::MessageBuilder message{space, stun::Class::Request, method, transaction.id};
    switch (purpose) {
        case Purpose::Allocate:
            message.u8(stun::Attribute::RequestedTransport, stun::kProtocolUdp);
            if (options_.family) {
                message.u8(stun::Attribute::RequestedAddressFamily, static_cast<std::uint8_t>(*options_.family));
            }
            break;
        case Purpose::OpenPeer:
            if (options_.framing == Framing::Channels) message.u16(stun::Attribute::ChannelNumber, kChannel);
            message.xor_address(stun::Attribute::XorPeerAddress, *peer_);
            break;
        case Purpose::Close: message.u32(stun::Attribute::Lifetime, 0); break;
        case Purpose::Refresh: break;
    }
    if (!key_.empty()) {
        message.text(stun::Attribute::Username, options_.username)
            .text(stun::Attribute::Realm, realm_)
            .text(stun::Attribute::Nonce, nonce_)
            .message_integrity(key_);
    }
    if (!message.ok()) return fail("a username or nonce that does not fit into a request");
    transaction.message.assign(message.bytes().begin(), message.bytes().end());
    transmit(transaction, now);
    transactions_.push_back(std::move(transaction));
}

void TurnClient::transmit(Transaction& transaction, Instant now) {
    connection_->send(transaction.message);  // no room is as good as lost: it is sent again
    if (auto flushed = connection_->flush(); !flushed) return fail(flushed.error());
    ++transaction.sent;
    if (options_.reliable) {
        transaction.timeout = kReliableTimeout;
    } else if (transaction.sent == kSendsMax) {
        transaction.timeout = kFirstTimeout * kLastWait;
    } else {
        transaction.timeout = kFirstTimeout * (1 << (transaction.sent - 1));
    }
    transaction.next_at = now + transaction.timeout;
}

void TurnClient::tick(Instant now) {
    if (failed()) return;
    for (Transaction& transaction : transactions_) {
        if (transaction.next_at > now) continue;
        if (options_.reliable || transaction.sent >= kSendsMax) {
            return fail(fmt::format("no answer after {} tries", transaction.sent));
        }
        transmit(transaction, now);
        if (failed()) return;
    }
    if (now >= refresh_at_) {
        refresh_at_ = Instant::max();
        request(Purpose::Refresh, now);
    }
    if (now >= reopen_at_) {
        reopen_at_ = now + kReopenEvery;
        request(Purpose::OpenPeer, now);
    }
}

Instant TurnClient::next_deadline() const noexcept {
    Instant next = std::min(refresh_at_, reopen_at_);
    for (const Transaction& transaction : transactions_) next = std::min(next, transaction.next_at);
    return next;
}

void TurnClient::on_readable(Instant now) {
    if (failed()) return;
    auto received = connection_->receive([&](ByteView message) { on_message(message, now); });
    if (!received) fail(received.error());
}

void TurnClient::on_writable() {
    if (failed()) return;
    if (auto flushed = connection_->flush(); !flushed) fail(flushed.error());
}

void TurnClient::on_message(ByteView message, Instant now) {
    switch (stun::classify(message)) {
        case stun::Kind::ChannelData: {
            const auto data = stun::ChannelDataView::parse(message);
            if (data && data->channel == kChannel && on_payload_) on_payload_(data->data, now);
            return;
        }
        case stun::Kind::Stun: {
            const auto view = stun::MessageView::parse(message);
            if (!view) return;
            if (view->message_class() == stun::Class::Indication) return on_data_indication(*view, now);
            if (view->message_class() != stun::Class::Request) on_response(*view, now);
            return;
        }
        default: return;
    }
}

void TurnClient::on_data_indication(const stun::MessageView& message, Instant now) {
    if (message.method() != stun::Method::Data || !on_payload_) return;
    const auto data = message.find(stun::Attribute::Data);
    const auto from = message.find(stun::Attribute::XorPeerAddress);
    if (!data || !from) return;
    // What comes from elsewhere than the peer is not this client's traffic.
    if (stun::decode_xor_address(*from, message.transaction_id()) != peer_) return;
    on_payload_(*data, now);
}

void TurnClient::on_response(const stun::MessageView& message, Instant now) {
    const auto found = std::ranges::find(transactions_, message.transaction(), &Transaction::id);
    if (found == transactions_.end()) return;  // a late answer to a retransmission
    const bool success = message.message_class() == stun::Class::Success;
    // RFC 8489 §9.2.5: a success that does not prove the password is not for us.
    if (success && (key_.empty() || !stun::verify_message_integrity(message, key_))) return;
    const Purpose purpose = found->purpose;
    transactions_.erase(found);
    if (success) {
        refusals_ = 0;
        on_success(purpose, message, now);
    } else {
        on_refusal(purpose, message, now);
    }
}

void TurnClient::on_success(Purpose purpose, const stun::MessageView& message, Instant now) {
    switch (purpose) {
        case Purpose::Allocate: {
            const auto relayed = message.find(stun::Attribute::XorRelayedAddress);
            if (relayed) relayed_ = stun::decode_xor_address(*relayed, message.transaction_id());
            if (!relayed_) return fail("Allocate: an answer without XOR-RELAYED-ADDRESS");
            [[fallthrough]];
        }
        case Purpose::Refresh: {
            const auto value = message.find(stun::Attribute::Lifetime);
            const auto seconds = value ? stun::decode_lifetime(*value) : std::optional<std::uint32_t>{600};
            const Nanoseconds lifetime = Seconds{seconds.value_or(600)};
            refresh_at_ = now + std::max(lifetime - kRefreshAhead, lifetime / 2);
            return;
        }
        case Purpose::OpenPeer:
            open_ = true;
            reopen_at_ = now + kReopenEvery;
            return;
        case Purpose::Close: closed_ = true; return;
    }
}

void TurnClient::on_refusal(Purpose purpose, const stun::MessageView& message, Instant now) {
    const auto value = message.find(stun::Attribute::ErrorCode);
    const auto error = value ? stun::decode_error(*value) : std::nullopt;
    if (!error) return fail("an error response without ERROR-CODE");
    const bool challenge = error->code == 401 && key_.empty();
    const bool stale = error->code == 438;
    if ((!challenge && !stale) || ++refusals_ > kRefusalsMax) {
        return fail(fmt::format("{}: {} {}", name_of(message.method()), error->code, error->reason));
    }
    const auto realm = message.find(stun::Attribute::Realm), nonce = message.find(stun::Attribute::Nonce);
    if (!realm || !nonce) return fail(fmt::format("{} without REALM and NONCE", error->code));
    realm_ = as_text(*realm);
    nonce_ = as_text(*nonce);
    if (!options_.realm.empty() && options_.realm != realm_) {
        return fail(fmt::format("the server's realm is '{}', not '{}'", realm_, options_.realm));
    }
    const auto key = stun::long_term_key_md5(options_.username, realm_, options_.password);
    key_.assign(key.begin(), key.end());
    request(purpose, now);
}

void TurnClient::fail(std::string error) {
    if (error_.empty()) error_ = error.empty() ? "failed" : std::move(error);
    open_ = false;
}

}  // namespace turnpike::bench
