// rooms: turn/core turn/stun common/crypto common/base
//
// AllocationRecord::decode on the input as it is, and on the input as a body under a right head and
// checksum; what it accepts is written back byte for byte, and a node survives restoring it.

#include <algorithm>

#include "common/crypto/digest.hpp"
#include "tests/support/fuzz_check.hpp"
#include "tests/support/turn_node.hpp"

using namespace turnpike;
using core::AllocationRecord;

namespace {

Bytes sealed(ByteView body) {
    Bytes bytes(12);
    store_u32(bytes, 0, 0x5450'4152);
    store_u16(bytes, 4, AllocationRecord::kVersion);
    store_u32(bytes, 8, static_cast<std::uint32_t>(body.size()));
    bytes.insert(bytes.end(), body.begin(), body.end());
    const crypto::Sha256 sum = crypto::sha256({ByteView{bytes}});
    bytes.insert(bytes.end(), sum.begin(), sum.begin() + 8);
    return bytes;
}

void check_restoring(const AllocationRecord& record) {
    static const test::NodeOptions kOptions;
    test::TurnNode node{kOptions};
    core::Path path;
    path.tuple = record.tuple;
    const bool taken = node.server.restore(record, path, node.now, node.out);
    node.run();
    FUZZ_CHECK(node.shared->quota.total() == (taken ? 1U : 0U));
    if (!taken) return;
    const auto read = node.server.record(path.tuple, node.now);
    FUZZ_CHECK(read && read->credential.username == record.credential.username && read->credential.key_md5 == record.credential.key_md5 && read->credential.key_sha256 == record.credential.key_sha256);
    FUZZ_CHECK(read->left <= record.left && read->left <= node.options.config.lifetime_max);
    const core::PeerPolicy policy{{}, node.shared->relays};
    for (const auto& permission : read->permissions) {
        FUZZ_CHECK(policy.check(permission.peer, record.credential.relay_peers_only));
        FUZZ_CHECK(permission.left <= node.options.config.permission_lifetime);
    }
    for (const auto& channel : read->channels) {
        FUZZ_CHECK(policy.check(channel.peer.address, record.credential.relay_peers_only));
    }
    for (int i = 0; i < 40; ++i) node.advance(100s);
    FUZZ_CHECK(node.server.allocations() == 0 && node.sockets.empty());
    FUZZ_CHECK(node.shared->quota.total() == 0 && !node.server.next_deadline(node.now));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input{data, size};
    if (const auto record = AllocationRecord::decode(input)) {
        FUZZ_CHECK(std::ranges::equal(record->encode(), input));
    }
    const Bytes bytes = sealed(input);
    if (const auto record = AllocationRecord::decode(bytes)) {
        FUZZ_CHECK(record->encode() == bytes);
        check_restoring(*record);
    }
    return 0;
}
