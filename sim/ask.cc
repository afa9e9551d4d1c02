// SPDX-License-Identifier: Apache-2.0
#include "sim/ask.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <memory>
#include <ostream>
#include <set>
#include <utility>

#include "router/base/suggest.h"
#include "router/base/units.h"
#include "sim/commands.h"
#include "sim/result_sink.h"
#include "sim/scratch_file.h"

namespace homing::sim {
namespace {

constexpr const char* kUsage =
    "homing-sim ask --nodes 4x16c64GiB --users N [--kind NAME|A=0.6,B=0.4] [--lose-node-at 10:00] [--drain-node-at "
    "10:00] "
    "[--burst 09:00] [--day-shape office|flat] [--memory SIZE] [--heartbeat TIME] [--strategy all|a,b] [--seed N] "
    "[--within TIME] [--print-scenario FILE] [--out FILE.sqlite [--replace]] [-o table|json]";
constexpr int kMostSeeds = 80;     // the last look of the verdict's rule
constexpr double kSpeaking = 0.5;  // seconds left for the answer itself
constexpr int kMaxNodes = 1000;
constexpr int kMaxUsers = 100'000;
using Wrong = std::unexpected<std::string>;

std::optional<std::uint64_t> whole(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from <= text.size()) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

// "10:00" is a Monday's; the scenario's day is Monday from 08:00 to 16:00.
std::expected<std::string, std::string> instant(const std::string& option, const std::string& text) {
  const std::string full = text.find(' ') == std::string::npos ? "Mon " + text : text;
  const auto time = parse_week_time(full);
  if (!time) return Wrong(fmt::format("{} {}: expected a time of the day as 10:00", option, text));
  if (*time < std::chrono::hours(8) || *time >= std::chrono::hours(16)) {
    return Wrong(fmt::format("{} {}: the day asked about is Monday from 08:00 to 16:00", option, text));
  }
  return full;
}

std::expected<std::vector<std::pair<std::string, double>>, std::string> parse_kinds(const std::string& text) {
  std::vector<std::pair<std::string, double>> kinds;
  for (const std::string& part : split(text)) {
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    double share = 1.0;
    if (equals != std::string::npos) {
      const auto quantity = base::parse_quantity(part.substr(equals + 1));
      share = quantity && quantity->unit.empty() ? quantity->value() : 0.0;
    }
    const bool plain =
        !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    if (!plain || !(share > 0.0)) {
      return Wrong(fmt::format("--kind {}: expected a kind as jupyter, or shares as jupyter=0.6,rstudio=0.4", text));
    }
    kinds.emplace_back(name, share);
  }
  double sum = 0;
  for (const auto& [name, share] : kinds) sum += share;
  for (auto& [name, share] : kinds) share /= sum;
  return kinds;
}

std::expected<std::vector<std::string>, std::string> parse_strategies(const std::string& text) {
  const std::vector<std::string> known = known_names().strategies;
  std::vector<std::string> chosen;
  for (const std::string& name : split(text)) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto near = base::nearest_name(name, known);
      return Wrong(fmt::format("--strategy {}: no strategy is called \"{}\"; expected all, or some of {}{}", text, name,
                               base::quoted_list(known), near ? fmt::format("; did you mean {}?", *near) : ""));
    }
    if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) chosen.push_back(name);
  }
  return chosen;
}

