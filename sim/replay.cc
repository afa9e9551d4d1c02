// SPDX-License-Identifier: Apache-2.0
#include "sim/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "router/base/trace.h"
#include "router/core/strategy.h"
#include "sim/commands.h"

namespace homing::sim {
namespace {

constexpr const char* kUsage = "homing-sim replay TRACE [--strategy S] [--from POSITION] [--cut FILE]";

struct Wish {
  std::string trace;
  std::string strategy;
  std::string cut;
  std::uint64_t from = 0;
};

std::optional<Wish> parse(std::span<const std::string> arguments, std::ostream& err) {
  Wish wish;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool takes_value = argument == "--strategy" || argument == "--from" || argument == "--cut";
    if (!takes_value) {
      if (argument.starts_with("-") || !wish.trace.empty()) {
        err << fmt::format("homing-sim: unexpected {}; usage: {}\n", argument, kUsage);
        return std::nullopt;
      }
      wish.trace = argument;
      continue;
    }
    if (i + 1 == arguments.size()) {
      err << fmt::format("homing-sim: {} needs a value; usage: {}\n", argument, kUsage);
      return std::nullopt;
    }
    const std::string& value = arguments[++i];
    if (argument == "--strategy") wish.strategy = value;
    if (argument == "--cut") wish.cut = value;
    if (argument == "--from") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), wish.from);
      if (error != std::errc() || end != value.data() + value.size()) {
        err << fmt::format("homing-sim: --from {} is no position; expected a whole number of inputs\n", value);
        return std::nullopt;
      }
    }
  }
  if (wish.trace.empty()) {
    err << fmt::format("homing-sim: no trace is named; usage: {}\n", kUsage);
    return std::nullopt;
  }
  const auto known = core::strategy_names();
  if (!wish.strategy.empty() && std::find(known.begin(), known.end(), wish.strategy) == known.end()) {
    err << fmt::format("homing-sim: no strategy is called \"{}\"; homing-sim list names them\n", wish.strategy);
    return std::nullopt;
  }
  return wish;
}

}  // namespace

int replay_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  const std::optional<Wish> wish = parse(arguments, err);
  if (!wish) return kExitUsage;
  std::string trace = wish->trace;
  if (!wish->cut.empty()) {
    const auto at = base::cut_trace(trace, wish->cut, wish->from);
    if (!at) {
      err << "homing-sim: " << at.error() << '\n';
      return kExitUsage;
    }
    out << fmt::format("{} begins at input {}\n", wish->cut, *at);
    trace = wish->cut;
  }
  std::map<std::uint32_t, std::uint64_t> chosen;
  std::uint64_t decisions = 0;
  base::ReplayOptions options;
  options.from = wish->cut.empty() ? wish->from : 0;
  options.strategy = wish->strategy;
  options.on_effect = [&](std::uint64_t, core::Instant, const core::Effect& effect) {
    if (const auto* made = std::get_if<core::DecisionMade>(&effect)) {
      ++decisions;
      ++chosen[made->record.chosen.value];
    }
  };
  const auto report = base::replay_trace(trace, options);
  if (!report) {
    err << "homing-sim: " << report.error() << '\n';
    return kExitUsage;
  }
  if (wish->strategy.empty()) {
    out << report->sentence() << '\n';
  } else {
    out << fmt::format(
        "{} inputs from position {} under \"{}\"; nothing to verify: the store's answers in a trace belong to the "
        "claims "
        "that were recorded, so this holds only up to the first claim that differs\n",
        report->inputs, report->first, wish->strategy);
  }
  out << fmt::format("{} placements", decisions);
  for (const auto& [node, count] : chosen) out << fmt::format(", {} on node {}", count, node);
  out << '\n';
  return report->identical() ? kExitOk : kExitFailed;
}

}  // namespace homing::sim
