#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"

namespace turnpike::crypto {

/// What an operator should know of a TLS certificate before clients do.
struct CertificateInfo {
    WallTime not_before{}, not_after{};
    std::vector<std::string> dns_names;  // subjectAltName
    std::vector<IpAddress> addresses;    // subjectAltName

    bool covers(const IpAddress& address) const;
};

/// Reads the first certificate of a PEM chain and its private key, and sees that they fit together.
///
/// Errors  the end of a sentence: "holds no certificate", "holds an encrypted key", "does not
/// belong to the
///         certificate", "expired at 2026-01-01T00:00:00Z"; which of the two is meant is in
///         `about_key`
struct CertificateError {
    bool about_key = false;
    std::string message;
};
std::expected<CertificateInfo, CertificateError> inspect_certificate(std::string_view chain_pem,
                                                                     std::string_view key_pem,
                                                                     WallTime now);

}  // namespace turnpike::crypto
