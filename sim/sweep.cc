// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "router/base/config_text.h"
#include "sim/scenario_reader.h"

namespace homing::sim {
namespace {

using base::Document;
using base::Entry;
using base::Section;
using base::Value;

// One swept path and its values.
struct Axis {
  std::string path;
  std::string label;
  std::vector<Value> values;
};

// What an expectation says about where it holds, checked against the axes.
struct Condition {
  std::size_t axis = 0;
  std::string value;  // as text
};

// "5 s" for people and names: without quotation marks.
std::string plain(const Value& value) {
  return value.as_any_string().value_or(value.text());
}

std::string last_part(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}

std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

class Sweep {
 public:
  Sweep(Document file, const ScenarioNames& names) : file_(std::move(file)), names_(names) {}

  ScenariosResult read() {
    if (!file_.ok() || !file_.root().find("sweep").present()) return one();
    read_axes();
    read_conditions();
    // Only what was found here: the rest of the file is read below, point by point.
    result_.diagnostics = file_.diagnostics();
    if (result_.diagnostics.empty()) read_base();
    if (result_.diagnostics.empty()) read_points();
    if (!result_.diagnostics.empty()) {
      result_.scenarios.clear();
      result_.points.clear();
    }
    return std::move(result_);
  }

 private:
  ScenariosResult one() {
    ScenarioResult single = read_scenario(std::move(file_), names_);
    result_.diagnostics = std::move(single.diagnostics);
    if (single.scenario) {
      result_.scenarios.push_back(std::move(*single.scenario));
      result_.points.emplace_back();
    }
    return std::move(result_);
  }

  void read_axes() {
    const Value sweep = file_.root().find("sweep");
    if (!sweep.is_table()) {
      sweep.error("is no table; expected e.g. [sweep] and below it \"cluster.report-every\" = [\"5 s\", \"60 s\"]");
      return;
    }
    std::size_t points = 1;
    for (const Entry& entry : file_.root().named("sweep")) {
      Axis axis;
      axis.path = entry.name;
      axis.values = values_of(entry);
      points = std::min(kMaxSweepPoints + 1, points * std::max<std::size_t>(axis.values.size(), 1));
      axes_.push_back(std::move(axis));
    }
    if (axes_.empty()) sweep.error("holds nothing; expected e.g. \"cluster.report-every\" = [\"5 s\", \"60 s\"]");
    if (points > kMaxSweepPoints) {
      sweep.error(fmt::format("makes more than {} scenarios; take fewer values", kMaxSweepPoints));
    }
    for (Axis& axis : axes_) {
      const auto alike = std::count_if(
          axes_.begin(), axes_.end(), [&](const Axis& other) { return last_part(other.path) == last_part(axis.path); });
      axis.label = alike > 1 ? axis.path : last_part(axis.path);
    }
  }

  std::vector<Value> values_of(const Entry& entry) {
    if (entry.value.is_table()) {
      entry.value.error("is a table; write the whole path in quotation marks, e.g. \"cluster.report-every\" = [...]");
      return {};
    }
    if (!entry.value.is_list()) {
      entry.value.error(fmt::format("expected a list of values, e.g. [{}]", entry.value.text()));
      return {};
    }
    const std::vector<Value> values = entry.value.as_list().value_or(std::vector<Value>{});
    if (values.empty()) entry.value.error("is an empty list; expected at least one value");
    std::vector<std::string> seen;
    for (const Value& value : values) {
      if (value.is_list() || value.is_table()) value.error("is no single value; a sweep goes over single values");
      if (std::find(seen.begin(), seen.end(), value.text()) != seen.end()) value.error("stands twice in this sweep");
      seen.push_back(value.text());
      Document trial = file_;
      if (!trial.replace(entry.name, value)) {
        entry.value.error(fmt::format(
            "\"{}\" leads to nothing in this file; elements of lists are called by their number from 1 or their name",
            entry.name));
        return {};
      }
    }
    return values;
  }

