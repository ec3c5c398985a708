#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.hpp"
#include "common/base/hash.hpp"
#include "turn/core/long_term_keys.hpp"
#include "turn/core/record_keeper.hpp"

namespace turnpike::core {

class CredentialEntries;

/// What a credential says of each allocation that was made with it, as plain data.
///
/// Lifetime  borrows
struct CredentialView {
    std::string_view username, subject, realm;
    ByteView key_md5, key_sha256;        // long-term keys; twice the session key of an access token
    std::uint32_t bandwidth_kbit_s = 0;  // 0: no limit
    bool third_party = false;            // an access token, RFC 7635
    bool relay_peers_only = false;
};

/// A credential, kept once for all allocations of a worker that were made with it: names and keys are most
/// of what an idle allocation would weigh.
class CredentialEntry {
public:
    std::string_view username() const noexcept { return text(0, username_size_); }
    std::string_view subject() const noexcept { return text(username_size_, subject_size_); }
    std::string_view realm() const noexcept { return text(username_size_ + subject_size_, realm_size_); }
    ByteView key_md5() const noexcept { return {bytes_.get() + text_size(), md5_size_}; }
    ByteView key_sha256() const noexcept { return {bytes_.get() + text_size() + md5_size_, sha256_size_}; }
    LongTermKeys keys() const { return {Secret{key_md5()}, Secret{key_sha256()}}; }
    ByteView key_of(stun::PasswordAlgorithm algorithm) const noexcept {
        return algorithm == stun::PasswordAlgorithm::Sha256 ? key_sha256() : key_md5();
    }
    bool has_keys(const LongTermKeys& keys) const noexcept { return Secret::same(key_md5(), keys.md5.reveal()); }
    std::uint32_t bandwidth_kbit_s() const noexcept { return bandwidth_kbit_s_; }
    bool third_party() const noexcept { return third_party_; }
    bool relay_peers_only() const noexcept { return relay_peers_only_; }
    CredentialView view() const noexcept {
        return {username(), subject(), realm(), key_md5(), key_sha256(), bandwidth_kbit_s_, third_party_, relay_peers_only_};
    }

    RecordKeeper::Place kept = 0;  // where a RecordKeeper has it

    ~CredentialEntry();  // overwrites the keys
    CredentialEntry(const CredentialEntry&) = delete;
    CredentialEntry& operator=(const CredentialEntry&) = delete;

private:
    friend class CredentialEntries;
    friend class CredentialRef;

    CredentialEntry(CredentialEntries& home, const CredentialView& from);
    std::size_t text_size() const noexcept { return std::size_t{username_size_} + subject_size_ + realm_size_; }
    std::size_t size() const noexcept { return text_size() + md5_size_ + sha256_size_; }
    std::string_view text(std::size_t at, std::size_t size) const noexcept {
        return as_text({bytes_.get() + at, size});
    }

    CredentialEntries& home_;
    std::unique_ptr<std::uint8_t[]> bytes_;  // username, subject, realm, the keys
    std::uint32_t references_ = 0;
    std::uint32_t bandwidth_kbit_s_;
    std::uint16_t username_size_, subject_size_, realm_size_;
    std::uint8_t md5_size_, sha256_size_;
    bool third_party_, relay_peers_only_;
};

/// Keeps an entry alive.
///
/// Threading  the worker of its CredentialEntries, which outlive it
class CredentialRef {
public:
    CredentialRef() noexcept = default;
    explicit CredentialRef(CredentialEntry& entry) noexcept : entry_(&entry) { ++entry.references_; }
    CredentialRef(const CredentialRef& other) noexcept : entry_(other.entry_) {
        if (entry_ != nullptr) ++entry_->references_;
    }
    CredentialRef(CredentialRef&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    CredentialRef& operator=(CredentialRef other) noexcept {
        std::swap(entry_, other.entry_);
        return *this;
    }
    ~CredentialRef();

    CredentialEntry& entry() const noexcept { return *entry_; }
    const CredentialEntry& operator*() const noexcept { return *entry_; }
    const CredentialEntry* operator->() const noexcept { return entry_; }

private:
    CredentialEntry* entry_ = nullptr;
};

/// The credentials of one worker's allocations: each once.
class CredentialEntries {
public:
    explicit CredentialEntries(HashKey key) : all_(0, Hash{key}) {}
    ~CredentialEntries();
    CredentialEntries(const CredentialEntries&) = delete;
    CredentialEntries& operator=(const CredentialEntries&) = delete;

    CredentialRef intern(const CredentialView& credential);
    std::size_t size() const noexcept { return all_.size(); }
    /// Where entries were kept that are no more.
    const std::vector<RecordKeeper::Place>& gone() const noexcept { return gone_; }
    std::vector<RecordKeeper::Place> take_gone() noexcept { return std::exchange(gone_, {}); }

private:
    friend class CredentialRef;
    void erase(CredentialEntry& entry) noexcept;

    // By username: the few that one name may have differ in realm, key or limits.
    struct Hash {
        using is_avalanching = void;
        using is_transparent = void;
        HashKey key;
        std::size_t operator()(const CredentialView& credential) const noexcept {
            return static_cast<std::size_t>(key(as_bytes(credential.username)));
        }
        std::size_t operator()(const CredentialEntry* entry) const noexcept { return (*this)(entry->view()); }
    };
    struct Same {
        using is_transparent = void;
        bool operator()(const CredentialView& a, const CredentialView& b) const noexcept;
        bool operator()(const CredentialEntry* a, const CredentialEntry* b) const noexcept { return a == b; }
        bool operator()(const CredentialView& a, const CredentialEntry* b) const noexcept { return (*this)(a, b->view()); }
        bool operator()(const CredentialEntry* a, const CredentialView& b) const noexcept { return (*this)(a->view(), b); }
    };
    boost::unordered_flat_set<CredentialEntry*, Hash, Same> all_;
    std::vector<RecordKeeper::Place> gone_;
};

inline CredentialRef::~CredentialRef() {
    if (entry_ != nullptr && --entry_->references_ == 0) entry_->home_.erase(*entry_);
}

}  // namespace turnpike::core
