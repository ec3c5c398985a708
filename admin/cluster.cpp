#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>

#include "admin/nouns.hpp"
#include "admin/output.hpp"
#include "admin/placement_simulation.hpp"
#include "admin/units.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kNodesMax = 100'000, kRoomsMax = 1'000, kRingPointsMax = 10'000;
constexpr double kBound = cluster::PlacementTable::kBoundPercent / 100.0;

// "join:10%", "lose:3", "churn:50%"
struct Step {
    enum class Kind : std::uint8_t { Join, Lose, Drain, Churn } kind{};
    std::size_t amount = 0;
    bool percent = false;
    std::string text;

    /// Of that many; at least one.
    std::size_t of(std::size_t all) const {
        return percent ? std::max<std::size_t>(1, (all * amount + 50) / 100) : amount;
    }
};

struct Wanted {
    std::vector<std::string> nodes{"10", "100", "1000", "10000"},
        steps{"join:10%", "churn:50%", "lose:5%", "drain:5%", "churn:50%"};
    std::string rooms = "10", ring_points = "20";
    std::uint64_t seed = 1;
};

std::optional<std::size_t> whole(std::string_view text, std::size_t most) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0 || number > most)
        return {};
    return number;
}

std::expected<std::size_t, Failure> count_of(std::string_view option, const std::string& text,
                                             std::size_t most) {
    if (const auto number = whole(text, most)) return *number;
    return std::unexpected(Failure{ExitCode::Usage, fmt::format("{} cannot be '{}'", option, text),
                                   fmt::format("a number from 1 to {}", most)});
}

std::expected<Step, Failure> step_of(const std::string& text) {
    const Failure bad{ExitCode::Usage, fmt::format("--step cannot be '{}'", text),
                      "join, lose, drain or churn, with how many: join:10% or lose:3"};
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) return std::unexpected(bad);
    const std::string_view word = std::string_view{text}.substr(0, colon);
    std::string_view amount = std::string_view{text}.substr(colon + 1);
    Step step;
    step.text = text;
    if (word == "join")
        step.kind = Step::Kind::Join;
    else if (word == "lose")
        step.kind = Step::Kind::Lose;
    else if (word == "drain")
        step.kind = Step::Kind::Drain;
    else if (word == "churn")
        step.kind = Step::Kind::Churn;
    else
        return std::unexpected(bad);
    step.percent = amount.ends_with('%');
    if (step.percent) amount.remove_suffix(1);
    const auto number = whole(amount, step.percent ? 100 : kNodesMax * kRoomsMax);
    if (!number) return std::unexpected(bad);
    step.amount = *number;
    return step;
}

// One line on a terminal's stderr, gone when the work is done.
class ProgressLine {
public:
    explicit ProgressLine(Session& session)
        : err_(session.world().err), on_(session.world().err_is_terminal) {}
    ~ProgressLine() { clear(); }
    void show(const std::string& text) {
        if (!on_) return;
        err_ << "\r\x1b[K" << text << std::flush;
        shown_ = true;
    }
    void clear() {
        if (shown_) err_ << "\r\x1b[K" << std::flush;
        shown_ = false;
    }

private:
    std::ostream& err_;
    bool on_, shown_ = false;
};

Json spread_json(const PlacementSimulation::Spread& spread) {
    const auto rounded = [](double value) {
        return static_cast<double>(static_cast<std::uint64_t>(value * 10000 + 0.5)) / 10000;
    };
    return {{"most_of_mean", rounded(spread.most)},
            {"least_of_mean", rounded(spread.least)},
            {"moved_rooms", spread.moved}};
}

