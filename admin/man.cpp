// Manual pages, written from the tree of commands: what --help says, as roff.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <ostream>
#include <sstream>

#include "admin/command_tree.hpp"
#include "admin/nouns.hpp"
#include "admin/session.hpp"

namespace turnpike::admin {
namespace {

namespace fs = std::filesystem;

// Text for roff: a backslash and a dash mean something, and so does a dot or a quote at the start
// of a line.
std::string roff(std::string_view text) {
    std::string out;
    bool line_start = true;
    for (const char c : text) {
        if (line_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
        line_start = c == '\n';
    }
    return out;
}

// "UINT:INT in [1 - 100]" is how the library says a number with a check.
std::string value_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    if (type.empty() || type.starts_with("TEXT:{")) return "VALUE";
    return type.starts_with("UINT") || type.starts_with("INT")
               ? "N"
               : type.substr(0, type.find(':') == std::string::npos || type.starts_with("WHAT")
                                    ? type.size()
                                    : type.find(':'));
}

std::string option_line(const CLI::Option& option) {
    std::string names;
    for (const std::string& each : option.get_snames())
        names += fmt::format("{}\\fB\\-{}\\fR", names.empty() ? "" : ", ", roff(each));
    for (const std::string& each : option.get_lnames())
        names += fmt::format("{}\\fB\\-\\-{}\\fR", names.empty() ? "" : ", ", roff(each));
    if (takes_value(option)) names += fmt::format(" \\fI{}\\fR", roff(value_of(option)));
    return names;
}

void options(std::ostream& out, const CLI::App& app) {
    for (const CLI::Option* each : options_of(app)) {
        out << ".TP\n" << option_line(*each) << '\n' << roff(each->get_description());
        if (!each->get_default_str().empty())
            out << roff(fmt::format(" (default {})", each->get_default_str()));
        out << '\n';
    }
}

// A footer is prose, and lists below lines that end with a colon; what is indented stays as it is.
void footer(std::ostream& out, const CLI::App& app) {
    // A command without one of its own has that of the program.
    if (app.get_footer().empty() ||
        (app.get_parent() != nullptr && app.get_footer() == app.get_parent()->get_footer()))
        return;
    std::istringstream lines{app.get_footer()};
    bool literal = false;
    out << ".PP\n";
    for (std::string line; std::getline(lines, line);) {
        const bool indented = line.starts_with(' ');
        if (indented != literal) out << (indented ? ".PP\n.nf\n.RS\n" : ".RE\n.fi\n.PP\n");
        literal = indented;
        if (line.empty())
            out << (literal ? "\n" : ".PP\n");
        else
            out << roff(line) << '\n';
    }
    if (literal) out << ".RE\n.fi\n";
}

void command(std::ostream& out, const CLI::App& app) {
    std::string synopsis = fmt::format("\\fB{}\\fR", roff(path_of(app)));
    if (!commands_of(app).empty())
        synopsis += " \\fICOMMAND\\fR";
    else if (!options_of(app).empty())
        synopsis += " [\\fIOPTIONS\\fR]";
    for (const CLI::Option* each : arguments_of(app)) {
        const std::string name =
            roff(each->get_name(true, false)) + (each->get_expected_max() > 1 ? " ..." : "");
        synopsis += each->get_required() ? fmt::format(" \\fI{}\\fR", name)
                                         : fmt::format(" [\\fI{}\\fR]", name);
    }
    out << ".SS " << synopsis << '\n' << roff(app.get_description()) << ".\n";
    for (const CLI::Option* each : arguments_of(app)) {
        out << ".TP\n\\fI" << roff(each->get_name(true, false)) << "\\fR\n"
            << roff(each->get_description()) << '\n';
    }
    options(out, app);
    footer(out, app);
    for (const CLI::App* each : commands_of(app)) command(out, *each);
}

void head(std::ostream& out, const std::string& page, std::string_view about) {
    std::string title;
    for (const char c : page) title += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    out << fmt::format(".TH {} 1 \"\" \"turnpike {}\" \"Turnpike\"\n.SH NAME\n{} \\- {}\n",
                       roff(title), TURNPIKE_VERSION, roff(page), roff(about));
}

std::string program_page(const CLI::App& app) {
    std::ostringstream out;
    head(out, "turnpike", "administers relays and signaling");
    out << ".SH SYNOPSIS\n\\fBturnpike\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
        << roff(app.get_description()) << "\n.SH COMMANDS\n";
    for (const CLI::App* each : commands_of(app)) {
        out << ".TP\n\\fB" << roff(each->get_name()) << "\\fR\n"
            << roff(each->get_description())
            << fmt::format("; turnpike\\-{}(1)\n", roff(each->get_name()));
    }
    out << ".SH OPTIONS\n";
    options(out, app);
    out << ".SH EXAMPLES AND EXIT STATUS\n";
    footer(out, app);
    out << ".SH FILES\n.TP\n/run/turnpike/*/admin.sock\nadmin sockets of the daemons\n.SH SEE "
           "ALSO\n";
    std::string pages;
    for (const CLI::App* each : commands_of(app))
        pages +=
            fmt::format("{}turnpike\\-{}(1)", pages.empty() ? "" : ", ", roff(each->get_name()));
    out << pages << '\n';
    return out.str();
}

std::string noun_page(const CLI::App& noun) {
    std::ostringstream out;
    head(out, "turnpike-" + noun.get_name(), noun.get_description());
    out << ".SH COMMANDS\n";
    command(out, noun);
    out << ".SH SEE ALSO\nturnpike(1) for the options of every command, and the exit status\n";
    return out.str();
}

void man(const CLI::App& app, Session& session, const std::string& noun,
         const std::string& folder) {
    const CLI::App* wanted = noun.empty() ? nullptr : command_of(app, noun);
    if (!noun.empty() && wanted == nullptr) {
        return session.fail({ExitCode::NotFound, fmt::format("there is no page for '{}'", noun),
                             "turnpike --help lists the commands"});
    }
    if (folder.empty()) {
        session.world().out << (wanted != nullptr ? noun_page(*wanted) : program_page(app));
        return;
    }
    std::vector<std::pair<std::string, std::string>> pages;
    if (wanted == nullptr) pages.emplace_back("turnpike.1", program_page(app));
    for (const CLI::App* each : commands_of(app)) {
        if (wanted == nullptr || wanted == each)
            pages.emplace_back("turnpike-" + each->get_name() + ".1", noun_page(*each));
    }
    for (const auto& [name, text] : pages) {
        if (!session.write_file(fs::path{folder} / name, text)) return;
    }
}

}  // namespace

void add_man(CLI::App& app, Session& session) {
    CLI::App* pages = app.add_subcommand("man", "manual pages, as man reads them");
    const auto noun = std::make_shared<std::string>(), folder = std::make_shared<std::string>();
    pages->add_option("COMMAND", *noun, "whose page; without it the program's");
    pages->add_option("--dir", *folder, "write all pages into this folder")->type_name("DIR");
    pages->footer(
        "Examples:\n  turnpike man | man -l -\n  turnpike man nodes | man -l -\n  turnpike man "
        "--dir /usr/local/share/man/man1");
    pages->callback([&app, &session, noun, folder] { man(app, session, *noun, *folder); });
}

}  // namespace turnpike::admin
