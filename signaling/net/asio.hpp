#pragma once

// For .cpp files of this room only: Asio and Beast stay out of public headers.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "signaling/net/io_loop.hpp"

namespace turnpike::signaling {

namespace asio = boost::asio;

/// Errors are values in our coroutines.
inline constexpr auto kOutcome = asio::as_tuple(asio::use_awaitable);

struct IoLoop::State {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
};

}  // namespace turnpike::signaling
