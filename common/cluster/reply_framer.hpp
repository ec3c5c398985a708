#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.hpp"

namespace turnpike::cluster {

/// Finds where each RESP2 reply of a connection ends, before anything is made of it. What is too
/// large is passed over to its end without being kept, so that one hostile value costs one command
/// its answer and not the connection of all the others.
///
/// Threading  one thread
class ReplyFramer {
public:
    struct Limits {
        std::size_t bytes = 8 << 20;            // of a reply that is kept
        std::size_t elements = 100'000;         // of it, nested ones counted
        std::size_t passed_over = 256UL << 20;  // bytes of one that is not kept
    };
    /// hiredis' reader goes no deeper.
    static constexpr std::size_t kDepthKept = 7;
    static constexpr std::size_t kDepthMax = 32;

    enum class Step : std::uint8_t {
        More,      // all bytes taken, the reply goes on
        Frame,     // frame() is a whole reply
        TooLarge,  // a whole reply was passed over
        Broken,    // no RESP2, or endless: the connection is of no more use
    };

    ReplyFramer() = default;
    explicit ReplyFramer(Limits limits) : limits_(limits) {}

    /// Takes from the front of `bytes`, and removes what it took, up to the end of one reply.
    Step feed(ByteView& bytes);
    std::string_view frame() const noexcept { return frame_; }
    const char* problem() const noexcept { return problem_; }
    bool inside_a_reply() const noexcept { return taken_ != 0; }

private:
    bool begin(std::string_view header);
    bool fail(const char* why);
    void keep(ByteView bytes);
    /// A value is complete: true when the reply is.
    bool ended();

    Limits limits_;
    std::string frame_;               // what is kept of the reply
    std::string line_;                // type and number of the value at hand
    std::vector<std::int64_t> open_;  // values still to come, per array around
    std::uint64_t skip_ = 0;          // bytes of a bulk string, with its CRLF, still to come
    std::uint64_t taken_ = 0;
    std::uint64_t elements_ = 0;
    bool in_text_line_ = false;  // + or -, up to its LF
    bool too_large_ = false;
    bool finished_ = false;
    const char* problem_ = "";
};

}  // namespace turnpike::cluster