std::expected<std::vector<Json>, Failure> simulate_one(std::size_t nodes, std::size_t rooms,
                                                       std::size_t ring_points, std::uint64_t seed,
                                                       const std::vector<Step>& steps,
                                                       ProgressLine& line) {
    std::vector<Json> items;
    std::string doing = "fill";
    const PlacementSimulation::Progress progress = [&](std::size_t done, std::size_t all) {
        line.show(fmt::format("{} nodes, {}: {} of {} rooms placed", nodes, doing, done, all));
    };
    const auto add = [&](std::string_view step, const PlacementSimulation::Result& result) {
        items.push_back({{"cluster", nodes},
                         {"step", step},
                         {"nodes", result.nodes},
                         {"rooms", result.rooms},
                         {"displaced_rooms", result.displaced},
                         {"turnpike", spread_json(result.turnpike)},
                         {"ring", spread_json(result.ring)}});
    };
    PlacementSimulation simulation{{nodes, rooms, seed, static_cast<unsigned>(ring_points)}};
    add("fill", simulation.fill(progress));
    for (const Step& step : steps) {
        doing = step.text;
        const std::size_t amount =
            step.of(step.kind == Step::Kind::Churn ? simulation.rooms() : simulation.nodes());
        switch (step.kind) {
            case Step::Kind::Join:
                if (amount > kNodesMax) {
                    return std::unexpected(Failure{ExitCode::Usage,
                                                   fmt::format("{} is too much", step.text),
                                                   fmt::format("at most {} nodes", kNodesMax)});
                }
                add(step.text, simulation.join(amount, progress));
                break;
            case Step::Kind::Lose:
            case Step::Kind::Drain:
                if (amount >= simulation.nodes()) {
                    return std::unexpected(
                        Failure{ExitCode::Precondition,
                                fmt::format("{} of {} nodes would leave none for their rooms",
                                            step.text, simulation.nodes()),
                                "take fewer, or add nodes first with --step join:N"});
                }
                add(step.text, step.kind == Step::Kind::Lose ? simulation.lose(amount, progress)
                                                             : simulation.drain(amount, progress));
                break;
            case Step::Kind::Churn:
                add(step.text, simulation.churn(amount, progress));
                break;
        }
    }
    return items;
}

const std::vector<Column> kColumns{
    {"CLUSTER", "/cluster"},
    {"STEP", "/step"},
    {"NODES", "/nodes"},
    {"ROOMS", "/rooms"},
    {"DISPLACED", "/displaced_rooms"},
    {"MOST", "/turnpike/most_of_mean"},
    {"LEAST", "/turnpike/least_of_mean"},
    {"MOVED", "/turnpike/moved_rooms"},
    {"RING MOST", "/ring/most_of_mean"},
    {"RING LEAST", "/ring/least_of_mean"},
    {"RING MOVED", "/ring/moved_rooms"},
};

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
}

class Report {
public:
    Report(Session& session, std::string_view ring)
        : out_(session.world().out),
          colors_(session.world().out_is_terminal && session.colors()),
          ring_(ring) {}

    void draw(const std::vector<Json>& items) {
        out_ << paint(
                    "Load of the fullest and the emptiest node, as multiples of the mean; rooms "
                    "that had to change their node.",
                    "2")
             << '\n';
        std::size_t cluster = 0;
        for (const Json& item : items) {
            if (item.at("cluster").get<std::size_t>() != cluster) {
                cluster = item.at("cluster").get<std::size_t>();
                head(item);
            }
            row(item);
        }
        out_ << '\n'
             << paint(fmt::format("Turnpike: when a room is placed, at most {:.2f} of the mean. No "
                                  "room moves because a node comes; then the mean\n"
                                  "sinks under the rooms that stay, until they end.",
                                  kBound),
                      "2")
             << '\n'
             << paint(fmt::format("Ring: consistent hashing with {} virtual nodes each, by CRC-32, "
                                  "as Tinode's ring hash. It moves rooms when nodes come.",
                                  ring_),
                      "2")
             << '\n';
    }

private:
    std::string paint(std::string_view text, std::string_view color) const {
        return colors_ ? fmt::format("\x1b[{}m{}\x1b[0m", color, text) : std::string{text};
    }
    void head(const Json& item) {
        const std::string title = fmt::format(
            "{} nodes, {} rooms of {}", grouped(item.at("cluster").get<std::uint64_t>()),
            grouped(item.at("rooms").get<std::uint64_t>()), PlacementSimulation::kSeats);
        out_ << '\n' << paint(title, "1") << '\n';
        out_ << fmt::format("  {:<12} {:>7} {:>10} │ {:<28} │ {}\n", "", "", "", "Turnpike",
                            "Ring");
        out_ << fmt::format("  {:<12} {:>7} {:>10} │ {:>7} {:>7} {:>12} │ {:>7} {:>7} {:>12}\n",
                            "STEP", "NODES", "DISPLACED", "MOST", "LEAST", "MOVED", "MOST", "LEAST",
                            "MOVED");
    }
    std::string half(const Json& spread, std::uint64_t rooms, bool bounded) const {
        const double most = spread.at("most_of_mean").get<double>();
        const std::uint64_t moved = spread.at("moved_rooms").get<std::uint64_t>();
        const std::string shown = fmt::format("{:>7.2f}", most);
        const double share =
            rooms == 0 ? 0 : 100.0 * static_cast<double>(moved) / static_cast<double>(rooms);
        return fmt::format("{} {:>7.2f} {:>12}",
                           paint(shown, most <= kBound          ? "32"
                                        : bounded || most < 1.5 ? "33"
                                                                : "31"),
                           spread.at("least_of_mean").get<double>(),
                           moved == 0 ? "–" : fmt::format("{} {:>4.1f}%", grouped(moved), share));
    }
    void row(const Json& item) {
        const std::uint64_t rooms = item.at("rooms").get<std::uint64_t>(),
                            displaced = item.at("displaced_rooms").get<std::uint64_t>();
        out_ << fmt::format("  {:<12} {:>7} {:>10} │ {} │ {}\n", item.at("step").get<std::string>(),
                            grouped(item.at("nodes").get<std::uint64_t>()),
                            displaced == 0 ? "–" : grouped(displaced),
                            half(item.at("turnpike"), rooms, true),
                            half(item.at("ring"), rooms, false));
    }

