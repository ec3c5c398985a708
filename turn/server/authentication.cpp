#include "turn/server/authentication.hpp"

#include <algorithm>
#include <set>

#include "common/crypto/base64.hpp"
#include "common/crypto/opaque_string.hpp"

namespace turnpike::relay {
namespace {

constexpr std::size_t kUsernameBytesMax = 508;    // RFC 8489 §14.3
constexpr std::size_t kPasswordBytesMin = 8;      // static users; shared secrets need more
constexpr std::size_t kServerNameBytesMax = 255;  // it goes into every 401
constexpr std::size_t kKeysMax = 16;
constexpr std::size_t kKeyTextMin = 24;  // 16 bytes in base64

void read_users(config::Table auth, Config& config) {
    std::set<std::string> names;
    for (config::Table user : auth.tables("users")) {
        core::StaticUser read;
        config::SecretText password;
        user.text("name", read.name);
        const auto prepared = crypto::opaque_string(read.name);
        if (read.name.empty() || read.name.size() > kUsernameBytesMax) {
            user.problem("name", "must have 1 to 508 bytes");
        } else if (!prepared) {
            user.problem("name",
                         "has a character that no username may have (OpaqueString, RFC 8265)");
        } else if (!names.insert(*prepared).second) {
            user.problem("name", "is \"" + read.name + "\", which another user has");
        }
        if (user.secret("password", password, kPasswordBytesMin)) {
            if (!crypto::opaque_string(as_text(password.value.reveal())))
                user.warning("password",
                             "has a character that OpaqueString (RFC 8265) does not allow; only "
                             "clients that "
                             "take it byte for byte will get in");
            read.password = std::move(password.value);
        } else if (!user.has("password")) {
            user.problem("password", "is needed: {file = \"path\"}");
        }
        config.users.push_back(std::move(read));
    }
}

void read_third_party(config::Document& document, config::Table auth, Config& config) {
    if (!auth.has("third_party")) return;
    config::Table third_party = auth.table("third_party");
    std::string server_name;
    third_party.text("server_name", server_name);
    const bool plain = std::none_of(server_name.begin(), server_name.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x21 || c == 0x7F;
    });
    if (server_name.empty() || server_name.size() > kServerNameBytesMax || !plain)
        third_party.problem(
            "server_name",
            "must have 1 to 255 bytes without spaces: the name by which the authorization "
            "server knows this one");

    std::vector<core::ThirdParty::Key> keys;
    for (config::Table entry : third_party.tables("keys")) {
        core::ThirdParty::Key key;
        key.lifetime = 24h;
        config::SecretText text;
        entry.text("id", key.id);
        if (key.id.empty() || key.id.size() > kUsernameBytesMax)
            entry.problem("id", "must have 1 to 508 bytes: what clients send as USERNAME");
        if (std::any_of(keys.begin(), keys.end(), [&](const auto& k) { return k.id == key.id; }))
            entry.problem("id", "is \"" + key.id + "\", which another key has");
        if (entry.secret("key", text, kKeyTextMin)) {
            const auto bytes = crypto::from_base64(as_text(text.value.reveal()));
            if (!bytes || (bytes->size() != 16 && bytes->size() != 32))
                entry.problem("key",
                              "is not the base64 of 16 or 32 bytes, for example from: openssl rand "
                              "-base64 32");
            else
                key.value = Secret{ByteView{*bytes}};
        } else if (!entry.has("key")) {
            entry.problem("key", "is needed: {file = \"path\"}");
        }
        entry.duration("lifetime", key.lifetime, 60s, 720h);
        keys.push_back(std::move(key));
    }
    if (keys.empty())
        third_party.problem("keys", "is needed: [{id = \"…\", key = {file = \"path\"}}]");
    if (keys.size() > kKeysMax) third_party.problem("keys", "has more than 16 keys");
    if (document.ok()) config.third_party.emplace(std::move(server_name), std::move(keys));
}

}  // namespace

void read_auth(config::Document& document, config::Table auth, const ReadOptions& options,
               Config& config) {
    auth.shared_secrets("secrets", config.secrets);
    read_users(auth, config);
    read_third_party(document, auth, config);
    core::Config& core = config.net.core;
    auth.duration("nonce_lifetime", core.nonce_lifetime, 10s, 24h);
    auth.duration("max_ttl", core.credential_ttl_max, 10s, 720h);
    using Sha256 = core::Config::Sha256;
    auth.choice("sha256", core.sha256,
                {{"off", Sha256::Off}, {"offer", Sha256::Offer}, {"require", Sha256::Require}});
    auth.flag("userhash", core.userhash);

    const bool tried = auth.has("secrets") || auth.has("users") || auth.has("third_party");
    if (config.has_credentials() || (tried && !document.ok())) return;
    const bool loopback =
        std::all_of(config.net.listeners.begin(), config.net.listeners.end(),
                    [](const net::Listener& l) { return l.address.address.is_loopback(); });
    if (options.dev && loopback) return;
    auth.problem("secrets",
                 options.dev
                     ? "is needed: --dev goes without credentials only on loopback listeners"
                     : "is needed: without credentials this would be an open relay; write secrets "
                       "= [{file = \"turn-secret\"}] or [[auth.users]]");
}

}  // namespace turnpike::relay
