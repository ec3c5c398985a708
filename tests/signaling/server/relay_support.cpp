#include "tests/signaling/server/relay_support.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace turnpike::signaling {
namespace {

using Local = boost::asio::local::stream_protocol;
using error_code = boost::system::error_code;
namespace http = boost::beast::http;

struct Connection {
    explicit Connection(Local::socket s) : socket(std::move(s)) {}
    Local::socket socket;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response<http::string_body> response;
};

}  // namespace

struct FakeRelay::State {
    void accept() {
        acceptor->async_accept([this](error_code error, Local::socket peer) {
            if (error) return;
            auto connection = std::make_shared<Connection>(std::move(peer));
            http::async_read(connection->socket, connection->buffer, connection->request, [this, connection](error_code failed, std::size_t) {
                if (!failed) answer(connection);
            });
            accept();
        });
    }
    void answer(const std::shared_ptr<Connection>& connection) {
        const std::lock_guard lock{mutex};
        if (mute) {
            silenced.push_back(connection);
            return;
        }
        auto& response = connection->response;
        response.version(11);
        response.keep_alive(false);
        if (connection->request.target() == "/v1/node") {
            ++polls;
            response.result(200U);
            response.body() = node.dump();
        } else if (connection->request.target() == "/v1/revocations") {
            revocations.push_back(json::parse(connection->request.body()));
            const bool fails = failures > 0;
            if (fails) --failures;
            response.result(static_cast<unsigned>(fails ? failure_status : 200));
            response.body() = json{{"ended", ended}}.dump();
        } else {
            response.result(404U);
        }
        response.prepare_payload();
        changed.notify_all();
        http::async_write(connection->socket, response, [connection](error_code, std::size_t) {});
    }

    std::filesystem::path socket;
    std::unique_ptr<boost::asio::io_context> io;
    std::unique_ptr<Local::acceptor> acceptor;
    std::thread thread;
    std::mutex mutex;
    std::condition_variable changed;
    json node;
    std::vector<json> revocations;
    std::vector<std::shared_ptr<Connection>> silenced;
    std::size_t polls = 0;
    int failures = 0, failure_status = 500, ended = 2;
    bool mute = false;
};

FakeRelay::FakeRelay(std::filesystem::path socket, std::string id) : state_(std::make_unique<State>()) {
    state_->socket = std::move(socket);
    state_->node = {{"id", id},
                    {"boot_id", "boot-1"},
                    {"role", "relay"},
                    {"state", "active"},
                    {"version", "0.1.0"},
                    {"realm", "turnpike"},
                    {"urls", json::array({"turn:" + id + ".example:3478?transport=udp", "turns:" + id + ".example:5349?transport=tcp"})},
                    {"labels", {{"region", "eu"}}},
                    {"allocations", {{"active", 3}, {"limit", 100}, {"opened_total", 9}}},
                    {"load", 0.25}};
    start();
}
FakeRelay::~FakeRelay() { stop(); }

void FakeRelay::stop() {
    if (!state_->thread.joinable()) return;
    state_->io->stop();
    state_->thread.join();
    state_->silenced.clear();
    state_->acceptor.reset();
    state_->io.reset();
    std::filesystem::remove(state_->socket);
}

void FakeRelay::start() {
    std::filesystem::remove(state_->socket);
    state_->io = std::make_unique<boost::asio::io_context>();
    state_->acceptor = std::make_unique<Local::acceptor>(*state_->io, Local::endpoint{state_->socket.string()});
    state_->accept();
    state_->thread = std::thread{[this] { state_->io->run(); }};
}

void FakeRelay::set_node(json node) {
    const std::lock_guard lock{state_->mutex};
    state_->node = std::move(node);
}
json FakeRelay::node() const {
    const std::lock_guard lock{state_->mutex};
    return state_->node;
}
void FakeRelay::set_mute(bool mute) {
    const std::lock_guard lock{state_->mutex};
    state_->mute = mute;
}
void FakeRelay::fail_revocations(int count, int status) {
    const std::lock_guard lock{state_->mutex};
    state_->failures = count, state_->failure_status = status;
}
void FakeRelay::set_ended(int ended) {
    const std::lock_guard lock{state_->mutex};
    state_->ended = ended;
}

std::vector<json> FakeRelay::wait_for_revocations(std::size_t count) {
    std::unique_lock lock{state_->mutex};
    state_->changed.wait_for(lock, kPatience, [&] { return state_->revocations.size() >= count; });
    return state_->revocations;
}

void FakeRelay::wait_for_polls(std::size_t count) {
    std::unique_lock lock{state_->mutex};
    const std::size_t goal = state_->polls + count;
    state_->changed.wait_for(lock, kPatience, [&] { return state_->polls >= goal; });
}

}  // namespace turnpike::signaling
