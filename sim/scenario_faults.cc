// SPDX-License-Identifier: Apache-2.0
//
// The [[fault]] sections of a scenario: one reader for every kind, driven by the table in sim/faults.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "router/base/suggest.h"
#include "router/base/units.h"
#include "sim/failure_trace.h"
#include "sim/faults.h"
#include "sim/hash.h"
#include "sim/scenario_reader.h"

namespace homing::sim {

using base::Section;
using base::Value;

namespace {

constexpr double kMillion = 1e6;
constexpr double kMostFaults = 1e6;  // of one drawn section

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const FaultInfo& info : fault_kinds()) names.emplace_back(info.name);
  return names;
}

}  // namespace

void ScenarioReader::read_faults() {
  for (const Section& section : root_.sections("fault")) read_fault(section);
  if (victims_depend_on_state(scenario_)) {
    scenario_.notes.push_back(
        "a fault hits the busiest node, whichever that is then: runs of two strategies are not paired, and compare "
        "refuses them");
  }
}

void ScenarioReader::read_fault(const Section& section) {
  FaultSpec fault;
  const Value kind = section.need("kind");
  const std::vector<std::string> names = kind_names();
  const auto name = kind.as_choice(std::span<const std::string>(names));
  const auto known = std::find(names.begin(), names.end(), name.value_or(names.front()));
  const FaultInfo& info = fault_kinds()[static_cast<std::size_t>(known - names.begin())];
  fault.kind = info.kind;
  if (!name) (void)section.entries();  // what else stands there may belong to the kind that was meant
  const std::string victims = read_fault_targets(fault, info, section);
  fault.label = victims.empty() ? info.name : fmt::format("{} of {}", info.name, victims);
  read_fault_lasts(fault, info, section);
  read_fault_times(fault, section);
  refuse_strange_joins(fault, section);
  for (const FaultKey& key : info.keys) fault.settings.push_back(read_fault_key(key, section));
  scenario_.faults.push_back(std::move(fault));
}

// Who is hit; returns their names for people.
std::string ScenarioReader::read_fault_targets(FaultSpec& fault, const FaultInfo& info, const Section& section) {
  if (info.hits == FaultHits::kCluster) return "";
  const Value target = section.need("target");
  std::vector<Value> targets;
  if (target.is_list()) {
    targets = target.as_list().value_or(std::vector<Value>{});
    if (targets.empty()) target.error("is an empty list; expected at least one node");
  } else if (target.present()) {
    const std::string word = target.is_string() ? target.as_string().value_or("") : "";
    const bool names_node = std::any_of(scenario_.nodes.begin(), scenario_.nodes.end(),
                                        [&](const NodeSpec& node) { return node.name == word; });
    if (!names_node && (word == "all" || word == "any" || word == "busiest")) {
      return read_fault_choice(fault, info, section, word);
    }
    targets.push_back(target);
  }
  std::string names;
  for (const Value& value : targets) {
    const auto name = value.as_string();
    const auto node = name ? node_named(*name, value) : std::nullopt;
    if (!node) continue;
    if (std::find(fault.targets.begin(), fault.targets.end(), *node) != fault.targets.end()) {
      value.error(fmt::format("\"{}\" is named twice in one fault", *name));
      continue;
    }
    fault.targets.push_back(*node);
    names += (names.empty() ? "" : ", ") + *name;
  }
  return names;
}

// `all`, `any` and `busiest`, with how many.
std::string ScenarioReader::read_fault_choice(FaultSpec& fault, const FaultInfo& info, const Section& section,
                                              const std::string& word) {
  const int nodes = static_cast<int>(scenario_.nodes.size());
  for (int i = 0; i < nodes; ++i) fault.targets.push_back(i);
  if (word == "all") return "all nodes";
  fault.count = fields_.integer(section, "count", 1, "one victim", 1, std::max(1, nodes));
  if (word == "any") {
    fault.victims = FaultSpec::Victims::kAny;
    return fault.count == 1 ? "any node" : fmt::format("any {} nodes", fault.count);
  }
  fault.victims = FaultSpec::Victims::kBusiest;
  if (info.hits != FaultHits::kEachNode) {
    section.find("target").error(
        fmt::format("\"busiest\" is one node, {} takes a set; expected node names", info.name));
  }
  return fault.count == 1 ? "the busiest node" : fmt::format("the {} busiest nodes", fault.count);
}