  void read_conditions() {
    std::vector<std::string> paths;
    for (const Axis& axis : axes_) paths.push_back(axis.path);
    for (const Section& expect : file_.root().sections("expect")) {
      std::vector<Condition>& conditions = conditions_.emplace_back();
      for (const Entry& entry : expect.named("at")) {
        const auto axis = std::find(paths.begin(), paths.end(), entry.name);
        if (axis == paths.end()) {
          entry.value.error(fmt::format("\"{}\" is not swept{}", entry.name, known_names(entry.name, paths)));
          continue;
        }
        Condition condition{static_cast<std::size_t>(axis - paths.begin()), entry.value.text()};
        std::vector<std::string> values;
        for (const Value& value : axes_[condition.axis].values) values.push_back(value.text());
        if (std::find(values.begin(), values.end(), condition.value) == values.end()) {
          entry.value.error(
              fmt::format("{} is no value of this sweep; expected {}", condition.value, fmt::join(values, ", ")));
        }
        conditions.push_back(std::move(condition));
      }
    }
  }

  // The file without the sweep; expectations lose their `at`.
  Document base() const {
    Document document = file_;
    document.remove("sweep");
    for (std::size_t i = 0; i < conditions_.size(); ++i) document.remove(fmt::format("expect.{}.at", i + 1));
    return document;
  }

  void read_base() { result_.diagnostics = read_scenario(base(), names_).diagnostics; }

  void read_points() {
    std::vector<std::size_t> at(axes_.size(), 0);
    while (true) {
      read_point(at);
      std::size_t axis = axes_.size();
      while (axis > 0 && ++at[axis - 1] == axes_[axis - 1].values.size()) at[--axis] = 0;
      if (axis == 0) break;
    }
  }

  void read_point(const std::vector<std::size_t>& at) {
    Document document = base();
    std::string name;
    std::string point;
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      const Value& value = axes_[i].values[at[i]];
      document.replace(axes_[i].path, value);
      name += fmt::format("{}{}={}", i == 0 ? "@" : ",", axes_[i].label, without_blanks(plain(value)));
      point += fmt::format("{}{} = {}", i == 0 ? "" : ", ", axes_[i].path, plain(value));
    }
    for (std::size_t i = conditions_.size(); i > 0; --i) {
      const bool holds = std::all_of(conditions_[i - 1].begin(), conditions_[i - 1].end(), [&](const Condition& c) {
        return axes_[c.axis].values[at[c.axis]].text() == c.value;
      });
      if (!holds) document.remove(fmt::format("expect.{}", i));
    }
    std::string text = fmt::format("# {} of {}\n{}", point, file_.name(), document.canonical_text());
    ScenarioResult read = read_scenario(std::move(document), names_);
    for (base::Diagnostic& diagnostic : read.diagnostics) note(std::move(diagnostic));
    if (!read.scenario) return;
    read.scenario->name += name;
    read.scenario->text = std::move(text);
    result_.scenarios.push_back(std::move(*read.scenario));
    result_.points.push_back(std::move(point));
  }

  // The same mistake at every point is said once.
  void note(base::Diagnostic diagnostic) {
    const std::string line = diagnostic.render();
    const auto said = std::any_of(result_.diagnostics.begin(), result_.diagnostics.end(),
                                  [&](const base::Diagnostic& earlier) { return earlier.render() == line; });
    if (!said) result_.diagnostics.push_back(std::move(diagnostic));
  }

  Document file_;
  const ScenarioNames& names_;
  std::vector<Axis> axes_;                          // values are handles into file_
  std::vector<std::vector<Condition>> conditions_;  // by [[expect]]
  ScenariosResult result_;
};

}  // namespace

ScenariosResult load_scenarios(const std::string& path, const ScenarioNames& names) {
  return Sweep(load_scenario_file(path), names).read();
}

ScenariosResult parse_scenarios(std::string_view text, std::string file_name, const ScenarioNames& names) {
  return Sweep(Document::parse(text, std::move(file_name)), names).read();
}

}  // namespace homing::sim
