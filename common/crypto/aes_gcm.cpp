#include "common/crypto/aes_gcm.hpp"

#include <openssl/evp.h>

#include <memory>

#include "common/base/assert.hpp"
#include "common/crypto/freed.hpp"

namespace turnpike::crypto {
namespace {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;

const EVP_CIPHER* cipher_for(ByteView key) {
    if (key.size() == 16) return EVP_aes_128_gcm();
    if (key.size() == 32) return EVP_aes_256_gcm();
    return nullptr;
}

constexpr int kTag = static_cast<int>(kAesGcmTagSize);

int length(ByteView bytes) {
    return static_cast<int>(bytes.size());
}

}  // namespace

Bytes aes_gcm_seal(ByteView key, ByteView nonce, ByteView additional, ByteView plain) {
    const EVP_CIPHER* const cipher = cipher_for(key);
    TURNPIKE_ASSERT(cipher != nullptr && nonce.size() == kAesGcmNonceSize);
    const CipherContext context{EVP_CIPHER_CTX_new()};
    Bytes sealed(plain.size() + kAesGcmTagSize);
    int written = 0, rest = 0, ignored = 0;
    TURNPIKE_ASSERT(EVP_EncryptInit_ex(context.get(), cipher, nullptr, key.data(), nonce.data()) ==
                    1);
    TURNPIKE_ASSERT(EVP_EncryptUpdate(context.get(), nullptr, &ignored, additional.data(),
                                      length(additional)) == 1);
    TURNPIKE_ASSERT(EVP_EncryptUpdate(context.get(), sealed.data(), &written, plain.data(),
                                      length(plain)) == 1);
    TURNPIKE_ASSERT(EVP_EncryptFinal_ex(context.get(), sealed.data() + written, &rest) == 1);
    TURNPIKE_ASSERT(static_cast<std::size_t>(written + rest) == plain.size());
    TURNPIKE_ASSERT(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag,
                                        sealed.data() + plain.size()) == 1);
    return sealed;
}

std::optional<Bytes> aes_gcm_open(ByteView key, ByteView nonce, ByteView additional,
                                  ByteView sealed) {
    const EVP_CIPHER* const cipher = cipher_for(key);
    if (cipher == nullptr || nonce.size() != kAesGcmNonceSize || sealed.size() < kAesGcmTagSize)
        return {};
    const ByteView text = sealed.first(sealed.size() - kAesGcmTagSize);
    Bytes tag{sealed.begin() + static_cast<std::ptrdiff_t>(text.size()), sealed.end()};

    const CipherContext context{EVP_CIPHER_CTX_new()};
    Bytes plain(text.size() + 1);  // never empty: a null pointer means "no output" to OpenSSL
    int written = 0, rest = 0, ignored = 0;
    const bool good =
        EVP_DecryptInit_ex(context.get(), cipher, nullptr, key.data(), nonce.data()) == 1 &&
        EVP_DecryptUpdate(context.get(), nullptr, &ignored, additional.data(),
                          length(additional)) == 1 &&
        EVP_DecryptUpdate(context.get(), plain.data(), &written, text.data(), length(text)) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(context.get(), plain.data() + written, &rest) == 1;
    if (!good) return {};
    plain.resize(text.size());
    return plain;
}

}  // namespace turnpike::crypto