void ScenarioReader::read_fault_lasts(FaultSpec& fault, const FaultInfo& info, const Section& section) {
  if (info.lasts == FaultLasts::kNever) return;
  if (info.lasts == FaultLasts::kDefault) {
    fault.lasts = fields_.distribution(section, "lasts", Unit::kDuration, info.lasts_default, info.lasts_source);
  } else if (section.find("lasts").present()) {
    fault.lasts = fields_.distribution(section, "lasts", Unit::kDuration, "1 h", "");
  }
}

// Who joins is away from the beginning: it must be known which machines, and somebody must be there before.
void ScenarioReader::refuse_strange_joins(const FaultSpec& fault, const Section& section) {
  const bool joins = fault.kind == FaultKind::kScaleOut;
  const bool leaves = fault.kind == FaultKind::kScaleIn;
  if (!joins && !leaves) return;
  if (fault.victims != FaultSpec::Victims::kNamed || fault.every || fault.replayed) {
    section.error("happens once, to named nodes; expected at = ... and target = [\"n3\"]");
  }
  if (fault.targets.size() >= scenario_.nodes.size()) {
    section.find("target").error("leaves no node in the cluster before or after; expected fewer targets");
  }
}

// At a time, drawn, or from a trace: exactly one of the three.
void ScenarioReader::read_fault_times(FaultSpec& fault, const Section& section) {
  const Value at = section.find("at");
  const Value every = section.find("every");
  const Value trace = section.find("trace");
  const int given = (at.present() ? 1 : 0) + (every.present() ? 1 : 0) + (trace.present() ? 1 : 0);
  if (given != 1) {
    section.error(
        fmt::format("{} of at, every and trace; expected exactly one: at = \"Mon 09:04\", every = "
                    "\"exponential(720 h)\" or trace = {{ file = \"failures.csv\" }}",
                    given == 0 ? "none" : "more than one"));
  }
  if (trace.present()) return read_fault_trace(fault, trace);
  if (every.present()) {
    fault.every = fields_.distribution(section, "every", Unit::kDuration, "720 h", "");
    const double per_node = core::mean_of(*fault.every) + (fault.lasts ? core::mean_of(*fault.lasts) : 0.0);
    const auto nodes = static_cast<double>(std::max<std::size_t>(1, fault.targets.size()));
    if (per_node * kMostFaults < static_cast<double>(scenario_.horizon.count()) * nodes || per_node <= 0.0) {
      every.error("makes more than a million faults; expected a longer time between failures");
      fault.every = Distribution::constant(static_cast<double>(Duration(kWeek).count()));
    }
    return;
  }
  const auto begin = instant(at);
  fault.at = begin.value_or(Duration{});
  fault.stagger = section.find("stagger").as_duration(base::kFromZero).value_or(Duration{});
  const bool each = fault_info(fault.kind).hits == FaultHits::kEachNode;
  const bool chosen = fault.victims != FaultSpec::Victims::kNamed;
  const std::size_t turns = !each ? 1 : chosen ? static_cast<std::size_t>(fault.count) : fault.targets.size();
  const Duration last = fault.at + fault.stagger * static_cast<std::int64_t>(turns == 0 ? 0 : turns - 1);
  if (begin && last >= scenario_.horizon) {
    section.find("stagger").error(
        fmt::format("the last target's turn comes {} after the start, beyond the horizon of {}",
                    base::format_duration(last), base::format_duration(scenario_.horizon)));
  }
  fields_.note(at.key(), fault.label + " at " + base::format_duration(fault.at), "file");
}

