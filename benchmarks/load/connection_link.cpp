#include "benchmarks/load/connection_link.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>

#include "benchmarks/load/network_namespace.hpp"

namespace turnpike::bench {
namespace {

constexpr std::size_t kEventsMax = 128;

}  // namespace

ConnectionLink::ConnectionLink(const Target& target, std::uint32_t clients,
                               Milliseconds connect_timeout)
    : target_(target),
      tls_(TlsContext::of(target)),
      timeout_(connect_timeout),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      clients_(clients) {}

std::expected<void, std::string> ConnectionLink::open(std::uint32_t number) {
    Client& client = clients_[number];
    if (client.connection && !client.broken && !client.ending) return {};
    client.connection.reset();
    const auto inside = InNamespace::enter(target_.netns);
    if (!inside) return std::unexpected(inside.error());
    auto connection = connect(target_, tls_.get(), timeout_);
    if (!connection) return std::unexpected(connection.error());
    epoll_event event{.events = EPOLLIN, .data = {.u32 = number}};
    ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, (*connection)->descriptor(), &event);
    client.connection = std::move(*connection);
    client.dirty = client.waiting = client.broken = client.ending = false;
    return {};
}

// Not at once: who calls this may be reading from it. The descriptor leaves epoll when it is
// closed.
void ConnectionLink::close(std::uint32_t number) {
    if (!std::exchange(clients_[number].ending, true)) ending_.push_back(number);
}

Endpoint ConnectionLink::local(std::uint32_t number) const {
    const Client& client = clients_[number];
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (!client.connection || ::getsockname(client.connection->descriptor(),
                                            reinterpret_cast<sockaddr*>(&name), &size) != 0)
        return {};
    return Endpoint::from(reinterpret_cast<const sockaddr&>(name));
}

bool ConnectionLink::send(std::uint32_t number, ByteView message) {
    Client& client = clients_[number];
    if (!client.connection || client.broken || !client.connection->send(message)) return false;
    if (!std::exchange(client.dirty, true)) dirty_.push_back(number);
    return true;
}

void ConnectionLink::flush() {
    // One that breaks may make others send.
    for (std::size_t i = 0; i < dirty_.size(); ++i) flush(dirty_[i]);
    dirty_.clear();
    for (const std::uint32_t number : ending_) {
        // It may be open anew since.
        if (std::exchange(clients_[number].ending, false)) clients_[number].connection.reset();
    }
    ending_.clear();
}

void ConnectionLink::flush(std::uint32_t number) {
    Client& client = clients_[number];
    client.dirty = false;
    if (!client.connection || client.broken) return;
    if (auto flushed = client.connection->flush(); !flushed) return fail(number, flushed.error());
    const bool wants = client.connection->wants_write();
    if (wants == client.waiting) return;
    client.waiting = wants;
    epoll_event event{.events = EPOLLIN | (wants ? EPOLLOUT : 0U), .data = {.u32 = number}};
    ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_MOD, client.connection->descriptor(), &event);
}

std::size_t ConnectionLink::receive(const OnMessage& on_message) {
    std::array<epoll_event, kEventsMax> events;
    const int ready =
        ::epoll_wait(epoll_.descriptor(), events.data(), static_cast<int>(events.size()), 0);
    std::size_t total = 0;
    for (int i = 0; i < ready; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        const std::uint32_t number = event.data.u32;
        if (!clients_[number].connection || clients_[number].broken) continue;
        if ((event.events & EPOLLOUT) != 0) flush(number);
        if ((event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0 || clients_[number].broken)
            continue;
        auto received = clients_[number].connection->receive([&](ByteView message) {
            ++total;
            on_message(number, message);
        });
        if (!received) fail(number, received.error());
    }
    return total;
}

void ConnectionLink::fail(std::uint32_t number, const std::string& why) {
    Client& client = clients_[number];
    if (std::exchange(client.broken, true)) return;
    ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_DEL, client.connection->descriptor(), nullptr);
    if (on_broken_) on_broken_(number, why);
}

std::uint64_t ConnectionLink::drops() const noexcept {
    std::uint64_t sum = 0;
    for (const Client& client : clients_)
        sum += client.connection ? client.connection->receive_drops() : 0;
    return sum;
}

}  // namespace turnpike::bench
