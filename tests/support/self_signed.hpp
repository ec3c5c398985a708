#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

/// A P-256 key and a certificate that it signed for itself, as PEM.
struct SelfSigned {
    std::string certificate, key;

    /// Valid from `from` to `until`, in seconds from now, for localhost and 127.0.0.1. With a
    /// password the key is encrypted.
    static SelfSigned make(long from = -60, long until = 30 * 86400,
                           const char* password = nullptr) {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair{EVP_EC_gen("P-256"),
                                                                       &EVP_PKEY_free};
        const std::unique_ptr<X509, decltype(&X509_free)> x509{X509_new(), &X509_free};
        ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
        X509_set_version(x509.get(), 2);
        X509_gmtime_adj(X509_getm_notBefore(x509.get()), from);
        X509_gmtime_adj(X509_getm_notAfter(x509.get()), until);
        X509_set_pubkey(x509.get(), pair.get());
        X509_NAME* name = X509_get_subject_name(x509.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
        X509_set_issuer_name(x509.get(), name);
        X509V3_CTX context;
        X509V3_set_ctx(&context, x509.get(), x509.get(), nullptr, nullptr, 0);
        X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name,
                                                    "DNS:localhost,IP:127.0.0.1,IP:::1");
        X509_add_ext(x509.get(), names, -1);
        X509_EXTENSION_free(names);
        X509_sign(x509.get(), pair.get(), EVP_sha256());

        SelfSigned out;
        out.certificate = text_of([&](BIO* bio) { PEM_write_bio_X509(bio, x509.get()); });
        out.key = text_of([&](BIO* bio) {
            PEM_write_bio_PKCS8PrivateKey(bio, pair.get(), password ? EVP_aes_128_cbc() : nullptr,
                                          password, password ? 4 : 0, nullptr, nullptr);
        });
        return out;
    }

private:
    template <typename Write>
    static std::string text_of(Write write) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio{BIO_new(BIO_s_mem()), &BIO_free};
        write(bio.get());
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }
};
