// SPDX-License-Identifier: Apache-2.0
//
// homing-sim why: arguments, and which run, visit and placement they mean. Without --run it lists the runs, without
// --session what happened in one; so a person finds the session to ask about with the same command.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "router/base/suggest.h"
#include "sim/commands.h"
#include "sim/report.h"
#include "sim/why.h"
#include "sim/why_text.h"

namespace homing::sim {
namespace {

constexpr const char* kUsage =
    "homing-sim why RESULT [--run R [--session USER/VISIT|lost|worst [--epoch E] [--instead NODE|runner-up]]] "
    "[--scenario FILE] [-o table|json]";

struct Wish {
  std::string result;
  std::optional<std::string> run;
  std::optional<std::string> session;
  std::optional<std::uint32_t> epoch;
  std::optional<std::string> instead;
  std::string scenario;
  Output output = Output::kTable;
};

int usage(std::ostream& err, const std::string& wrong) {
  err << "homing-sim: " << wrong << "; usage: " << kUsage << '\n';
  return kExitUsage;
}

std::optional<std::uint32_t> whole(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Returns an exit code when the arguments are wrong.
std::optional<int> take(const std::string& option, const std::string& value, Wish& wish, std::ostream& err) {
  if (option == "--run") wish.run = value;
  if (option == "--session") wish.session = value;
  if (option == "--instead") wish.instead = value;
  if (option == "--scenario") wish.scenario = value;
  if (option == "--epoch") {
    wish.epoch = whole(value);
    if (!wish.epoch) return usage(err, fmt::format("--epoch {} is no epoch; expected a whole number from 1", value));
  }
  if (option == "-o") {
    const auto output = output_named(value);
    if (!output || *output == Output::kCsv) return usage(err, fmt::format("-o {}: expected table or json", value));
    wish.output = *output;
  }
  return std::nullopt;
}

std::optional<int> parse(std::span<const std::string> arguments, Wish& wish, std::ostream& err) {
  const std::vector<std::string> known = {"--run", "--session", "--epoch", "--instead", "--scenario", "-o"};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("-")) {
      if (!wish.result.empty()) return usage(err, "expected one result file");
      wish.result = argument;
    } else if (std::find(known.begin(), known.end(), argument) == known.end()) {
      std::string text = fmt::format("unknown option {}", argument);
      if (const auto near = base::nearest_name(argument, known)) text += fmt::format("; did you mean {}?", *near);
      return usage(err, text);
    } else if (i + 1 == arguments.size()) {
      return usage(err, argument + " needs a value");
    } else if (const auto exit = take(argument, arguments[++i], wish, err)) {
      return exit;
    }
  }
  if (wish.result.empty()) return usage(err, "no result file is named");
  if (wish.session && !wish.run) return usage(err, "--session needs --run: a session belongs to one run");
  if ((wish.epoch || wish.instead) && !wish.session) return usage(err, "--epoch and --instead need --session");
  return std::nullopt;
}

const ScenarioRow* scenario_of(const ResultReader& results, int id) {
  for (const ScenarioRow& scenario : results.scenarios()) {
    if (scenario.id == id) return &scenario;
  }
  return nullptr;
}

std::string strategy_name(const ScenarioRow& scenario, int id) {
  for (const StrategyRow& strategy : scenario.strategies) {
    if (strategy.id == id) return strategy.name;
  }
  return "?";
}

// "sessions/3", or "node-lost-at-peak/sessions/3" in a file with several scenarios.
std::string run_name(const ResultReader& results, const RunRow& run) {
  const ScenarioRow* scenario = scenario_of(results, run.scenario);
  if (scenario == nullptr) return fmt::format("{}", run.id);
  const std::string name = fmt::format("{}/{}", strategy_name(*scenario, run.strategy), run.seed);
  return results.scenarios().size() > 1 ? scenario->name + "/" + name : name;
}

const RunRow* run_named(const ResultReader& results, const std::string& text) {
  const auto id = whole(text);
  for (const RunRow& run : results.runs()) {
    if ((id && static_cast<std::uint32_t>(run.id) == *id) || run_name(results, run) == text || run.key == text)
      return &run;
  }
  return nullptr;
}

// By name, as the file has them.
std::optional<double> value_named(const ResultReader& results, const RunRow& run, std::string_view metric) {
  for (const MetricRow& row : results.metric_rows()) {
    if (row.info.name != metric) continue;
    const auto value = run.values.find(row.id);
    if (value != run.values.end()) return value->second;
  }
  return std::nullopt;
}

int list_runs(const ResultReader& results, Output output, std::ostream& out) {
  std::vector<const RunRow*> runs;
  for (const RunRow& run : results.runs()) runs.push_back(&run);
  const auto lost = [&](const RunRow* run) { return value_named(results, *run, "sessions-lost").value_or(0); };
  const auto down = [&](const RunRow* run) { return value_named(results, *run, "user-minutes-lost").value_or(0); };
  std::sort(runs.begin(), runs.end(), [&](const RunRow* a, const RunRow* b) {
    return std::tuple(-lost(a), -down(a), a->id) < std::tuple(-lost(b), -down(b), b->id);
  });
  if (output == Output::kJson) {
    out << "{\"format\":1,\"runs\":[";
    for (std::size_t i = 0; i < runs.size(); ++i) {
      out << fmt::format("{}{{\"run\":{},\"name\":\"{}\",\"sessions_lost\":{}}}", i > 0 ? "," : "", runs[i]->id,
                         run_name(results, *runs[i]), lost(runs[i]));
    }
    out << "]}\n";
    return kExitOk;
  }
  out << fmt::format("{} runs, those with the most sessions lost first\n", runs.size());
  for (const RunRow* run : runs) {
    const auto minutes = value_named(results, *run, "user-minutes-lost");
    out << fmt::format("  {:>5}  {:<32} {:>6} sessions lost{}\n", run->id, run_name(results, *run),
                       short_number(lost(run)),
                       minutes ? fmt::format("  {:>8} user-minutes lost", short_number(*minutes)) : "");
  }
  out << "ask on with --run R: the number or the name\n";
  return kExitOk;
}

// "worst": the visit that was down the longest; "lost": the first whose session was lost under its owner. Nothing:
// `text` is another name, or nobody lost anything.
std::optional<std::string> special_session(const ResultReader& results, int run, const std::string& text) {
  if (text == "worst") {
    std::map<std::uint32_t, std::int64_t> down_ns;
    std::optional<std::uint32_t> worst;
    for (const DownInterval& down : results.downs(run).value_or(std::vector<DownInterval>{})) {
      down_ns[down.visit] += down.to_ns - down.from_ns;
      if (!worst || down_ns[down.visit] > down_ns[*worst]) worst = down.visit;
    }
    if (worst) return fmt::format("{}", *worst);
  }
  if (text == "lost") {
    for (const SessionLoss& loss : results.losses(run).value_or(std::vector<SessionLoss>{})) {
      if (loss.owner_present) return fmt::format("{}", loss.visit);
    }
  }
  return std::nullopt;
}

// The placement that is asked for: of `epoch`; else the one whose process was lost first; else the first.
std::optional<std::size_t> placement_of(const WhyAnswer& answer, std::optional<std::uint32_t> epoch) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < answer.placements.size(); ++i) {
    const core::DecisionRecord& record = answer.placements[i].table.record;
    if (epoch && record.epoch.value == *epoch) return i;
    if (epoch) continue;
    for (const EpochLife& life : answer.story.epochs) {
      const bool lost = life.session == record.session && life.epoch == record.epoch && life.state == "lost";
      if (lost && !found) found = i;
    }
  }
  if (!found && !epoch && !answer.placements.empty()) found = 0;
  return found;
}

