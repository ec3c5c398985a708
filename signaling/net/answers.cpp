#include <array>
#include <ctime>

#include "signaling/net/http_connection.hpp"

namespace turnpike::signaling {
namespace {

std::string page(std::string_view title, std::string_view text) {
    std::string html = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>";
    html.append(title).append("</title><style>body{font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em}</style><h1>");
    return html.append(title).append("</h1><p>").append(text).append("</p></html>\n");
}

}  // namespace

HttpAnswer plain_answer(int status, std::string_view text) {
    const auto reason = http::obsolete_reason(static_cast<http::status>(status));
    HttpAnswer answer;
    answer.status = status;
    answer.content_type = "text/plain; charset=utf-8";
    answer.body.append(reason.data(), reason.size());
    if (!text.empty()) answer.body.append(". ").append(text);
    answer.body += '\n';
    answer.headers = {{"Cache-Control", "no-store"}};
    return answer;
}

HttpAnswer static_answer(const Front& front, std::string_view path, std::string_view if_none_match) {
    HttpAnswer answer;
    auto file = front.files.find(path);
    if (!file) {
        answer.content_type = "text/html; charset=utf-8";
        answer.headers = {{"Cache-Control", "no-store"}};
        if (front.files.has_page()) {
            answer.status = 404;
            answer.body = page("Not found", "There is nothing at this address. <a href=\"/\">Start a call</a>.");
        } else {
            answer.status = 503;
            answer.body = page("The page is not built yet",
                               "Signaling runs, but the directory in <code>web.root</code> has no <code>index.html</code>. "
                               "<code>./dev build</code> makes it in <code>build/web</code>; set <code>web.root</code> to that directory.");
        }
        return answer;
    }
    answer.content_type = file->type;
    answer.headers = {{"Cache-Control", std::string{file->cache_control}}, {"ETag", file->etag}};
    if (!if_none_match.empty() && (if_none_match == "*" || list_has(if_none_match, file->etag))) {
        answer.status = 304;
        return answer;
    }
    answer.body = std::move(file->content);
    return answer;
}

// IMF-fixdate, RFC 9110 §5.6.7.
std::string http_date(WallTime now) {
    const std::time_t seconds = static_cast<std::time_t>(unix_seconds(now));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), size};
}

}  // namespace turnpike::signaling
