#include "common/cluster/reply_reader.hpp"

#include <hiredis/hiredis.h>

#include "common/base/assert.hpp"

namespace turnpike::cluster {
namespace {

// hiredis builds through these. An array's elements are appended one by one, so a count that lies
// allocates nothing; and an element's address holds until its next sibling comes, which is when
// hiredis asks for it no more.
Reply* place(const redisReadTask* task) {
    if (!task->parent) return new Reply;
    auto* parent = static_cast<Reply*>(task->parent->obj);
    return &parent->elements.emplace_back();
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) {
    Reply* reply = place(task);
    reply->type = task->type == REDIS_REPLY_ERROR    ? Reply::Type::Error
                  : task->type == REDIS_REPLY_STATUS ? Reply::Type::Status
                                                     : Reply::Type::Text;
    reply->text.assign(text, size);
    return reply;
}

void* create_array(const redisReadTask* task, int) {
    Reply* reply = place(task);
    reply->type = Reply::Type::Array;
    return reply;
}

void* create_integer(const redisReadTask* task, long long value) {
    Reply* reply = place(task);
    reply->type = Reply::Type::Integer;
    reply->integer = value;
    return reply;
}

void* create_nil(const redisReadTask* task) {
    return place(task);
}

void free_root(void* root) {
    delete static_cast<Reply*>(root);
}

redisReplyObjectFunctions g_functions{&create_string, &create_array, &create_integer, &create_nil,
                                      &free_root};

}  // namespace

struct ReplyReader::Hiredis {
    redisReader* reader = redisReaderCreateWithFunctions(&g_functions);
    Hiredis() { TURNPIKE_ASSERT(reader); }
    ~Hiredis() { redisReaderFree(reader); }
    Hiredis(const Hiredis&) = delete;
    Hiredis& operator=(const Hiredis&) = delete;
};

ReplyReader::ReplyReader() : ReplyReader(ReplyFramer::Limits{}) {}
ReplyReader::ReplyReader(ReplyFramer::Limits limits)
    : hiredis_(std::make_unique<Hiredis>()), framer_(limits) {}
ReplyReader::~ReplyReader() = default;

bool ReplyReader::feed(ByteView bytes, std::vector<Outcome<Reply>>& out) {
    while (!bytes.empty()) {
        switch (framer_.feed(bytes)) {
            case ReplyFramer::Step::More:
                break;
            case ReplyFramer::Step::TooLarge:
                out.push_back(std::unexpected{StoreError{
                    StoreError::Kind::BadReply, "an answer too large or too deep to be kept"}});
                break;
            case ReplyFramer::Step::Broken:
                problem_ = framer_.problem();
                return false;
            case ReplyFramer::Step::Frame: {
                const std::string_view frame = framer_.frame();
                void* root = nullptr;
                if (redisReaderFeed(hiredis_->reader, frame.data(), frame.size()) != REDIS_OK ||
                    redisReaderGetReply(hiredis_->reader, &root) != REDIS_OK || !root) {
                    problem_ = hiredis_->reader->err ? printable(hiredis_->reader->errstr)
                                                     : "an incomplete reply";
                    return false;
                }
                const std::unique_ptr<Reply> reply{static_cast<Reply*>(root)};
                out.push_back(std::move(*reply));
                break;
            }
        }
    }
    return true;
}

std::string wire_of(const std::vector<std::string_view>& words) {
    std::vector<const char*> starts;
    std::vector<std::size_t> sizes;
    starts.reserve(words.size());
    sizes.reserve(words.size());
    for (const std::string_view word : words) {
        starts.push_back(word.data());
        sizes.push_back(word.size());
    }
    char* wire = nullptr;
    const int size =
        redisFormatCommandArgv(&wire, static_cast<int>(words.size()), starts.data(), sizes.data());
    TURNPIKE_ASSERT(size > 0);
    std::string out{wire, static_cast<std::size_t>(size)};
    redisFreeCommand(wire);
    return out;
}

}  // namespace turnpike::cluster