std::optional<int> refused_node(const RunAgain& again, const Placement& placement, const std::string& name,
                                std::uint32_t& node, std::ostream& err) {
  std::vector<std::string> names;
  for (const NodeSpec& spec : again.scenario->nodes) names.push_back(spec.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    err << fmt::format("homing-sim: --instead {}: no node is called so; expected {}", name, base::quoted_list(names));
    if (const auto near = base::nearest_name(name, names)) err << fmt::format("; did you mean {}?", *near);
    err << '\n';
    return kExitUsage;
  }
  node = static_cast<std::uint32_t>(found - names.begin());
  for (const core::NodeWeighed& weighed : placement.table.nodes) {
    if (weighed.node.value != node) continue;
    if (weighed.rank > 0 && !weighed.refusal) return std::nullopt;
    err << fmt::format("homing-sim: --instead {}: it could not be chosen then ({}); no strategy may place there\n",
                       name, weighed.refusal ? core::to_string(*weighed.refusal) : "unknown");
    return kExitRefused;
  }
  err << fmt::format("homing-sim: --instead {}: the router that decided had never heard of it\n", name);
  return kExitRefused;
}

int explain(const WhyPlace& place, const ResultReader& results, const Wish& wish, std::ostream& out,
            std::ostream& err) {
  const auto special = special_session(results, place.run->id, *wish.session);
  if (!special && (*wish.session == "worst" || *wish.session == "lost")) {
    err << fmt::format("homing-sim: --session {}: nobody was down in this run\n", *wish.session);
    return kExitFailed;
  }
  const auto visit = visit_named(*place.again->plan, special.value_or(*wish.session));
  if (!visit) {
    err << "homing-sim: --session " << visit.error() << '\n';
    return kExitUsage;
  }
  const WhyAnswer answer = why(*place.again, *visit);
  const auto chosen = placement_of(answer, wish.epoch);
  if (wish.epoch && !chosen) {
    err << fmt::format("homing-sim: --epoch {}: this visit has {} placements", *wish.epoch, answer.placements.size());
    for (const Placement& placement : answer.placements) err << fmt::format(" {}", placement.table.record.epoch.value);
    err << '\n';
    return kExitUsage;
  }
  const bool json = wish.output == Output::kJson;
  if (!wish.instead || !chosen) {
    out << (json ? why_json(place, answer, chosen) : why_text(place, answer, chosen));
    return kExitOk;
  }
  const Placement& placement = answer.placements[*chosen];
  std::uint32_t node = 0;
  std::string name = *wish.instead;
  if (name == "runner-up" && placement.table.record.runner_up != core::kNoNode) {
    name = node_text(*place.again->scenario, placement.table.record.runner_up.value);
  }
  if (const auto exit = refused_node(*place.again, placement, name, node, err)) return *exit;
  const WhatIf both = what_if(*place.again, placement, node);
  if (both.real_run.fingerprint != place.run->fingerprint) {
    err << fmt::format(
        "homing-sim: run {} cannot be made again: its fingerprint was {}, now it is {}. Another version of homing-sim "
        "wrote the result; use that one, or run the scenario again\n",
        place.run->id, place.run->fingerprint, both.real_run.fingerprint);
    return kExitRefused;
  }
  if (!json) out << why_text(place, answer, chosen);
  out << (json ? what_if_json(place, placement, both) : what_if_text(place, placement, both));
  return kExitOk;
}

}  // namespace