// Returns what was wrong.
std::optional<std::string> take_number(const std::string& option, const std::string& value, Question& question) {
  const auto number = whole(value);
  if (option == "--users") {
    if (!number || *number < 1 || *number > kMaxUsers) {
      return fmt::format("--users {}: expected a whole number from 1 to {}", value, kMaxUsers);
    }
    question.users = static_cast<int>(*number);
  }
  if (option == "--seed") {
    if (!number || *number > std::uint64_t{1'000'000'000}) {
      return fmt::format("--seed {}: expected a whole number from 0 to 1000000000", value);
    }
    question.first_seed = *number;
  }
  return std::nullopt;
}

std::optional<std::string> take_quantity(const std::string& option, const std::string& value, Question& question) {
  if (option == "--memory") {
    const auto bytes = base::parse_bytes(value);
    if (!bytes || *bytes < 1) return fmt::format("--memory {}: expected a size as \"2 GiB\"", value);
    question.memory = value;
  }
  if (option == "--heartbeat" || option == "--within") {
    const auto time = base::parse_duration(value);
    if (!time || time->count() <= 0) return fmt::format("{} {}: expected a time as \"5 s\"", option, value);
    if (option == "--heartbeat") question.heartbeat = base::format_duration(*time);
    if (option == "--within") question.within_s = static_cast<double>(time->count()) * 1e-9;
  }
  return std::nullopt;
}

std::optional<std::string> take_text(const std::string& option, const std::string& value, Question& question) {
  const auto keep = [&](auto parsed, auto& place) -> std::optional<std::string> {
    if (!parsed) return parsed.error();
    place = std::move(*parsed);
    return std::nullopt;
  };
  if (option == "--nodes") return keep(parse_nodes(value), question.nodes);
  if (option == "--kind") return keep(parse_kinds(value), question.kinds);
  if (option == "--lose-node-at") return keep(instant(option, value), question.lose_node_at);
  if (option == "--drain-node-at") return keep(instant(option, value), question.drain_node_at);
  if (option == "--burst") return keep(instant(option, value), question.burst_at);
  if (option == "--day-shape") {
    if (value != "office" && value != "flat") return fmt::format("--day-shape {}: expected office or flat", value);
    question.day_shape = value;
  }
  if (option == "--strategy" && value != "all") return keep(parse_strategies(value), question.strategies);
  if (option == "--print-scenario") question.print_scenario = value;
  if (option == "--out") question.out = value;
  if (option == "-o") {
    const auto output = output_named(value);
    if (!output || *output == Output::kCsv) return fmt::format("-o {}: expected table or json", value);
    question.output = *output;
  }
  return std::nullopt;
}

std::optional<std::string> check_whole(const Question& question) {
  if (question.nodes.empty()) return std::string("--nodes is missing; expected e.g. --nodes 4x16c64GiB");
  if (question.users == 0) return std::string("--users is missing; expected e.g. --users 120");
  int nodes = 0;
  for (const AskNodes& group : question.nodes) nodes += group.count;
  if (nodes > kMaxNodes) return fmt::format("--nodes names {} nodes; expected at most {}", nodes, kMaxNodes);
  if (nodes < 2 && question.drain_node_at) return std::string("--drain-node-at with one node leaves nowhere to go");
  if (question.lose_node_at && question.drain_node_at && nodes < 3) {
    return std::string("losing one node and draining another needs at least three");
  }
  return std::nullopt;
}

// ---- running

// Seeds under every strategy, in the looks of the verdict's rule, as far as the time allows.
class Asking {
 public:
  Asking(const Question& question, Scenario scenario, const AskHost& host, ResultSink& sink)
      : question_(question), scenario_(std::move(scenario)), host_(host), sink_(sink), begun_ms_(now_ms()) {}

  enum class End { kDone, kTimeOver, kStopped };

  // Runs until there are `seeds` of each strategy.
  End run_to(int seeds) {
    std::vector<Scenario> batch = {scenario_};
    batch[0].seeds = seeds - seeds_;
    batch[0].first_seed = question_.first_seed + static_cast<std::uint64_t>(seeds_);
    ExperimentOptions options;
    options.jobs = host_.jobs;
    options.host = host_.facts;
    bool time_over = false;
    options.pulse = [&](const Progress& progress) {
      if (host_.pulse && !host_.pulse(progress)) stopped_ = true;
      time_over = elapsed_s() > question_.within_s - kSpeaking;
      return !stopped_ && !time_over;
    };
    options.done = [&](RunRecord run) {
      run.id = run.strategy * kMostSeeds + static_cast<int>(run.seed - question_.first_seed);
      if (run.strategy == scenario_.baseline) note(run);
      return sink_.submit(std::move(run));
    };
    const int wanted = static_cast<int>(batch[0].strategies.size()) * batch[0].seeds;
    const int finished = run_experiment(batch, options);
    if (finished == wanted) seeds_ = seeds;
    if (stopped_) return End::kStopped;
    return finished == wanted ? End::kDone : End::kTimeOver;
  }

  // Would as many seeds as there are fit the rest of the time?
  bool fits(int seeds) const {
    const double each = elapsed_s() / std::max(1, seeds_);
    return elapsed_s() + each * (seeds - seeds_) < question_.within_s - kSpeaking;
  }
  int seeds() const { return seeds_; }
  double elapsed_s() const { return static_cast<double>(now_ms() - begun_ms_) * 1e-3; }
  const Fates& fates() const { return fates_; }
  const Scenario& scenario() const { return scenario_; }

 private:
  std::int64_t now_ms() const { return host_.facts.wall_ms ? host_.facts.wall_ms() : 0; }

  void note(const RunRecord& run) {
    std::set<std::uint32_t> hit;
    int never = 0;
    for (const DownInterval& down : run.downs) hit.insert(down.user);
    for (const SessionLoss& loss : run.losses) {
      hit.insert(loss.user);
      if (loss.back_ns) fates_.back_s.push_back(static_cast<double>(*loss.back_ns - loss.at_ns) * 1e-9);
      never += loss.back_ns ? 0 : 1;
    }
    fates_.hit.push_back(static_cast<double>(hit.size()));
    fates_.never_back.push_back(never);
  }

  const Question& question_;
  Scenario scenario_;
  const AskHost& host_;
  ResultSink& sink_;
  std::int64_t begun_ms_;
  int seeds_ = 0;
  bool stopped_ = false;
  Fates fates_;
};

// The stopping rule of verdict.h: how wide the intervals are, never on which side of 0 they lie.
bool still_open(const ScenarioReport& report) {
  return std::any_of(report.comparison.rows.begin(), report.comparison.rows.end(), [&](const Comparison& row) {
    for (const MetricRow& metric : report.metrics) {
      if (metric.id == row.metric) return !settled(row.judgement, margin_of(report.scenario, metric));
    }
    return false;
  });
}

std::expected<Scenario, std::string> scenario_to_ask(const std::string& text) {
  ScenarioResult read = parse_scenario(text, "ask.toml", known_names());
  if (!read.ok()) {
    std::string wrong;
    for (const base::Diagnostic& diagnostic : read.diagnostics) {
      wrong += fmt::format("{}homing-sim: {}: {}", wrong.empty() ? "" : "\n", diagnostic.key, diagnostic.text);
    }
    return Wrong(wrong);
  }
  return std::move(*read.scenario);
}

std::expected<std::vector<ScenarioReport>, std::string> judged(const std::string& path) {
  const auto reader = ResultReader::open(path);
  if (!reader) return Wrong(reader.error());
  auto reports = build_reports(*reader, std::nullopt);
  if (!reports) return Wrong(reports.error().text);
  return std::move(*reports);
}

}  // namespace

