// SPDX-License-Identifier: Apache-2.0
#include "sim/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>
#include <system_error>
#include <vector>

#include "router/base/strategy_text.h"
#include "router/base/suggest.h"
#include "router/core/strategy.h"
#include "sim/measures.h"
#include "sim/report.h"
#include "sim/sweep.h"

namespace homing::sim {
namespace {

constexpr const char* kCheckUsage = "homing-sim check SCENARIO... [--print]";
constexpr const char* kListUsage = "homing-sim list [FOLDER]";
constexpr const char* kSweepUsage = "homing-sim sweep SCENARIO --list";
constexpr const char* kCompareUsage =
    "homing-sim compare RESULT [RESULT] [--baseline NAME] [--metrics all|a,b] [-o table|json|csv]";
constexpr const char* kDumpUsage = "homing-sim dump --canonical RESULT";

int usage(std::ostream& err, const std::string& wrong, const char* usage_line) {
  err << "homing-sim: " << wrong << "; usage: " << usage_line << '\n';
  return kExitUsage;
}

bool is_option(const std::string& argument) {
  return argument.size() > 1 && argument[0] == '-';
}

int unknown_option(std::ostream& err, const std::string& option, std::vector<std::string> known,
                   const char* usage_line) {
  std::string text = fmt::format("unknown option {}", option);
  if (const auto near = base::nearest_name(option, known)) text += fmt::format("; did you mean {}?", *near);
  return usage(err, text, usage_line);
}

int check_one(const std::string& path, bool print, std::ostream& out, std::ostream& err) {
  const ScenariosResult result = load_scenarios(path, known_names());
  if (!result.ok()) {
    err << base::render_report(result.diagnostics);
    return kExitUsage;
  }
  for (const Scenario& scenario : result.scenarios) {
    out << fmt::format("{}: {} ({} nodes, {} strategies, {} seeds, hash {})\n", scenario.name, scenario.title,
                       scenario.nodes.size(), scenario.strategies.size(), scenario.seeds, scenario.hash);
    if (print) {
      out << print_settings(scenario);
    } else {
      for (const std::string& note : scenario.notes) out << "note: " << note << '\n';
    }
  }
  return kExitOk;
}

void list_scenarios(const std::string& folder, std::ostream& out) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::filesystem::path nested = entry.path() / "scenario.toml";
    if (std::filesystem::is_regular_file(nested, error)) files.push_back(nested);
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  out << fmt::format("scenarios in {}\n", folder);
  if (files.empty()) out << "  none\n";
  for (const auto& file : files) {
    const ScenariosResult result = load_scenarios(file.string(), known_names());
    std::string text = result.ok() ? result.scenarios[0].title : "cannot be read; homing-sim check says why";
    if (result.scenarios.size() > 1) text += fmt::format(" ({} points)", result.scenarios.size());
    const std::string name =
        file.filename() == "scenario.toml" ? file.parent_path().filename().string() : file.stem().string();
    out << fmt::format("  {:<24} {}\n", name, text);
  }
}

// Every strategy; below it what it can be told.
void list_strategies(std::ostream& out) {
  for (const std::string_view name : core::strategy_names()) {
    out << "  " << name << '\n';
    for (const core::StrategyParam& param : core::strategy_params(name)) {
      out << fmt::format("    {} = {}: {} ({} to {}; {})\n", param.name, base::param_text(param, param.standard),
                         param.meaning, base::param_text(param, param.least), base::param_text(param, param.most),
                         param.source);
    }
  }
}

}  // namespace

ScenarioNames known_names() {
  ScenarioNames names;
  for (const std::string_view name : core::strategy_names()) names.strategies.emplace_back(name);
  for (const MetricInfo& metric : metrics()) names.metrics.push_back(metric.name);
  return names;
}

int check_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  bool print = false;
  std::vector<std::string> paths;
  for (const std::string& argument : arguments) {
    if (argument == "--print") {
      print = true;
    } else if (is_option(argument)) {
      return unknown_option(err, argument, {"--print"}, kCheckUsage);
    } else {
      paths.push_back(argument);
    }
  }
  if (paths.empty()) return usage(err, "no scenario is named", kCheckUsage);
  int exit = kExitOk;
  for (const std::string& path : paths) exit = std::max(exit, check_one(path, print, out, err));
  return exit;
}

