// SPDX-License-Identifier: Apache-2.0
//
// Ask: a question on the command line becomes a scenario, the scenario becomes runs, the runs become an answer in
// words.
//
//   homing-sim ask --nodes 4x16c64GiB --users 120 --kind jupyter --lose-node-at 10:00
//
// Intuition: an admin has no file and fifteen seconds. The scenario is ordinary scenario text, read by the ordinary
// reader and printed with the answer, so that the next question can be asked with an editor. Looks are those of the
// verdict's rule (10, 20, 40, 80 seeds): the next one is taken when some verdict is still open and the time that the
// seeds so far took says that it fits the budget.
//
// Thread class: pure functions, and one command for the main thread.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/experiment.h"
#include "sim/report.h"
#include "sim/scenario.h"

namespace homing::sim {

struct AskNodes {
  int count = 1;
  int cores = 1;
  std::string memory;  // as written: "64GiB"
};

// What was asked, checked for form; names and numbers are checked by the scenario reader too.
struct Question {
  std::vector<AskNodes> nodes;
  int users = 0;
  std::vector<std::pair<std::string, double>> kinds;  // name, share
  std::optional<std::string> lose_node_at;            // "Mon 10:00"
  std::optional<std::string> drain_node_at;
  std::optional<std::string> burst_at;
  std::string day_shape = "office";
  std::optional<std::string> memory;  // of a session
  std::string heartbeat = "1 s";
  std::vector<std::string> strategies;  // empty: all
  std::uint64_t first_seed = 1;
  double within_s = 15.0;  // time to answer
  std::string print_scenario;
  std::string out;
  bool replace = false;
  Output output = Output::kTable;
};

// The error is what was wrong and what was expected.
std::expected<Question, std::string> parse_question(std::span<const std::string> arguments);

// The question as scenario text.
std::string scenario_of(const Question& question);

// "4x16c64GiB", or several with commas.
std::expected<std::vector<AskNodes>, std::string> parse_nodes(const std::string& text);

// One strategy's seeds, added up.
struct Fates {
  std::vector<double> hit;         // people who lost a session or were down, by seed
  std::vector<double> back_s;      // from each loss until a replacement answered
  std::vector<double> never_back;  // losses without a replacement, by seed
};

// What the program outside the library lends a command: clocks and the wish to stop.
struct AskHost {
  HostFacts facts;
  int jobs = 1;
  std::function<bool(const Progress&)> pulse;  // false: stop. May be empty.
  std::function<void()> settled;               // no more runs: what shows progress may go. May be empty.
};

int ask_command(std::span<const std::string> arguments, const AskHost& host, std::ostream& out, std::ostream& err);

// ---- words (ask_text.cc)

struct Answered {
  const Question* question = nullptr;
  const Scenario* scenario = nullptr;
  const ScenarioReport* report = nullptr;
  const Fates* fates = nullptr;  // of the baseline
  double seconds = 0.0;
  bool cut = false;  // the time was over before every verdict was settled
};
std::string answer_text(const Answered& answered);
std::string answer_json(const Answered& answered);

// The strategy that people would prefer: better than the baseline somewhere and worse nowhere, by most margins in sum;
// nothing: none is.
std::optional<int> preferred_strategy(const ScenarioReport& report);

}  // namespace homing::sim