std::expected<std::vector<AskNodes>, std::string> parse_nodes(const std::string& text) {
  const std::string expected =
      fmt::format("--nodes {}: expected count x cores c memory, e.g. 4x16c64GiB; several with commas", text);
  std::vector<AskNodes> groups;
  for (const std::string& part : split(text)) {
    const std::size_t x = part.find('x');
    const std::size_t c = part.find('c', x == std::string::npos ? 0 : x);
    if (x == std::string::npos || c == std::string::npos) return Wrong(expected);
    const auto count = whole(std::string_view(part).substr(0, x));
    const auto cores = whole(std::string_view(part).substr(x + 1, c - x - 1));
    const std::string memory = part.substr(c + 1);
    const auto bytes = base::parse_bytes(memory);
    if (!count || !cores || !bytes || *count < 1 || *count > kMaxNodes || *cores < 1 || *cores > 4096 || *bytes < 1) {
      return Wrong(expected);
    }
    groups.push_back({static_cast<int>(*count), static_cast<int>(*cores), memory});
  }
  return groups;
}

std::expected<Question, std::string> parse_question(std::span<const std::string> arguments) {
  const std::vector<std::string> known = {
      "--nodes",     "--users",    "--kind", "--lose-node-at", "--drain-node-at",  "--burst", "--day-shape", "--memory",
      "--heartbeat", "--strategy", "--seed", "--within",       "--print-scenario", "--out",   "--replace",   "-o"};
  Question question;
  question.kinds = {{"jupyter", 1.0}};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    if (std::find(known.begin(), known.end(), option) == known.end()) {
      std::string text = fmt::format("unknown {} {}", option.starts_with("-") ? "option" : "argument", option);
      if (const auto near = base::nearest_name(option, known)) text += fmt::format("; did you mean {}?", *near);
      return Wrong(text);
    }
    if (option == "--replace") {
      question.replace = true;
      continue;
    }
    if (i + 1 == arguments.size()) return Wrong(option + " needs a value");
    const std::string& value = arguments[++i];
    for (const auto& take : {take_number, take_quantity, take_text}) {
      if (const auto wrong = take(option, value, question)) return Wrong(*wrong);
    }
  }
  if (const auto wrong = check_whole(question)) return Wrong(*wrong);
  return question;
}

