#include "common/ops/settings.hpp"

#include <grp.h>
#include <unistd.h>

#include "common/config/units.hpp"

namespace turnpike::ops {
namespace {

constexpr std::size_t kNodeIdMax = 64;

std::string host_name() {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
    return std::string{name}.substr(0, kNodeIdMax);
}

bool is_node_id(const std::string& id) {
    if (id.empty() || id.size() > kNodeIdMax) return false;
    for (const char c : id) {
        const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!good) return false;
    }
    return true;
}

}  // namespace

Settings Settings::read(config::Table root, config::Table node, std::uint16_t metrics_port) {
    Settings settings;
    settings.node_id = host_name();
    if (node.text("id", settings.node_id) && !is_node_id(settings.node_id)) {
        node.problem("id", "must be 1 to 64 letters, digits, '-', '_' or '.'");
    }
    node.path("runtime_dir", settings.runtime_dir);
    std::string group;
    if (node.text("admin_group", group) && !group.empty()) {
        // The name service reads files that may hold anything; a name that is no name is not asked
        // for.
        const ::group* found = is_node_id(group) ? ::getgrnam(group.c_str()) : nullptr;
        if (found)
            settings.admin_group = found->gr_gid;
        else
            node.problem("admin_group",
                         "is \"" + group +
                             "\", which is no group of this machine; groupadd --system makes one");
    }

    config::Table metrics = root.table("metrics");
    std::string address = "127.0.0.1:" + std::to_string(metrics_port);
    metrics.text("address", address);
    if (!address.empty()) {
        if (const auto endpoint = config::parse_endpoint(address)) {
            settings.metrics_address = *endpoint;
        } else {
            metrics.problem("address", endpoint.error() + "; \"\" turns metrics over TCP off");
        }
    }

    config::Table log = root.table("log");
    log.choice("level", settings.log.level,
               {{"debug", Level::Debug},
                {"info", Level::Info},
                {"warning", Level::Warning},
                {"error", Level::Error},
                {"off", Level::Off}});
    log.choice("format", settings.log.format,
               {{"auto", Log::Format::Auto},
                {"text", Log::Format::Text},
                {"logfmt", Log::Format::Logfmt},
                {"json", Log::Format::Json},
                {"journal", Log::Format::Journal}});

    root.table("privacy").choice("client_ip", settings.client_ip,
                                 {{"truncate", ClientIp::Truncate},
                                  {"full", ClientIp::Full},
                                  {"hash", ClientIp::Hash},
                                  {"none", ClientIp::None}});

    config::Table store = root.table("store");
    std::string url = "memory://";
    if (store.text("url", url) && url != "memory://") {
        store.problem(
            "url",
            "is not supported in this version; the store is \"memory://\", inside the process");
    }
    return settings;
}

}  // namespace turnpike::ops
