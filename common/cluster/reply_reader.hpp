#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/cluster/outcome.hpp"
#include "common/cluster/reply.hpp"
#include "common/cluster/reply_framer.hpp"

namespace turnpike::cluster {

/// The replies of one connection, in order: framed and bounded by ReplyFramer, then read by
/// hiredis.
///
/// Errors     a reply that is too large is BadReply in its place; false from feed() means that the
///            connection is of no more use
/// Threading  one thread
class ReplyReader {
public:
    ReplyReader();
    explicit ReplyReader(ReplyFramer::Limits limits);
    ~ReplyReader();
    ReplyReader(const ReplyReader&) = delete;
    ReplyReader& operator=(const ReplyReader&) = delete;

    /// Appends what is complete. False when the bytes are no RESP2; problem() says why.
    bool feed(ByteView bytes, std::vector<Outcome<Reply>>& out);
    const std::string& problem() const noexcept { return problem_; }

private:
    struct Hiredis;
    std::unique_ptr<Hiredis> hiredis_;
    ReplyFramer framer_;
    std::string problem_;
};

/// A command as it goes over the wire (hiredis' formatter).
std::string wire_of(const std::vector<std::string_view>& words);

}  // namespace turnpike::cluster