int why_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  Wish wish;
  if (const auto exit = parse(arguments, wish, err)) return *exit;
  const auto results = ResultReader::open(wish.result);
  if (!results) {
    err << "homing-sim: " << results.error() << '\n';
    return kExitUsage;
  }
  if (!wish.run) return list_runs(*results, wish.output, out);
  const RunRow* run = run_named(*results, *wish.run);
  const ScenarioRow* scenario = run == nullptr ? nullptr : scenario_of(*results, run->scenario);
  if (scenario == nullptr) {
    std::vector<std::string> names;
    for (const RunRow& row : results->runs()) names.push_back(run_name(*results, row));
    err << fmt::format("homing-sim: --run {}: {} has no such run; expected a run's number or {}\n", *wish.run,
                       wish.result, base::quoted_list(names, 4));
    return kExitUsage;
  }
  const auto again = run_again(*results, *run, wish.scenario);
  if (!again) {
    err << "homing-sim: " << again.error().text << '\n';
    return again.error().unpaired ? kExitRefused : kExitUsage;
  }
  const WhyPlace place{scenario, run, &*again};
  if (wish.session) return explain(place, *results, wish, out, err);
  const auto losses = results->losses(run->id);
  const auto downs = results->downs(run->id);
  if (!losses || !downs) {
    err << "homing-sim: " << (!losses ? losses.error() : downs.error()) << '\n';
    return kExitFailed;
  }
  out << (wish.output == Output::kJson ? losses_json(place, *losses, *downs) : losses_text(place, *losses, *downs));
  return kExitOk;
}

}  // namespace homing::sim
