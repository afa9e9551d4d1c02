// SPDX-License-Identifier: Apache-2.0
#include "sim/validate_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <ostream>
#include <thread>
#include <vector>

#include "router/base/suggest.h"
#include "sim/commands.h"
#include "sim/coverage.h"
#include "sim/validate.h"
#include "sim/validate_report.h"

namespace homing::sim {
namespace {

struct Arguments {
  ValidationOptions options;
  bool coverage = false;
  bool list = false;
  bool json = false;
  std::string progress;
};

std::optional<std::string> take_value(Arguments& to, const std::string& option, const std::string& value) {
  if (option == "--only") {
    to.options.only = value;
  } else if (option == "--jobs") {
    int jobs = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), jobs);
    if (error != std::errc() || end != value.data() + value.size() || jobs < 1 || jobs > 1024) {
      return fmt::format("--jobs {} is no count; expected a whole number from 1 to 1024", value);
    }
    to.options.jobs = jobs;
  } else if (option == "--progress") {
    if (value != "json" && value != "none") return fmt::format("--progress {}: expected json or none", value);
    to.progress = value;
  } else {
    if (value != "table" && value != "json") return fmt::format("-o {}: expected table or json", value);
    to.json = value == "json";
  }
  return std::nullopt;
}

// What is wrong with the arguments, if anything.
std::optional<std::string> parse(std::span<const std::string> given, Arguments& to) {
  const std::vector<std::string> known = {"--quick", "--mutate", "--only",     "--coverage",
                                          "--list",  "--jobs",   "--progress", "-o"};
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string& argument = given[i];
    if (argument == "--quick") {
      to.options.quick = true;
    } else if (argument == "--mutate") {
      to.options.mutate = true;
    } else if (argument == "--coverage") {
      to.coverage = true;
    } else if (argument == "--list") {
      to.list = true;
    } else if (std::find(known.begin(), known.end(), argument) == known.end()) {
      const auto near = base::nearest_name(argument, known);
      return fmt::format("unknown argument {}{}", argument, near ? fmt::format("; did you mean {}?", *near) : "");
    } else if (i + 1 == given.size()) {
      return fmt::format("{} needs a value", argument);
    } else if (const auto error = take_value(to, argument, given[++i])) {
      return error;
    }
  }
  return std::nullopt;
}

// The row or experiment that somebody meant.
std::optional<std::string> no_such_row(const std::string& only, const std::vector<std::string>& names) {
  if (only.empty()) return std::nullopt;
  for (const std::string& name : names) {
    if (name.find(only) != std::string::npos) return std::nullopt;
  }
  const auto near = base::nearest_name(only, names);
  return fmt::format("no row is called {}{}; --list shows all", only,
                     near ? fmt::format("; did you mean {}?", *near) : "");
}

int run_coverage(const Arguments& arguments, std::ostream& out, const ValidatePulse& pulse) {
  CoverageOptions options;
  options.jobs = arguments.options.jobs;
  options.experiments = arguments.options.quick ? kQuickExperiments : kCoverageExperiments;
  options.only = arguments.options.only;
  options.pulse = [&](double fraction, const std::string& at) { return pulse(fraction, at, arguments.progress); };
  const CoverageResult result = run_coverage(coverage_cases(), options);
  out << (arguments.json ? coverage_json(result) : coverage_table(result)) << std::flush;
  if (result.interrupted) return kExitInterrupted;
  return result.good() ? kExitOk : kExitFailed;
}

}  // namespace

int validate_command(std::span<const std::string> given, std::ostream& out, std::ostream& err,
                     const ValidatePulse& pulse) {
  Arguments arguments;
  arguments.options.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const auto fail = [&](const std::string& text) {
    err << "homing-sim: " << text << "; usage: " << kValidateUsage << '\n';
    return kExitUsage;
  };
  if (const auto error = parse(given, arguments)) return fail(*error);
  const std::vector<Row> rows = validation_rows();
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row.name);
  if (arguments.coverage) names = coverage_names();
  if (const auto error = no_such_row(arguments.options.only, names)) return fail(*error);
  if (arguments.list) {
    for (const Row& row : rows)
      out << fmt::format("{:<28}{}{}\n", row.name, row.quick > 0 ? "quick  " : "       ", row.title);
    return kExitOk;
  }
  if (arguments.coverage) return run_coverage(arguments, out, pulse);
  ValidationOptions& options = arguments.options;
  options.pulse = [&](double fraction, const std::string& at) { return pulse(fraction, at, arguments.progress); };
  if (!arguments.json) {
    out << table_header();
    options.done = [&](const Row& row, const RowResult& result) { out << table_lines(row, result) << std::flush; };
  }
  const ValidationResult result = run_validation(rows, options);
  // Who asked for one row does not want the list of what is missing.
  const std::vector<Uncovered> uncovered = options.only.empty() ? uncovered_rows() : std::vector<Uncovered>{};
  out << (arguments.json ? validation_json(rows, result, uncovered) : table_footer(result, uncovered)) << std::flush;
  if (result.interrupted) return kExitInterrupted;
  return result.good() ? kExitOk : kExitFailed;
}

}  // namespace homing::sim
