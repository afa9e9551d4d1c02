// SPDX-License-Identifier: Apache-2.0
//
// Who comes and what they do: kinds, user groups, streams.
#include "sim/scenario_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <expected>
#include <numeric>
#include <set>

#include "router/base/suggest.h"
#include "router/base/units.h"

namespace homing::sim {

using base::Entry;
using base::Section;
using base::Value;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr int kMaxUsers = 10'000'000;
constexpr const char* kMemoryAtRest = "mybinder: more than 90 % of users below 200 MB";

// Starts of an office day by hour, relative: nobody at night, a peak at nine, a dip at noon.
constexpr std::array<double, 24> kOfficeHours = {0.3, 0.2, 0.1, 0.1, 0.1, 0.3, 1,   4,   10,  14,  12,  9,
                                                 6,   9,   11,  10,  8,   5,   2.5, 1.5, 1.2, 1.0, 0.7, 0.5};
// Berkeley DataHub, daily active users Monday to Sunday over their mean.
constexpr std::array<double, 7> kCampusDays = {1.23, 1.22, 1.29, 1.10, 1.02, 0.51, 0.60};

template <std::size_t N>
void scale(std::array<double, N>& weights, double sum) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight *= sum / total;
}

template <std::size_t N>
bool read_weights(const Value& value, std::array<double, N>& weights) {
  const auto list = value.as_list();
  if (!list) return false;
  if (list->size() != N) {
    value.error(fmt::format("holds {} weights; expected {}", list->size(), N));
    return false;
  }
  double sum = 0;
  for (std::size_t i = 0; i < N; ++i) {
    const auto weight = (*list)[i].as_number(0, 1e9);
    if (!weight) return false;
    weights[i] = *weight;
    sum += *weight;
  }
  if (sum <= 0) value.error("holds only zeros; expected at least one weight above 0");
  return sum > 0;
}

// "0.9 per s" as events per second.
std::expected<double, std::string> parse_rate(const std::string& text) {
  const std::string expected = fmt::format("\"{}\" is no rate; expected e.g. \"0.9 per s\" or \"30 per h\"", text);
  const std::size_t per = text.find(" per ");
  if (per == std::string::npos) return std::unexpected(expected);
  const auto count = base::parse_quantity(text.substr(0, per));
  const auto unit = base::parse_duration("1 " + text.substr(per + 5));
  if (!count || !count->unit.empty() || !unit || count->value() <= 0) return std::unexpected(expected);
  return count->value() * 1e9 / static_cast<double>(unit->count());
}

}  // namespace

void ScenarioReader::read_kinds() {
  for (const Entry& entry : root_.named("kind")) read_kind(entry.name, entry.section());
}

void ScenarioReader::read_kind(const std::string& name, const Section& section) {
  KindSpec kind;
  kind.name = name;
  const Value ends = section.find("ends");
  fields_.note(ends, "\"clock\"", "people leave by the clock");
  kind.ends = ends.as_choice<Ends>({{"clock", Ends::kClock}, {"work-done", Ends::kWorkDone}}).value_or(Ends::kClock);
  kind.needs = section.find("needs").as_strings().value_or(std::vector<std::string>{});
  for (const std::string& label : kind.needs) {
    const bool known = std::any_of(scenario_.nodes.begin(), scenario_.nodes.end(), [&](const NodeSpec& node) {
      return std::find(node.labels.begin(), node.labels.end(), label) != node.labels.end();
    });
    if (!known)
      section.find("needs").error(fmt::format("no node has the label \"{}\"; give it to a node or take it out", label));
  }
  const Section start = section.section("start");
  kind.start.solo = fields_.distribution(start, "solo", Unit::kDuration, "lognormal(median 2 s, p90 5 s)",
                                         "assumed, inside Workbench's 10 s budget");
  kind.start.cpu = fields_.distribution(start, "cpu", Unit::kDuration, "1.5 s", kAssumed);
  kind.start.memory = fields_.distribution(start, "memory", Unit::kBytes, "180 MiB", kMemoryAtRest);
  kind.start.timeout = fields_.duration(start, "timeout", seconds(60), kRouterDefault);
  kind.resume_timeout = std::max(kind.resume_timeout, kind.start.timeout);
  kind.patience =
      fields_.duration(section, "patience", seconds(30), "the definition of user-minutes lost", base::kFromZero);
  if (kind.ends == Ends::kWorkDone) {
    if (!section.need("work").present()) return;
    kind.work = fields_.distribution(section, "work", Unit::kDuration, "1 s", "");
  } else {
    kind.length = fields_.distribution(section, "length", Unit::kDuration, "gamma(1.74, 2.06 h)", kDataHub);
    kind.has_actions =
        fields_.boolean(section, "actions", true, "people compute; false: sessions that only hold a place");
    if (kind.has_actions) {
      kind.think = fields_.distribution(section, "think", Unit::kDuration, "lognormal(median 5 min, p90 32 min)",
                                        "assumed; spread as the cell times of the Adobe trace");
      const Section action = section.section("action");
      kind.action.cpu =
          fields_.distribution(action, "cpu", Unit::kDuration, "lognormal(median 20 s, p99 20 min)", kAssumed);
      kind.action.threads = fields_.integer(action, "threads", 1, "R and Python compute on one thread", 1, 4096);
      kind.action.memory_step =
          fields_.distribution(action, "memory-step", Unit::kBytes, "lognormal(median 8 MiB, p99 1 GiB)", kAssumed);
    }
    read_idle(kind, section);
    read_kind_memory(kind, section);
  }
  const double rest = core::mean_of(kind.start.memory);
  kind.memory_expected = fields_.bytes(section, "expected-memory", static_cast<std::int64_t>(rest + 0.5),
                                       "the mean memory after a start", 0);
  scenario_.kinds.push_back(std::move(kind));
}