    std::ostream& out_;
    bool colors_;
    std::string_view ring_;
};

void simulate(Session& session, const Wanted& wanted) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto rooms = count_of("--rooms", wanted.rooms, kRoomsMax),
               points = count_of("--ring-points", wanted.ring_points, kRingPointsMax);
    if (!rooms) return session.fail(rooms.error());
    if (!points) return session.fail(points.error());
    std::vector<Step> steps;
    for (const std::string& text : wanted.steps) {
        auto step = step_of(text);
        if (!step) return session.fail(step.error());
        steps.push_back(*std::move(step));
    }
    std::vector<std::size_t> clusters;
    for (const std::string& text : wanted.nodes) {
        const auto nodes = count_of("--nodes", text, kNodesMax);
        if (!nodes) return session.fail(nodes.error());
        clusters.push_back(*nodes);
    }
    std::vector<Json> items;
    {
        ProgressLine line{session};
        for (const std::size_t nodes : clusters) {
            auto more = simulate_one(nodes, *rooms, *points, wanted.seed, steps, line);
            if (!more) {
                line.clear();
                return session.fail(more.error());
            }
            std::ranges::move(*more, std::back_inserter(items));
        }
    }
    if (*format == Format::Table)
        Report{session, wanted.ring_points}.draw(items);
    else
        write(session, *format, {"PlacementSimulation", kColumns, items, ""});
}

}  // namespace

void add_cluster(CLI::App& app, Session& session) {
    CLI::App* cluster = app.add_subcommand("cluster", "all nodes together")->require_subcommand(1);
    CLI::App* run = cluster->add_subcommand(
        "simulate",
        "how rooms would spread over nodes, and which would move, as nodes come and go");
    const auto wanted = std::make_shared<Wanted>();
    run->add_option("--nodes", wanted->nodes, "sizes of clusters to try")
        ->delimiter(',')
        ->type_name("N,...")
        ->capture_default_str();
    run->add_option("--rooms", wanted->rooms, "rooms of four for each of the first nodes")
        ->type_name("N")
        ->capture_default_str();
    run->add_option("--step", wanted->steps, "what happens after the filling, in order")
        ->delimiter(',')
        ->type_name("WHAT:N[%],...")
        ->capture_default_str();
    run->add_option("--seed", wanted->seed, "of the lots: which nodes go, which rooms end")
        ->type_name("N")
        ->capture_default_str();
    run->add_option("--ring-points", wanted->ring_points, "virtual nodes of each node on the ring")
        ->type_name("N")
        ->capture_default_str();
    run->footer(
        "Places rooms by the code that signaling runs, and beside it by plain ring hashing: "
        "consistent hashing with virtual\n"
        "nodes, as Tinode's ring hash does it (20 points a node, CRC-32). It needs no daemon and "
        "changes nothing.\n\n"
        "Steps: join (nodes come), lose (nodes vanish), drain (nodes are emptied), churn (rooms "
        "end, as many open); with a\n"
        "number, or a share of the nodes; of the rooms for churn. DISPLACED are the rooms whose "
        "node went: these have to move.\n\n"
        "Examples:\n"
        "  turnpike cluster simulate\n"
        "  turnpike cluster simulate --nodes 3 --rooms 100 --step lose:1,join:1,churn:30%\n"
        "  turnpike cluster simulate --nodes 50 --seed 7 -o json | jq '.items[] | {step, m: "
        ".turnpike.most_of_mean}'");
    run->callback([&session, wanted] { simulate(session, *wanted); });
}

}  // namespace turnpike::admin