std::string scenario_of(const Question& question) {
  std::string nodes;
  std::string machines;
  int count = 0;
  for (const AskNodes& group : question.nodes) {
    nodes += fmt::format("{}{{ count = {}, cores = {}, memory = \"{}\" }}", nodes.empty() ? "" : ", ", group.count,
                         group.cores, group.memory);
    machines +=
        fmt::format("{}{} of {} cores and {}", machines.empty() ? "" : ", ", group.count, group.cores, group.memory);
    count += group.count;
  }
  std::string kinds;
  for (const auto& [name, share] : question.kinds) {
    kinds += fmt::format("{}{} = {}", kinds.empty() ? "" : ", ", name, share);
  }
  std::string happens;
  if (question.lose_node_at) happens += fmt::format(", one is lost at {}", question.lose_node_at->substr(4));
  if (question.drain_node_at) happens += fmt::format(", one is drained at {}", question.drain_node_at->substr(4));
  std::string text =
      fmt::format(R"(# Made by homing-sim ask.
format = 1
title = "{} people, nodes: {}{}"
start = "Mon 08:00"
horizon = "8 h"
warm-up = "1 h"       # who is there at the beginning is placed at once, then this much is not measured
seeds = 20
first-seed = {}

[cluster]
heartbeat = "{}"
nodes = [{}]

[[users]]
name = "people"
count = {}
)",
                  question.users, machines, happens, question.first_seed, question.heartbeat, nodes, question.users);
  if (question.burst_at) {
    text += fmt::format("burst = {{ at = \"{}\", within = \"5 min\" }}\n", *question.burst_at);
  } else {
    text += fmt::format("day-shape = \"{}\"\nactive-share = 1.0   # all of them come that day\n", question.day_shape);
  }
  text += fmt::format("kinds = {{ {} }}\n", kinds);
  if (question.memory) {
    for (const auto& [name, share] : question.kinds) {
      text += fmt::format("\n[kind.{}.start]\nmemory = \"{}\"\n", name, *question.memory);
    }
  }
  if (question.lose_node_at) {
    text += fmt::format(
        "\n[[fault]]\nkind = \"crash\"\nat = \"{}\"\ntarget = \"n1\"\nlasts = \"lognormal(median 59 min, p90 329 "
        "min)\"\n",
        *question.lose_node_at);
  }
  if (question.drain_node_at) {
    text += fmt::format("\n[[fault]]\nkind = \"drain\"\nat = \"{}\"\ntarget = \"n{}\"\nlasts = \"1 h\"\n",
                        *question.drain_node_at, std::min(count, 2));
  }
  for (const std::string& name : question.strategies) text += fmt::format("\n[[strategy]]\nname = \"{}\"\n", name);
  return text;
}

int ask_command(std::span<const std::string> arguments, const AskHost& host, std::ostream& out, std::ostream& err) {
  const auto question = parse_question(arguments);
  if (!question) {
    err << "homing-sim: " << question.error() << "; usage: " << kUsage << '\n';
    return kExitUsage;
  }
  const std::string text = scenario_of(*question);
  auto scenario = scenario_to_ask(text);
  if (!scenario) {
    err << scenario.error() << '\n';
    return kExitUsage;
  }
  const ScratchFile scratch(question->out.empty());
  const std::string path = question->out.empty() ? scratch.path() : question->out;
  auto writer = ResultWriter::create(path, {*scenario}, {{"host", host.facts.name}, {"command", "homing-sim ask"}},
                                     question->replace);
  if (!writer) {
    err << "homing-sim: " << writer.error() << '\n';
    return kExitUsage;
  }
  if (!question->print_scenario.empty()) {
    std::ofstream file(question->print_scenario);
    file << text;
    if (!file.flush()) {
      err << fmt::format("homing-sim: --print-scenario {}: cannot be written\n", question->print_scenario);
      return kExitUsage;
    }
  }
  auto sink = std::make_unique<ResultSink>(std::move(*writer));
  Asking asking(*question, std::move(*scenario), host, *sink);
  std::vector<ScenarioReport> reports;
  Asking::End end = Asking::End::kDone;
  for (auto look = std::optional(kFewestRuns); look; look = next_look(asking.seeds())) {
    if (asking.seeds() > 0 && !asking.fits(*look)) {
      end = Asking::End::kTimeOver;
      break;
    }
    end = asking.run_to(*look);
    if (end != Asking::End::kDone) break;
    sink->drain();
    auto judged_now = judged(path);
    if (judged_now && !still_open(judged_now->front())) break;
  }
  const auto written = sink->finish();
  if (!written) {
    err << "homing-sim: " << written.error() << '\n';
    return kExitFailed;
  }
  if (host.settled) host.settled();
  auto last = judged(path);
  if (!last) {
    err << "homing-sim: " << last.error() << '\n';
    return kExitFailed;
  }
  const bool open = still_open(last->front());
  const Answered answered{&*question,      &asking.scenario(), &last->front(),
                          &asking.fates(), asking.elapsed_s(), open && end != Asking::End::kDone};
  out << (question->output == Output::kJson ? answer_json(answered) : answer_text(answered)) << std::flush;
  return end == Asking::End::kStopped ? kExitInterrupted : kExitOk;
}

}  // namespace homing::sim
