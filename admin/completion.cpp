#include "admin/completion.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "admin/command_tree.hpp"
#include "admin/fleet.hpp"
#include "admin/nouns.hpp"
#include "admin/units.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;

constexpr const char* kBash =
    R"sh(# turnpike completion for bash. Once: eval "$(turnpike completion bash)"; always: the same line in ~/.bashrc
_turnpike() {
    local word
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
        else
            COMPREPLY+=("$word")
        fi
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _turnpike turnpike
)sh";

constexpr const char* kZsh = R"sh(#compdef turnpike
# turnpike completion for zsh. As a file _turnpike in a folder of $fpath, or: eval "$(turnpike completion zsh)"
_turnpike() {
    local line
    local -a found
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            _files
        else
            found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        fi
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( ${#found} )) && _describe turnpike found
}
if [[ $funcstack[1] == _turnpike ]]; then _turnpike "$@"; else compdef _turnpike turnpike; fi
)sh";

constexpr const char* kFish =
    R"sh(# turnpike completion for fish. turnpike completion fish > ~/.config/fish/completions/turnpike.fish
function __turnpike_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c turnpike -f -a '(__turnpike_complete)'
)sh";

class Candidates {
public:
    Candidates(std::ostream& out, std::string prefix) : out_(out), prefix_(std::move(prefix)) {}
    void add(const std::string& word, const std::string& description = {}) {
        const std::string clean =
            printable(word);  // as a shell may have it: one line, nothing that steers
        if (clean == word && word.starts_with(prefix_) && word.find('\t') == std::string::npos) {
            out_ << word << '\t' << printable(description.substr(0, description.find('\n')))
                 << '\n';
        }
    }
    void add_files() { out_ << ":files\n"; }

private:
    std::ostream& out_;
    std::string prefix_;
};

// The items of a list of every daemon of a role.
std::vector<Json> ask(Session& session, std::string_view role, const std::string& path) {
    std::vector<Json> items;
    const auto fleet = find_fleet(session);
    if (!fleet) return items;
    for (const Node& node : fleet->nodes) {
        if (path.empty()) items.push_back(Json::parse(node.facts));
        if (path.empty() || node.role != role) continue;
        if (const auto answer = node.client.get(path)) {
            for (const Json& item : answer->value("items", Json::array())) items.push_back(item);
        }
    }
    return items;
}

std::string text_of(const Json& item, const char* name) {
    const auto found = item.find(name);
    return found != item.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

void add_values(const CLI::App& here, const CLI::Option& option, Session& session,
                Candidates& candidates) {
    const std::string name = option.get_name(false, true), type = option.get_type_name();
    const std::string noun = here.get_parent() == nullptr ? "" : here.get_parent()->get_name();
    if (name.find("--output") != std::string::npos) {
        for (const char* format : {"table", "json", "jsonl", "tsv", "csv", "name"})
            candidates.add(format);
        if (here.get_name() == "mint") {
            for (const char* format : {"ice-json", "js", "uclient"}) candidates.add(format);
        }
    } else if (name.find("--for") != std::string::npos) {
        for (const char* daemon : {"relay", "signaling"}) candidates.add(daemon);
    } else if (name.find("SHELL") != std::string::npos) {
        for (const char* shell : {"bash", "zsh", "fish"}) candidates.add(shell);
    } else if (name.find("COMMAND") != std::string::npos) {
        const CLI::App* root = &here;
        while (root->get_parent() != nullptr) root = root->get_parent();
        for (const CLI::App* each : commands_of(*root))
            candidates.add(each->get_name(), each->get_description());
    } else if (type.find("FILE") != std::string::npos || type.find("DIR") != std::string::npos ||
               name.find("FILE") != std::string::npos) {
        candidates.add_files();
    } else if (name.find("NODE") != std::string::npos || type == "NODE") {
        for (const Json& node : ask(session, {}, {}))
            candidates.add(text_of(node, "id"), text_of(node, "role"));
    } else if (name.find("ROOM") != std::string::npos || type == "ROOM") {
        for (const Json& room : ask(session, "signaling", "/v1/rooms"))
            candidates.add(text_of(room, "room"), text_of(room, "name"));
    } else if (name.find("ID") != std::string::npos && noun == "allocations") {
        for (const Json& each : ask(session, "relay", "/v1/allocations?limit=1000"))
            candidates.add(text_of(each, "id"), text_of(each, "subject"));
    } else if (name.find("--participant") != std::string::npos ||
               (name.find("ID") != std::string::npos && noun == "participants")) {
        for (const Json& each : ask(session, "signaling", "/v1/participants"))
            candidates.add(text_of(each, "id"), text_of(each, "name"));
    }
}

// Global options count for the question, too: another --runtime-dir has other nodes.
void take_global(Session& session, const std::string& name, const std::string& value) {
    if (name == "--runtime-dir") session.globals.runtime_dir = value;
    if (name == "--socket") session.globals.sockets.push_back(value);
}

}  // namespace

void complete(const CLI::App& app, Session& session, std::vector<std::string> words) {
    if (words.empty()) words.emplace_back();
    session.globals.timeout = "1s";  // somebody has pressed a key and waits
    const CLI::App* here = &app;
    const CLI::Option* open = nullptr;  // whose value comes next
    std::size_t arguments = 0;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string& word = words[i];
        if (open != nullptr) {
            take_global(session, name_of(*open), word);
            open = nullptr;
        } else if (word.starts_with('-')) {
            const CLI::Option* option =
                word.find('=') == std::string::npos ? option_of(*here, word) : nullptr;
            if (option != nullptr && takes_value(*option)) open = option;
        } else if (const CLI::App* next = command_of(*here, word)) {
            here = next;
        } else {
            ++arguments;
        }
    }
    Candidates candidates{session.world().out, words.back()};
    if (open != nullptr) return add_values(*here, *open, session, candidates);
    if (words.back().starts_with('-')) {
        for (const CLI::App* each = here; each != nullptr; each = each->get_parent()) {
            for (const CLI::Option* option : options_of(*each))
                candidates.add(name_of(*option), option->get_description());
        }
        return;
    }
    const auto commands = commands_of(*here);
    for (const CLI::App* each : commands) candidates.add(each->get_name(), each->get_description());
    const auto positional = arguments_of(*here);
    if (!commands.empty() || positional.empty()) return;
    // The last argument may be one of several.
    const CLI::Option* wanted = positional[std::min(arguments, positional.size() - 1)];
    if (arguments < positional.size() || wanted->get_expected_max() > 1)
        add_values(*here, *wanted, session, candidates);
}

void add_completion(CLI::App& app, Session& session) {
    CLI::App* completion = app.add_subcommand(
        "completion",
        "a script by which your shell completes turnpike's commands, options and names");
    const auto shell = std::make_shared<std::string>();
    completion->add_option("SHELL", *shell, "bash, zsh or fish")->required();
    completion->footer(
        "Names of nodes, rooms, participants and allocations are asked of the daemons as you press "
        "the key.\n\n"
        "Examples:\n  eval \"$(turnpike completion bash)\"\n  turnpike completion zsh > "
        "~/.zfunc/_turnpike\n"
        "  turnpike completion fish > ~/.config/fish/completions/turnpike.fish");
    completion->callback([&session, shell] {
        if (*shell == "bash")
            session.world().out << kBash;
        else if (*shell == "zsh")
            session.world().out << kZsh;
        else if (*shell == "fish")
            session.world().out << kFish;
        else
            session.fail({ExitCode::Usage, fmt::format("there is no completion for '{}'", *shell),
                          "one of bash, zsh, fish"});
    });
}

}  // namespace turnpike::admin