int list_command(std::span<const std::string> arguments, const std::string& folder, std::ostream& out,
                 std::ostream& err) {
  if (arguments.size() > 1 || (arguments.size() == 1 && is_option(arguments[0]))) {
    return usage(err, "expected at most one folder", kListUsage);
  }
  const std::string place = arguments.empty() ? folder : arguments[0];
  std::error_code error;
  if (!std::filesystem::is_directory(place, error)) {
    err << fmt::format("homing-sim: {} is no folder; name the folder that holds the scenarios\n", place);
    return kExitUsage;
  }
  list_scenarios(place, out);
  out << "strategies\n";
  list_strategies(out);
  out << "metrics\n";
  for (const MetricInfo& metric : metrics())
    out << fmt::format("  {:<30} {} ({}; margin {})\n", metric.name, metric.description, metric.unit, metric.margin);
  return kExitOk;
}

int sweep_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  std::vector<std::string> paths;
  bool list = false;
  for (const std::string& argument : arguments) {
    if (argument == "--list") {
      list = true;
    } else if (is_option(argument)) {
      return unknown_option(err, argument, {"--list"}, kSweepUsage);
    } else {
      paths.push_back(argument);
    }
  }
  if (paths.size() != 1) return usage(err, "expected one scenario", kSweepUsage);
  if (!list) return usage(err, "expected --list (homing-sim run runs every point)", kSweepUsage);
  const ScenariosResult result = load_scenarios(paths[0], known_names());
  if (!result.ok()) {
    err << base::render_report(result.diagnostics);
    return kExitUsage;
  }
  if (result.points[0].empty()) {
    err << fmt::format("homing-sim: {} has no [sweep]; it is the one scenario {}\n", paths[0],
                       result.scenarios[0].name);
    return kExitUsage;
  }
  for (std::size_t i = 0; i < result.scenarios.size(); ++i) {
    const Scenario& scenario = result.scenarios[i];
    out << fmt::format("{}: {} ({} strategies, {} seeds, hash {})\n", scenario.name, result.points[i],
                       scenario.strategies.size(), scenario.seeds, scenario.hash);
  }
  return kExitOk;
}

int compare_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  std::vector<std::string> paths;
  std::optional<std::string> baseline;
  Output output = Output::kTable;
  MetricChoice metrics;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--baseline" || argument == "-o" || argument == "--metrics") {
      if (i + 1 == arguments.size()) return usage(err, argument + " needs a value", kCompareUsage);
      const std::string& value = arguments[++i];
      const auto chosen = output_named(value);
      if (argument == "--baseline") {
        baseline = value;
      } else if (argument == "--metrics") {
        metrics = metric_choice(value);
      } else if (chosen) {
        output = *chosen;
      } else {
        return usage(err, fmt::format("unknown output \"{}\"", value), kCompareUsage);
      }
    } else if (is_option(argument)) {
      return unknown_option(err, argument, {"--baseline", "--metrics", "-o"}, kCompareUsage);
    } else {
      paths.push_back(argument);
    }
  }
  if (paths.empty() || paths.size() > 2) return usage(err, "expected one or two result files", kCompareUsage);
  if (paths.size() == 2 && baseline)
    return usage(err, "with two files each strategy is compared with itself, so --baseline has no meaning",
                 kCompareUsage);
  std::vector<ResultReader> files;
  for (const std::string& path : paths) {
    auto reader = ResultReader::open(path);
    if (!reader) {
      err << "homing-sim: " << reader.error() << '\n';
      return kExitUsage;
    }
    files.push_back(std::move(*reader));
  }
  const auto reports =
      files.size() == 1 ? build_reports(files[0], baseline, metrics) : build_reports(files[0], files[1], metrics);
  if (!reports) {
    err << "homing-sim: " << reports.error().text << '\n';
    return reports.error().unpaired ? kExitRefused : kExitUsage;
  }
  out << write_reports(*reports, output);
  return kExitOk;
}

int dump_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  std::vector<std::string> paths;
  bool canonical = false;
  for (const std::string& argument : arguments) {
    if (argument == "--canonical") {
      canonical = true;
    } else if (is_option(argument)) {
      return unknown_option(err, argument, {"--canonical"}, kDumpUsage);
    } else {
      paths.push_back(argument);
    }
  }
  if (!canonical || paths.size() != 1) return usage(err, "expected --canonical and one result file", kDumpUsage);
  const auto reader = ResultReader::open(paths[0]);
  if (!reader) {
    err << "homing-sim: " << reader.error() << '\n';
    return kExitUsage;
  }
  const auto dump = reader->canonical_dump();
  if (!dump) {
    err << "homing-sim: " << dump.error() << '\n';
    return kExitFailed;
  }
  out << *dump;
  return kExitOk;
}

}  // namespace homing::sim
