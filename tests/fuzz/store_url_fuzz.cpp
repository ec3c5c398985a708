// rooms: common/cluster common/base
//
// store.url. What is accepted is whole and shown without its secrets, and what is shown reads back.

#include <algorithm>

#include "common/cluster/store_url.hpp"
#include "tests/support/fuzz_check.hpp"

using namespace turnpike;
using namespace turnpike::cluster;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text(ByteView{data, size});
    const auto url = StoreUrl::parse(text);
    if (!url) {
        FUZZ_CHECK(!url.error().empty());
        return 0;
    }
    FUZZ_CHECK(url->addresses.empty() == (url->kind == StoreUrl::Kind::Memory) &&
               url->addresses.size() <= 64);
    for (const StoreAddress& address : url->addresses) {
        FUZZ_CHECK(address.socket.empty() != (address.host.empty() && address.port == 0));
        FUZZ_CHECK(address.socket.empty() || address.socket.front() == '/');
        FUZZ_CHECK(address.socket.find('\0') == std::string::npos &&
                   address.host.find('\0') == std::string::npos);
        FUZZ_CHECK(address.socket.size() <= 107 && address.host.size() <= 253);
    }
    FUZZ_CHECK(url->database >= 0 &&
               (url->kind == StoreUrl::Kind::Sentinel) == !url->master.empty());
    FUZZ_CHECK(url->tls || (url->ca.empty() && url->key.empty() && url->server_name.empty()));
    const std::string shown = url->shown();
    // A socket's path and a master's name are shown as they are, not percent-encoded; default ports make it longer.
    if (text.find('%') != std::string_view::npos || shown.size() > StoreUrl::kBytesMax) return 0;
    const auto again = StoreUrl::parse(shown);
    FUZZ_CHECK(again && again->shown() == shown && again->addresses == url->addresses &&
               again->kind == url->kind && again->database == url->database &&
               again->master == url->master && again->login.empty());
    return 0;
}
