// rooms: turn/net turn/core turn/stun common/crypto common/base
//
// DTLS datagrams from strangers: DtlsDatagram::inspect, and DtlsSessions with DTLSv1_listen behind it. Whatever
// comes, nothing is kept of it, and what is answered is no longer than what was asked. The input is a row of
// datagrams, each behind its length in two bytes; where the length's highest bit is set, the first sixteen
// zero bytes in a row become a good cookie, and a handshake may begin.

#include <algorithm>

#include "common/crypto/system_random.hpp"
#include "tests/support/fuzz_check.hpp"
#include "tests/support/self_signed.hpp"
#include "tests/support/temp_dir.hpp"
#include "turn/net/dtls_sessions.hpp"

using namespace turnpike;
using namespace turnpike::net;

namespace {

class StoppedClock final : public Clock {
public:
    Instant now() const noexcept override { return at; }
    WallTime wall() const noexcept override { return {}; }
    Instant at{1000s};
};

class Ends final : public ClientSink, public DtlsConnection::Wire {
public:
    void on_frame(const core::Path&, ByteSpan) override { ++frames; }
    void on_session_closed(const core::Path&) override {}
    void on_session_replaced(const core::Path&) override {}
    bool has_allocation(const FiveTuple&) const override { return false; }
    void make_room() override { memory.recycle(); }
    void send_record(const core::Path&, ByteView datagram) override { sent += datagram.size(); }

    DatagramReader memory;
    std::size_t sent = 0, frames = 0;
};

struct Port {
    Port() : context({{write("c.pem", pair.certificate), write("k.pem", pair.key)}}, {.datagram = true, .http = false}) {
        FUZZ_CHECK(context.load().has_value());
    }
    std::string write(const char* name, const std::string& text) const { return directory.write(name, text).string(); }

    TempDir directory;
    SelfSigned pair = SelfSigned::make();
    TlsContext context;
    crypto::SystemRandom random;
    DtlsCookies cookies{random};
    Limits limits;
    StoppedClock clock;
    Ends ends;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Port on;
    StreamCensus census{100, 100, {}, HashKey{1, 2}};
    HandshakeLimits handshakes{100, 0, 1, {}, HashKey{3, 4}};
    DtlsSessions sessions{on.ends.memory, census, handshakes, on.cookies, on.limits, on.clock, on.ends, on.ends};
    sessions.listen(0, on.context);
    core::Path path;
    path.tuple = {Endpoint::parse("192.0.2.1:40000").value(), Endpoint::parse("192.0.2.2:5349").value(), Transport::Dtls};

    ByteView rest{data, size};
    bool cookie_given = false;
    while (rest.size() >= 2) {
        const std::uint16_t head = load_u16(rest, 0);
        const std::size_t length = std::min<std::size_t>(head & 0x7FFF, rest.size() - 2);
        Bytes datagram{rest.begin() + 2, rest.begin() + 2 + static_cast<std::ptrdiff_t>(length)};
        rest = rest.subspan(2 + length);
        if ((head & 0x8000) != 0) {
            const auto cookie = on.cookies.make(path.tuple, on.clock.now());
            const auto zeroes = std::search_n(datagram.begin(), datagram.end(), 16, std::uint8_t{0});
            if (zeroes != datagram.end()) {
                std::ranges::copy(cookie, zeroes);
                cookie_given = true;
            }
        }
        const DtlsDatagram seen = DtlsDatagram::inspect(datagram);
        FUZZ_CHECK((seen.kind == DtlsDatagram::Kind::ClientHello) == (seen.random.size() == 32));

        on.ends.sent = on.ends.frames = 0;
        sessions.receive(path, datagram, on.clock.now());
        sessions.settle();
        FUZZ_CHECK(on.ends.frames == 0);  // nobody has keys
        if (!cookie_given) {
            FUZZ_CHECK(sessions.size() == 0 && census.total() == 0 && handshakes.running() == 0);
            FUZZ_CHECK(on.ends.sent <= datagram.size());
            FUZZ_CHECK(on.ends.sent == 0 || seen.kind == DtlsDatagram::Kind::ClientHello);
        }
        FUZZ_CHECK(sessions.size() <= 1 && sessions.size() == census.total());
        FUZZ_CHECK(handshakes.running() <= sessions.size());
        on.ends.memory.recycle();
    }
    sessions.advance(on.clock.now() + 1h);
    sessions.settle();
    FUZZ_CHECK(sessions.size() == 0 && census.total() == 0 && handshakes.running() == 0);
    return 0;
}
