#include "common/crypto/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <memory>

#include "common/base/assert.hpp"
#include "common/crypto/freed.hpp"

namespace turnpike::crypto {
namespace {

using MdContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freed<EVP_MAC_CTX_free>>;

// Fetching an algorithm costs microseconds in OpenSSL 3: once per process.
const EVP_MD* fetched(const char* name) {
    const EVP_MD* md = EVP_MD_fetch(nullptr, name, nullptr);
    TURNPIKE_ASSERT(md != nullptr);
    return md;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> digest(const EVP_MD* md, std::initializer_list<ByteView> pieces) {
    thread_local const MdContext context{EVP_MD_CTX_new()};
    std::array<std::uint8_t, Size> out{};
    TURNPIKE_ASSERT(EVP_DigestInit_ex2(context.get(), md, nullptr) == 1);
    for (const ByteView piece : pieces) EVP_DigestUpdate(context.get(), piece.data(), piece.size());
    TURNPIKE_ASSERT(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
    return out;
}

// One keyed context per thread and digest, set to a new key for each call.
MacContext new_hmac(const char* digest_name) {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    TURNPIKE_ASSERT(mac != nullptr);
    MacContext context{EVP_MAC_CTX_new(mac)};
    EVP_MAC_free(mac);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest_name), 0),
        OSSL_PARAM_construct_end()};
    TURNPIKE_ASSERT(EVP_MAC_CTX_set_params(context.get(), params) == 1);
    return context;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> hmac(EVP_MAC_CTX* context, ByteView key,
                                    std::initializer_list<ByteView> pieces) {
    static constexpr std::uint8_t kEmpty[1] = {};  // OpenSSL reads a null key as "keep the last one"
    std::array<std::uint8_t, Size> out{};
    std::size_t size = 0;
    TURNPIKE_ASSERT(EVP_MAC_init(context, key.empty() ? kEmpty : key.data(), key.size(), nullptr) == 1);
    for (const ByteView piece : pieces) EVP_MAC_update(context, piece.data(), piece.size());
    TURNPIKE_ASSERT(EVP_MAC_final(context, out.data(), &size, out.size()) == 1 && size == Size);
    return out;
}

}  // namespace

Md5 md5(std::initializer_list<ByteView> pieces) {
    static const EVP_MD* const md = fetched("MD5");
    return digest<16>(md, pieces);
}

Sha1 sha1(std::initializer_list<ByteView> pieces) {
    static const EVP_MD* const md = fetched("SHA1");
    return digest<20>(md, pieces);
}

Sha256 sha256(std::initializer_list<ByteView> pieces) {
    static const EVP_MD* const md = fetched("SHA256");
    return digest<32>(md, pieces);
}

Sha1 hmac_sha1(ByteView key, std::initializer_list<ByteView> pieces) {
    thread_local const MacContext context = new_hmac("SHA1");
    return hmac<20>(context.get(), key, pieces);
}

Sha256 hmac_sha256(ByteView key, std::initializer_list<ByteView> pieces) {
    thread_local const MacContext context = new_hmac("SHA256");
    return hmac<32>(context.get(), key, pieces);
}

void hkdf_sha256(ByteView secret, ByteView salt, std::string_view label, ByteSpan out) {
    // RFC 5869 §2.2 and §2.3.
    TURNPIKE_ASSERT(out.size() <= 255 * sizeof(Sha256));
    const Sha256 prk = hmac_sha256(salt, {secret});
    Sha256 block{};
    std::size_t done = 0;
    for (std::uint8_t counter = 1; done < out.size(); ++counter) {
        const ByteView previous = counter == 1 ? ByteView{} : ByteView{block};
        block = hmac_sha256(prk, {previous, as_bytes(label), ByteView{&counter, 1}});
        const std::size_t size = std::min(block.size(), out.size() - done);
        std::memcpy(out.data() + done, block.data(), size);
        done += size;
    }
}

}  // namespace turnpike::crypto
