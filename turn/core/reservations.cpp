#include "turn/core/reservations.hpp"

namespace turnpike::core {

Reservations::Token Reservations::keep(Reservation reservation, Random& random) {
    const std::lock_guard lock{mutex_};
    for (;;) {
        std::array<std::uint8_t, 8> raw{};
        random.fill_secret(raw);
        const Token token = load_u64(raw, 0);  // never 0: in records that means none
        if (token != 0 && reservations_.try_emplace(token, reservation).second) return token;
    }
}

std::optional<Endpoint> Reservations::take(Token token, std::string_view realm, std::string_view subject,
                                           Instant now) {
    const std::lock_guard lock{mutex_};
    const auto found = reservations_.find(token);
    if (found == reservations_.end()) return {};
    const Reservation& reservation = found->second;
    if (now >= reservation.until || reservation.realm != realm || reservation.subject != subject) return {};
    const Endpoint local = reservation.local;
    reservations_.erase(found);
    return local;
}

std::optional<Reservations::Reservation> Reservations::end(Token token) {
    const std::lock_guard lock{mutex_};
    auto node = reservations_.extract(token);
    if (node.empty()) return {};
    return std::move(node.mapped());
}

std::size_t Reservations::size() const {
    const std::lock_guard lock{mutex_};
    return reservations_.size();
}

}  // namespace turnpike::core
