#include "turn/core/credential_entries.hpp"

#include <algorithm>

#include "common/base/assert.hpp"

namespace turnpike::core {

CredentialEntry::CredentialEntry(CredentialEntries& home, const CredentialView& from)
    : home_(home),
      bandwidth_kbit_s_(from.bandwidth_kbit_s),
      username_size_(static_cast<std::uint16_t>(from.username.size())),
      subject_size_(static_cast<std::uint16_t>(from.subject.size())),
      realm_size_(static_cast<std::uint16_t>(from.realm.size())),
      md5_size_(static_cast<std::uint8_t>(from.key_md5.size())),
      sha256_size_(static_cast<std::uint8_t>(from.key_sha256.size())),
      third_party_(from.third_party),
      relay_peers_only_(from.relay_peers_only) {
    // What comes in is bounded already: names by their attributes, keys by their digests.
    TURNPIKE_ASSERT(from.username.size() <= UINT16_MAX && from.subject.size() <= UINT16_MAX &&
                    from.realm.size() <= UINT16_MAX && from.key_md5.size() <= UINT8_MAX &&
                    from.key_sha256.size() <= UINT8_MAX);
    bytes_ = std::make_unique<std::uint8_t[]>(size());
    std::uint8_t* at = bytes_.get();
    for (const ByteView part : {as_bytes(from.username), as_bytes(from.subject), as_bytes(from.realm), from.key_md5,
                                from.key_sha256}) {
        at = std::ranges::copy(part, at).out;
    }
}

CredentialEntry::~CredentialEntry() {
    volatile std::uint8_t* const bytes = bytes_.get();
    for (std::size_t i = text_size(); i < size(); ++i) bytes[i] = 0;
}

bool CredentialEntries::Same::operator()(const CredentialView& a, const CredentialView& b) const noexcept {
    return a.username == b.username && a.subject == b.subject && a.realm == b.realm && Secret::same(a.key_md5, b.key_md5) &&
           Secret::same(a.key_sha256, b.key_sha256) && a.bandwidth_kbit_s == b.bandwidth_kbit_s &&
           a.third_party == b.third_party && a.relay_peers_only == b.relay_peers_only;
}

CredentialEntries::~CredentialEntries() { TURNPIKE_ASSERT(all_.empty()); }

CredentialRef CredentialEntries::intern(const CredentialView& credential) {
    const auto found = all_.find(credential);
    if (found != all_.end()) return CredentialRef{**found};
    std::unique_ptr<CredentialEntry> made{new CredentialEntry{*this, credential}};
    all_.insert(made.get());
    return CredentialRef{*made.release()};
}

void CredentialEntries::erase(CredentialEntry& entry) noexcept {
    all_.erase(&entry);
    if (entry.kept != 0) gone_.push_back(entry.kept);
    delete &entry;
}

}  // namespace turnpike::core