std::optional<int> ScenarioReader::kind_named(const std::string& name, const Value& place) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < scenario_.kinds.size(); ++i) {
    if (scenario_.kinds[i].name == name) return static_cast<int>(i);
    known.push_back(scenario_.kinds[i].name);
  }
  for (const BuiltInKind& row : kBuiltInKinds) {
    if (name == row.name) {
      read_kind(name, root_.section("kind").section(name));
      return static_cast<int>(scenario_.kinds.size()) - 1;
    }
    known.emplace_back(row.name);
  }
  place.error(
      fmt::format("no kind is called \"{}\"; write a [kind.{}] section{}", name, name, known_names(name, known)));
  return std::nullopt;
}

void ScenarioReader::read_users() {
  std::set<std::string> names;
  for (const Section& section : root_.sections("users")) {
    read_user_group(section);
    if (!names.insert(scenario_.users.back().name).second) {
      section.find("name").error(
          fmt::format("\"{}\" is the name of two groups; names must differ", scenario_.users.back().name));
    }
  }
}

void ScenarioReader::read_user_group(const Section& section) {
  UsersSpec group;
  group.name = section.need("name").as_string().value_or("");
  group.count = static_cast<int>(section.need("count").as_integer(1, kMaxUsers).value_or(1));
  read_day(group, section);
  read_burst(group, section);
  if (!group.has_day_shape && !group.burst) {
    section.error(
        "has neither day-shape nor burst; expected day-shape = \"office\" or burst = { at = \"Mon 09:00\", within = "
        "\"5 min\" }");
  }
  read_kind_shares(group, section);
  scenario_.users.push_back(std::move(group));
}

void ScenarioReader::read_day(UsersSpec& group, const Section& section) {
  const Value shape = section.find("day-shape");
  group.hour_weights.fill(1.0);
  group.day_weights.fill(1.0);
  const char* day_source = "every day alike";
  if (shape.is_list()) {
    group.has_day_shape = read_weights(shape, group.hour_weights);
  } else if (const auto office = shape.as_choice<bool>({{"office", true}, {"flat", false}})) {
    group.has_day_shape = true;
    if (*office) {
      group.hour_weights = kOfficeHours;
      group.day_weights = kCampusDays;
      day_source = kDataHub;
    }
  }
  const Value days = section.find("day-weights");
  if (days.present()) read_weights(days, group.day_weights);
  scale(group.hour_weights, 1.0);
  scale(group.day_weights, 7.0);
  if (!group.has_day_shape) {
    section.also_known({"sessions-per-active-day", "active-share"});
    return;
  }
  fields_.note(shape, "", "");
  fields_.note(days, fmt::format("[{:.3g}]", fmt::join(group.day_weights, ", ")), day_source);
  group.active_share =
      fields_.number(section, "active-share", 0.5, "assumed: half of the named users come on an average day", 0, 1);
  group.sessions_per_active_day = fields_.number(section, "sessions-per-active-day", 1.2, kDataHub, 1, 100);
}

void ScenarioReader::read_burst(UsersSpec& group, const Section& section) {
  const Section burst = section.section("burst");
  if (!burst) return;
  UsersSpec::Burst spec;
  const Value at = burst.need("at");
  spec.at = instant(at).value_or(Duration{});
  spec.within = burst.need("within").as_duration({Duration{0}, kWeek}).value_or(minutes(5));
  spec.share = fields_.number(burst, "share", 1.0, "the whole group comes", 0, 1);
  if (at.present() && spec.at + spec.within > scenario_.horizon) at.error("the burst lies beyond the horizon");
  fields_.note(at, "", "");
  group.burst = spec;
}

void ScenarioReader::read_kind_shares(UsersSpec& group, const Section& section) {
  const Value kinds = section.need("kinds");
  if (!kinds.present()) return;
  double sum = 0;
  std::vector<std::pair<int, double>> shares;
  for (const Entry& entry : section.named("kinds")) {
    const auto share = entry.value.as_fraction();
    const auto kind = kind_named(entry.name, entry.value);
    if (share && kind) shares.emplace_back(*kind, *share);
    sum += share.value_or(0);
  }
  if (std::fabs(sum - 1.0) > 1e-9) kinds.error(fmt::format("shares add up to {}; expected 1", sum));
  group.kind_shares.assign(scenario_.kinds.size(), 0.0);
  for (const auto& [kind, share] : shares) group.kind_shares[static_cast<std::size_t>(kind)] = share;
  fields_.note(kinds, "", "");
}

void ScenarioReader::read_streams() {
  for (const Section& section : root_.sections("stream")) {
    StreamSpec stream;
    stream.name = section.need("name").as_string().value_or("");
    const Value rate = section.need("rate");
    if (const auto text = rate.as_string()) {
      const auto parsed = parse_rate(*text);
      if (!parsed) rate.error(parsed.error());
      stream.per_second = parsed.value_or(1.0);
    }
    const Value kind = section.need("kind");
    if (const auto name = kind.as_string()) stream.kind = kind_named(*name, kind).value_or(0);
    fields_.note(rate, "", "");
    scenario_.streams.push_back(std::move(stream));
  }
  for (UsersSpec& group : scenario_.users) group.kind_shares.resize(scenario_.kinds.size(), 0.0);
  if (scenario_.users.empty() && scenario_.streams.empty()) {
    root_.error("nobody comes; expected at least one [[users]] or [[stream]]");
  }
}

}  // namespace homing::sim
