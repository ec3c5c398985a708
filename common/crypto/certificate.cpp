#include "common/crypto/certificate.hpp"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "common/crypto/freed.hpp"

namespace turnpike::crypto {
namespace {

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

Bio reading(std::string_view text) {
    return Bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

/// Asked for a password: there is nobody to ask.
int no_password(char*, int, int, void*) {
    return -1;
}

std::time_t to_time(const ASN1_TIME* time) {
    std::tm broken{};
    return ASN1_TIME_to_tm(time, &broken) == 1 ? ::timegm(&broken) : 0;
}

std::string date_text(std::time_t time) {
    std::tm broken{};
    ::gmtime_r(&time, &broken);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &broken);
    return text;
}

void read_names(X509* certificate, CertificateInfo& info) {
    const Names names{static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
    if (!names) return;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS) {
            const ASN1_STRING* text = name->d.dNSName;
            info.dns_names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                        static_cast<std::size_t>(ASN1_STRING_length(text)));
        } else if (name->type == GEN_IPADD) {
            const ASN1_STRING* raw = name->d.iPAddress;
            const ByteView bytes{ASN1_STRING_get0_data(raw),
                                 static_cast<std::size_t>(ASN1_STRING_length(raw))};
            if (bytes.size() == 4) info.addresses.push_back(IpAddress::v4(bytes));
            if (bytes.size() == 16) info.addresses.push_back(IpAddress::v6(bytes));
        }
    }
}

}  // namespace

bool CertificateInfo::covers(const IpAddress& address) const {
    return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

std::expected<CertificateInfo, CertificateError> inspect_certificate(std::string_view chain_pem,
                                                                     std::string_view key_pem,
                                                                     WallTime now) {
    const auto refuse = [](bool about_key, std::string message) {
        ERR_clear_error();
        return std::unexpected{CertificateError{about_key, std::move(message)}};
    };
    const Certificate certificate{
        PEM_read_bio_X509(reading(chain_pem).get(), nullptr, no_password, nullptr)};
    if (!certificate) return refuse(false, "holds no certificate in PEM form");
    const Key key{PEM_read_bio_PrivateKey(reading(key_pem).get(), nullptr, no_password, nullptr)};
    if (!key) {
        const bool encrypted = key_pem.find("ENCRYPTED") != std::string_view::npos;
        return refuse(true, encrypted
                                ? "holds an encrypted key; a daemon cannot ask for its password"
                                : "holds no private key in PEM form");
    }
    if (X509_check_private_key(certificate.get(), key.get()) != 1)
        return refuse(true, "does not belong to the certificate");

    CertificateInfo info;
    const std::time_t from = to_time(X509_get0_notBefore(certificate.get())),
                      until = to_time(X509_get0_notAfter(certificate.get()));
    info.not_before = from_unix_seconds(from);
    info.not_after = from_unix_seconds(until);
    if (now >= info.not_after) return refuse(false, "expired at " + date_text(until));
    if (now < info.not_before) return refuse(false, "is not valid before " + date_text(from));
    read_names(certificate.get(), info);
    return info;
}

}  // namespace turnpike::crypto
