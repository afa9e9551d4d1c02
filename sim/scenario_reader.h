// SPDX-License-Identifier: Apache-2.0
//
// ScenarioReader: the reader behind load_scenario(), private to scenario_reader.cc (cluster, strategies),
// scenario_faults.cc and scenario_workload.cc (kinds, users, streams). One function a section; each default stands
// beside its reason, which names where the number comes from: a published measurement, the router's own default, or the
// honest word "assumed". Thread class: single-owner.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/base/config_text.h"
#include "sim/scenario.h"
#include "sim/scenario_fields.h"

namespace homing::sim {

inline constexpr const char* kAssumed = "assumed";
inline constexpr const char* kRouterDefault = "the router's default";
inline constexpr const char* kDataHub = "Berkeley DataHub, spring 2023";
inline constexpr Duration kDay = std::chrono::hours(24);
inline constexpr Duration kWeek = 7 * kDay;

// A kind that may be used without a [kind.NAME] section.
struct BuiltInKind {
  const char* name;
  const char* idle;  // nullptr: no idle rule
  const char* idle_source;
};
inline constexpr std::array kBuiltInKinds = {
    BuiltInKind{"jupyter", "60 min, then end", "Zero to JupyterHub's default"},
    BuiltInKind{"rstudio", "120 min, then suspend", "Posit Workbench's compiled default"},
    BuiltInKind{"vscode", "8 h, then end", "Posit Workbench's charts: 8 to 12 h"},
    BuiltInKind{"notepad", nullptr, kAssumed},
};

// What to say after "no ... is called": the names there are, and the nearest of them.
std::string known_names(const std::string& written, const std::vector<std::string>& known);

// A file, or the scenario.toml of a folder.
base::Document load_scenario_file(const std::string& path);
// The one scenario that a document is.
ScenarioResult read_scenario(base::Document file, const ScenarioNames& names);

class ScenarioReader {
 public:
  ScenarioReader(base::Document& file, const ScenarioNames& names)
      : names_(names),
        folder_(std::filesystem::path(file.name()).parent_path()),
        root_(file.root()),
        fields_(scenario_.settings) {}

  Scenario read();

 private:
  void read_head();
  void read_cluster();
  void read_nodes(const base::Section& cluster);
  void read_node(const base::Value& entry);
  void read_front();
  void read_kinds();
  void read_kind(const std::string& name, const base::Section& section);
  void read_idle(KindSpec& kind, const base::Section& section);
  void read_suspend(KindSpec::Suspend& cost, const base::Section& section, const char* key, Duration base,
                    const char* source);
  void read_kind_memory(KindSpec& kind, const base::Section& section);
  void read_node_physics(NodeSpec& node, const base::Section& section);
  void read_cluster_memory(const base::Section& cluster);
  void read_users();
  void read_user_group(const base::Section& section);
  void read_day(UsersSpec& group, const base::Section& section);
  void read_burst(UsersSpec& group, const base::Section& section);
  void read_kind_shares(UsersSpec& group, const base::Section& section);
  void read_streams();
  void read_warm_up();
  void read_faults();
  void read_fault(const base::Section& section);
  std::string read_fault_targets(FaultSpec& fault, const FaultInfo& info, const base::Section& section);
  std::string read_fault_choice(FaultSpec& fault, const FaultInfo& info, const base::Section& section,
                                const std::string& word);
  void refuse_strange_joins(const FaultSpec& fault, const base::Section& section);
  void read_fault_lasts(FaultSpec& fault, const FaultInfo& info, const base::Section& section);
  void read_fault_times(FaultSpec& fault, const base::Section& section);
  void read_fault_trace(FaultSpec& fault, const base::Value& trace);
  FaultSetting read_fault_key(const FaultKey& key, const base::Section& section);
  void read_strategies();
  void read_strategy(const base::Section& section);
  void read_expectations();
  void refuse_what_comes_later();

  // The kind of that name; a built-in one comes into being when it is first used.
  std::optional<int> kind_named(const std::string& name, const base::Value& place);
  std::optional<int> node_named(const std::string& name, const base::Value& place) const;
  // "Mon 09:04" or "64 min": a time since start that lies before the horizon.
  std::optional<Duration> instant(const base::Value& value) const;

  const ScenarioNames& names_;
  std::filesystem::path folder_;  // of the file; what it names lies relative to it
  base::Section root_;
  Scenario scenario_;
  ScenarioFields fields_;
};

}  // namespace homing::sim