void ScenarioReader::read_fault_trace(FaultSpec& fault, const Value& trace) {
  const Section section = trace.section();
  if (!section) return;
  const Value file = section.need("file");
  const Value from = section.find("from");
  const auto system = section.find("system").as_integer(0, 1000);
  const auto written = file.as_string();
  if (!written) return;
  std::ifstream stream(folder_ / *written, std::ios::binary);
  if (!stream) {
    return file.error(fmt::format("\"{}\" cannot be read; paths are relative to the scenario's file", *written));
  }
  const std::string text(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>{});
  const auto read =
      parse_failure_trace(text, system ? std::optional<int>(static_cast<int>(*system)) : std::optional<int>());
  if (!read) return file.error(fmt::format("{}: {}", *written, read.error()));
  Duration begin = read->failures.empty() ? Duration{} : read->failures.front().down;
  if (const auto date = from.as_string()) {
    const auto parsed = parse_trace_date(*date);
    const auto offset = base::parse_duration(*date);
    if (!parsed && !offset) {
      return from.error(
          fmt::format("\"{}\" is no date; expected e.g. \"2003-05-17\", or \"36 h\" of the trace", *date));
    }
    begin = parsed ? *parsed : *offset;
  }
  fields_.note(from, fmt::format("\"{}\"", base::format_duration(begin)), "the trace's first failure");
  const bool each = fault_info(fault.kind).hits == FaultHits::kEachNode;
  if (!each || fault.victims != FaultSpec::Victims::kNamed) {
    return trace.error("is a list of single nodes; expected a kind that hits nodes one by one, and named targets");
  }
  fault.replayed = true;
  for (const Failure& failure : read->failures) {
    const bool ours = static_cast<std::size_t>(failure.node) < fault.targets.size();
    if (!ours || failure.up <= begin || failure.down - begin >= scenario_.horizon) continue;
    fault.trace.push_back({failure.node, failure.down - begin, failure.up - failure.down});
  }
  Hash128 hash;
  hash.add(text);
  scenario_.attached.push_back(hash.hex());
  fields_.note(file.key(),
               fmt::format("{}: {} failures of {} nodes, {} in the horizon, {} skipped", *written,
                           read->failures.size(), read->nodes.size(), fault.trace.size(), read->skipped),
               "file");
}

FaultSetting ScenarioReader::read_fault_key(const FaultKey& key, const Section& section) {
  FaultSetting setting;
  switch (key.type) {
    case FaultValue::kDuration:
      setting.distribution = fields_.distribution(section, key.name, Unit::kDuration, key.fallback, key.source);
      break;
    case FaultValue::kBytes:
      setting.distribution = fields_.distribution(section, key.name, Unit::kBytes, key.fallback, key.source);
      break;
    case FaultValue::kSigned: {
      const auto fallback = base::parse_duration(key.fallback).value_or(Duration{});
      setting.fixed = fields_.duration(section, key.name, fallback, key.source, base::kAnyDuration).count();
      break;
    }
    case FaultValue::kNumber: {
      const double fallback = base::parse_quantity(key.fallback).value_or(base::Quantity{}).value();
      const double number = fields_.number(section, key.name, fallback, key.source, key.least, key.most);
      setting.fixed = std::llround(number * kMillion);
      break;
    }
    case FaultValue::kCount: {
      const auto fallback = static_cast<int>(base::parse_quantity(key.fallback).value_or(base::Quantity{}).digits);
      setting.fixed = fields_.integer(section, key.name, fallback, key.source, static_cast<int>(key.least),
                                      static_cast<int>(key.most));
      break;
    }
    case FaultValue::kWord: {
      const Value value = section.find(key.name);
      fields_.note(value, fmt::format("\"{}\"", key.fallback), key.source);
      const std::vector<std::string> words(key.words.begin(), key.words.end());
      const auto chosen = value.as_choice(std::span<const std::string>(words)).value_or(key.fallback);
      setting.fixed = std::find(words.begin(), words.end(), chosen) - words.begin();
      break;
    }
  }
  return setting;
}

}  // namespace homing::sim
