// turn/stun: what reading, writing and proving one message costs. Each line says allocations per
// operation too; on the data plane they must be 0.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>

#include "benchmarks/support/allocation_counter.hpp"
#include "tests/support/stun_vectors.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/channel_data.hpp"
#include "turn/stun/demux.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"
#include "turn/stun/stream_framer.hpp"

namespace turnpike::stun {
namespace {

namespace vectors = test::vectors;

constexpr TransactionId kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

// Runs `step` for every iteration and reports bytes per second and allocations per operation.
template <typename Step>
void measure(benchmark::State& state, std::size_t bytes, Step&& step) {
    step();  // thread-local contexts are made once
    const std::uint64_t before = bench::heap_allocations();
    for (auto _ : state) step();
    const std::uint64_t allocations = bench::heap_allocations() - before;
    state.counters["allocs/op"] = static_cast<double>(allocations) / static_cast<double>(state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

MessageView must_parse(ByteView bytes) {
    const auto view = MessageView::parse(bytes);
    if (!view) std::abort();
    return *view;
}

Bytes signed_request() {
    std::array<std::uint8_t, 512> space;
    MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
    builder.u32(Attribute::Lifetime, 600)
        .text(Attribute::Username, "1700000000:r00mtag.p1;k=k1;a=42")
        .text(Attribute::Realm, "turnpike")
        .text(Attribute::Nonce, "obMatJos2gAAA0123456789abcdef0123456789abcdef")
        .message_integrity(long_term_key_md5("u", "r", "p"))
        .fingerprint();
    return {builder.bytes().begin(), builder.bytes().end()};
}

Bytes send_indication(std::size_t payload) {
    Bytes space(payload + 64);
    MessageBuilder builder{space, Class::Indication, Method::Send, kId};
    builder.xor_address(Attribute::XorPeerAddress, *Endpoint::parse("192.0.2.1:5000")).bytes(Attribute::Data, Bytes(payload, 0x5A));
    return {builder.bytes().begin(), builder.bytes().end()};
}

void BM_ParseBindingRequest(benchmark::State& state) {
    std::array<std::uint8_t, kHeaderSize> space;
    const ByteView bytes = MessageBuilder{space, Class::Request, Method::Binding, kId}.bytes();
    measure(state, bytes.size(), [&] { benchmark::DoNotOptimize(MessageView::parse(bytes)); });
}
BENCHMARK(BM_ParseBindingRequest);

void BM_ParseIceRequest(benchmark::State& state) {  // RFC 5769 §2.1, with FINGERPRINT
    const Bytes bytes = vectors::request();
    measure(state, bytes.size(), [&] { benchmark::DoNotOptimize(MessageView::parse(bytes)); });
}
BENCHMARK(BM_ParseIceRequest);

void BM_ParseSendAndFindPeerAndData(benchmark::State& state) {
    const Bytes bytes = send_indication(static_cast<std::size_t>(state.range(0)));
    measure(state, bytes.size(), [&] {
        const auto view = MessageView::parse(bytes);
        const auto peer = view->find(Attribute::XorPeerAddress);
        benchmark::DoNotOptimize(decode_xor_address(*peer, view->transaction_id()));
        benchmark::DoNotOptimize(view->find(Attribute::Data));
    });
}
BENCHMARK(BM_ParseSendAndFindPeerAndData)->Arg(160)->Arg(1200);

void BM_BuildBindingSuccess(benchmark::State& state) {
    std::array<std::uint8_t, 128> space;
    const Endpoint mapped = *Endpoint::parse("192.0.2.1:32853");
    measure(state, 32, [&] {
        MessageBuilder builder{space, Class::Success, Method::Binding, kId};
        builder.xor_address(Attribute::XorMappedAddress, mapped);
        benchmark::DoNotOptimize(builder.bytes());
    });
}
BENCHMARK(BM_BuildBindingSuccess);

void BM_BuildDataIndication(benchmark::State& state) {
    const Bytes payload(static_cast<std::size_t>(state.range(0)), 0x5A);
    Bytes space(payload.size() + 64);
    const Endpoint peer = *Endpoint::parse("192.0.2.1:5000");
    measure(state, payload.size(), [&] {
        MessageBuilder builder{space, Class::Indication, Method::Data, kId};
        builder.xor_address(Attribute::XorPeerAddress, peer).bytes(Attribute::Data, payload);
        benchmark::DoNotOptimize(builder.bytes());
    });
}
BENCHMARK(BM_BuildDataIndication)->Arg(160)->Arg(1200);

void BM_BuildSignedSuccess(benchmark::State& state) {
    std::array<std::uint8_t, 256> space;
    const auto key = long_term_key_md5("u", "r", "p");
    measure(state, 68, [&] {
        MessageBuilder builder{space, Class::Success, Method::Refresh, kId};
        builder.u32(Attribute::Lifetime, 600).message_integrity(key).fingerprint();
        benchmark::DoNotOptimize(builder.bytes());
    });
}
BENCHMARK(BM_BuildSignedSuccess);

void BM_VerifyMessageIntegrity(benchmark::State& state) {
    const Bytes bytes = signed_request();
    const MessageView view = must_parse(bytes);
    const auto key = long_term_key_md5("u", "r", "p");
    if (!verify_message_integrity(view, key)) std::abort();
    measure(state, bytes.size(), [&] { benchmark::DoNotOptimize(verify_message_integrity(view, key)); });
}
BENCHMARK(BM_VerifyMessageIntegrity);

void BM_VerifyMessageIntegritySha256(benchmark::State& state) {
    const Bytes bytes = vectors::sha256_request();
    const MessageView view = must_parse(bytes);
    const auto key = long_term_key_sha256(vectors::kUsername, vectors::kRealm, vectors::kPassword);
    if (!verify_message_integrity_sha256(view, key)) std::abort();
    measure(state, bytes.size(), [&] { benchmark::DoNotOptimize(verify_message_integrity_sha256(view, key)); });
}
BENCHMARK(BM_VerifyMessageIntegritySha256);

void BM_Fingerprint(benchmark::State& state) {
    const Bytes bytes(static_cast<std::size_t>(state.range(0)), 0x5A);
    measure(state, bytes.size(), [&] { benchmark::DoNotOptimize(fingerprint_of(bytes)); });
}
BENCHMARK(BM_Fingerprint)->Arg(100)->Arg(1200);

void BM_ParseChannelData(benchmark::State& state) {
    Bytes datagram(4 + static_cast<std::size_t>(state.range(0)), 0x5A);
    write_channel_data_header(ByteSpan{datagram}.first(4), *ChannelNumber::from_wire(0x4001, ChannelRange::Rfc8656),
                              datagram.size() - 4);
    const ByteView bytes = datagram;
    measure(state, bytes.size(), [&] {
        benchmark::DoNotOptimize(classify(bytes));
        benchmark::DoNotOptimize(ChannelDataView::parse(bytes));
    });
}
BENCHMARK(BM_ParseChannelData)->Arg(160)->Arg(1200);

void BM_CutChannelDataFromStream(benchmark::State& state) {
    Bytes stream;
    for (int i = 0; i < 64; ++i) {
        const std::size_t at = stream.size();
        stream.resize(at + 164, 0x5A);
        store_u16(stream, at, 0x4001);
        store_u16(stream, at + 2, 160);
    }
    measure(state, stream.size(), [&] {
        for (ByteView rest = stream; !rest.empty();) rest = rest.subspan((*next_frame(rest, 1500))->consumed);
    });
}
BENCHMARK(BM_CutChannelDataFromStream);

}  // namespace
}  // namespace turnpike::stun
