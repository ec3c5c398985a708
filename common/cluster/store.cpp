#include "common/cluster/store.hpp"

namespace turnpike::cluster {

std::string_view to_string(StoreStatus::State state) noexcept {
    switch (state) {
        case StoreStatus::State::Connecting:
            return "connecting";
        case StoreStatus::State::Up:
            return "up";
        case StoreStatus::State::Refusing:
            return "refusing";
        case StoreStatus::State::Degraded:
            return "degraded";
    }
    return "?";
}

}  // namespace turnpike::cluster
