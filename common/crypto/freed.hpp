#pragma once

namespace turnpike::crypto {

/// Gives back what OpenSSL made, by its own function: std::unique_ptr<X509, Freed<X509_free>>.
template <auto Free>
struct Freed {
    template <typename T>
    void operator()(T* made) const noexcept {
        Free(made);
    }
};

}  // namespace turnpike::crypto
