// SPDX-License-Identifier: Apache-2.0
#include "sim/why_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "router/core/decision.h"
#include "sim/json_text.h"
#include "sim/report.h"

namespace homing::sim {
namespace {

using core::NodeWeighed;

constexpr std::size_t kShownNodes = 24;   // of a table; JSON has all
constexpr std::size_t kShownEvents = 30;  // losses and downs of a list
constexpr double kMillionth = 1e-6;
constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

const char* feeling_words(Feeling feeling) {
  switch (feeling) {
    case Feeling::kWorking:
      return "works";
    case Feeling::kSlow:
      return "is slow";
    case Feeling::kWaiting:
      return "waits";
    case Feeling::kCut:
      return "is cut off from a session that lives";
    case Feeling::kLost:
      return "has lost the session";
  }
  return "";
}

const char* feeling_name(Feeling feeling) {
  constexpr std::array<const char*, 5> kNames = {"working", "slow", "waiting", "cut", "lost"};
  return kNames[static_cast<std::size_t>(feeling)];
}

const Visit& visit_of(const WhyPlace& place, std::uint32_t visit) {
  return place.again->plan->visits[visit];
}

std::string session_text(core::SessionId id) {
  return fmt::format("{:016x}{:016x}", id.hi, id.lo);
}

// Scores of the strategies that rank are millionths (of a session per unit of weight, of load per core...).
std::string score_text(const core::DecisionTable& table, const NodeWeighed& node) {
  if (table.ranked == 0 && node.score == 0) return "-";
  return short_number(static_cast<double>(node.score) * kMillionth);
}

std::string run_text(const WhyPlace& place) {
  const RunRow& run = *place.run;
  const StrategySpec& strategy = place.again->scenario->strategies[static_cast<std::size_t>(place.again->strategy)];
  return fmt::format("{} / {} / seed {} (run {})", place.scenario->name, strategy.name, run.seed, run.id);
}

// One line a happening, sorted by time.
std::string story_lines(const WhyPlace& place, const VisitStory& story) {
  const Scenario& scenario = *place.again->scenario;
  std::multimap<std::int64_t, std::string> lines;  // equal instants keep their order
  const Visit& visit = visit_of(place, story.visit);
  for (std::size_t i = 0; i < story.routers.size(); ++i) {
    const auto& [at, router] = story.routers[i];
    const std::string where = router == kNone ? "no router answers" : "through router " + node_text(scenario, router);
    lines.emplace(at, i == 0 ? fmt::format("user {} comes, {}", visit.user, where) : "now " + where);
  }
  for (const EpochLife& life : story.epochs) {
    const std::string name = fmt::format("epoch {} on {}", life.epoch.value, node_text(scenario, life.node));
    lines.emplace(life.placed_ns, name + " is placed");
    if (life.ended_ns) lines.emplace(*life.ended_ns, fmt::format("{} is over: {} ({})", name, life.state, life.reason));
  }
  for (std::size_t i = 0; i < story.moments.size(); ++i) {
    const Moment& moment = story.moments[i];
    const auto until = i + 1 < story.moments.size() ? std::optional(story.moments[i + 1].at_ns) : story.left_ns;
    const std::string lasts = until ? ", for " + span_text(static_cast<double>(*until - moment.at_ns) * 1e-9)
                                    : std::string(", to the horizon");
    lines.emplace(moment.at_ns, fmt::format("the user {}{}", feeling_words(moment.feeling), lasts));
  }
  if (story.left_ns) lines.emplace(*story.left_ns, "the user leaves");
  std::string text;
  for (const auto& [at, line] : lines) text += fmt::format("  {}  {}\n", clock_text(scenario, at), line);
  return text;
}

std::string felt_text(const VisitStory& story) {
  std::string text = story.first_wait_s ? fmt::format("first answer after {}", span_text(*story.first_wait_s))
                                        : std::string("never got in");
  if (story.losses() > 0)
    text +=
        fmt::format("; lost the session {}, {} without it",
                    story.losses() == 1 ? "once" : fmt::format("{} times", story.losses()), span_text(story.lost_s));
  if (story.cut_s > 0) text += fmt::format("; {} cut off", span_text(story.cut_s));
  if (story.slow_s > 0) text += fmt::format("; {} slow", span_text(story.slow_s));
  return text + fmt::format("; {} user-minutes lost", short_number(story.minutes_lost()));
}

std::string table_text(const WhyPlace& place, const core::DecisionTable& table) {
  const Scenario& scenario = *place.again->scenario;
  std::string text = fmt::format("  {:>4}  {:<8}  {:>9}  {:>8}  {:>7}  {:>7}  {:>11}  {:>10}\n", "rank", "node",
                                 "score", "sessions", "load-1", "load-5", "memory free", "report age");
  std::size_t shown = 0;
  for (const NodeWeighed& node : table.nodes) {
    if (shown++ == kShownNodes) {
      text += fmt::format("  ... and {} more; -o json has them all\n", table.nodes.size() - kShownNodes);
      break;
    }
    std::string remark;
    if (node.node == table.record.chosen) remark = "  chosen";
    if (node.node == table.record.runner_up) remark = "  runner-up";
    if (node.refusal) remark += fmt::format("  {}", core::to_string(*node.refusal));
    text += fmt::format("  {:>4}  {:<8}  {:>9}  {:>8}  {:>7.2f}  {:>7.2f}  {:>7.1f} GiB  {:>10}{}\n",
                        node.rank > 0 ? fmt::format("{}", node.rank) : "-", node_text(scenario, node.node.value),
                        node.rank > 0 ? score_text(table, node) : "-", node.figures.sessions,
                        node.figures.load1_milli * 1e-3, node.figures.load5_milli * 1e-3,
                        static_cast<double>(node.figures.memory_available) / kGiB,
                        span_text(static_cast<double>(node.report_age.count()) * 1e-9), remark);
  }
  return text;
}

std::string choice_text(const WhyPlace& place, const Placement& placement) {
  const Scenario& scenario = *place.again->scenario;
  const core::DecisionTable& table = placement.table;
  const core::DecisionRecord& record = table.record;
  std::string text = fmt::format("  chosen: {}", node_text(scenario, record.chosen.value));
  if (record.runner_up != core::kNoNode) {
    text += fmt::format("; runner-up: {}", node_text(scenario, record.runner_up.value));
    if (table.ranked == 0) {
      text += "; this strategy does not compare scores";
    } else if (record.score_gap == 0) {
      text += "; gap 0: a tie, drawn";
    } else {
      text += fmt::format("; gap {}", short_number(static_cast<double>(record.score_gap) * kMillionth));
    }
  }
  return text + "\n";
}

double value_of(const RunRecord& run, int metric, double missing) {
  for (const auto& [id, value] : run.values) {
    if (id == metric) return value;
  }
  return missing;
}

// Minutes down by visit.
std::map<std::uint32_t, double> minutes_by_visit(const RunRecord& run) {
  std::map<std::uint32_t, double> minutes;
  for (const DownInterval& down : run.downs)
    minutes[down.visit] += static_cast<double>(down.to_ns - down.from_ns) / 60e9;
  return minutes;
}

struct Others {
  int better = 0;
  int worse = 0;
  double minutes = 0.0;  // more in the fork
};

// What the fork changed for everybody else, by visit; less than a second is nothing.
Others others_of(const WhatIf& answer, std::uint32_t visit) {
  constexpr double kSecond = 1.0 / 60.0;
  const auto real = minutes_by_visit(answer.real_run);
  auto difference = minutes_by_visit(answer.fork_run);
  for (const auto& [of, minutes] : real) difference[of] -= minutes;
  Others others;
  for (const auto& [of, minutes] : difference) {
    if (of == visit) continue;
    others.minutes += minutes;
    if (minutes < -kSecond) ++others.better;
    if (minutes > kSecond) ++others.worse;
  }
  return others;
}

std::string everybody_lines(const WhatIf& answer) {
  std::string text;
  const double missing = std::nan("");
  for (std::size_t i = 0; i < metrics().size(); ++i) {
    const MetricInfo& metric = metrics()[i];
    if (!metric.headline) continue;
    const double real = value_of(answer.real_run, static_cast<int>(i), missing);
    const double fork = value_of(answer.fork_run, static_cast<int>(i), missing);
    if (std::isnan(real) && std::isnan(fork)) continue;
    const double difference = fork - real;
    const std::string change =
        std::fabs(difference) < 1e-12
            ? "the same"
            : fmt::format("{}{} ({})", difference > 0 ? "+" : "", short_number(difference),
                          std::fabs(difference) < metric.margin ? "too small to matter" : "it matters");
    text += fmt::format("    {:<34} {:>10} -> {:>10}  {}  {}\n", metric.label, short_number(real), short_number(fork),
                        metric.unit == "1" ? "" : metric.unit, change);
  }
  return text;
}

// ---- JSON

std::string json_optional(const std::optional<std::int64_t>& value) {
  return value ? fmt::format("{}", *value) : "null";
}

std::string json_epoch(const WhyPlace& place, const EpochLife& life) {
  return fmt::format(
      R"({{"session":{},"epoch":{},"node":{},"placed_ns":{},"ready_ns":{},"ended_ns":{},"state":{},"reason":{}}})",
      json_quoted(session_text(life.session)), life.epoch.value,
      json_quoted(node_text(*place.again->scenario, life.node)), life.placed_ns, json_optional(life.ready_ns),
      json_optional(life.ended_ns), json_quoted(life.state), json_quoted(life.reason));
}

template <typename Items, typename Write>
std::string json_list(const Items& items, Write write) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ",") + write(item);
  return "[" + text + "]";
}

std::string json_story(const WhyPlace& place, const VisitStory& story) {
  const auto epoch = [&](const EpochLife& life) { return json_epoch(place, life); };
  const auto moment = [](const Moment& m) {
    return fmt::format(R"({{"at_ns":{},"feels":"{}"}})", m.at_ns, feeling_name(m.feeling));
  };
  const auto router = [&](const std::pair<std::int64_t, std::uint32_t>& r) {
    return fmt::format(R"({{"at_ns":{},"router":{}}})", r.first,
                       r.second == kNone ? "null" : json_quoted(node_text(*place.again->scenario, r.second)));
  };
  return fmt::format(
      R"({{"user":{},"visit":{},"arrived_ns":{},"left_ns":{},"first_wait_s":{},"waiting_s":{},"cut_s":{},"lost_s":{},"slow_s":{},"losses":{},"user_minutes_lost":{},"routers":{},"feelings":{},"epochs":{}}})",
      visit_of(place, story.visit).user, story.visit, story.arrived_ns, json_optional(story.left_ns),
      story.first_wait_s ? json_number(*story.first_wait_s) : "null", json_number(story.waiting_s),
      json_number(story.cut_s), json_number(story.lost_s), json_number(story.slow_s), story.losses(),
      json_number(story.minutes_lost()), json_list(story.routers, router), json_list(story.moments, moment),
      json_list(story.epochs, epoch));
}

std::string json_placement(const WhyPlace& place, const Placement& placement) {
  const Scenario& scenario = *place.again->scenario;
  const core::DecisionTable& table = placement.table;
  const core::DecisionRecord& record = table.record;
  const auto name = [&](core::NodeId node) {
    return node == core::kNoNode ? "null" : json_quoted(node_text(scenario, node.value));
  };
  const auto row = [&](const NodeWeighed& node) {
    return fmt::format(
        R"({{"node":{},"rank":{},"refusal":{},"score":{},"sessions":{},"weight":{},"load1":{},"load5":{},"load15":{},"memory_total":{},"memory_available":{},"report_age_s":{}}})",
        name(node.node), node.rank > 0 ? fmt::format("{}", node.rank) : "null",
        node.refusal ? json_quoted(core::to_string(*node.refusal)) : "null",
        node.rank > 0 && table.ranked > 0 ? fmt::format("{}", node.score) : "null", node.figures.sessions,
        node.figures.weight, json_number(node.figures.load1_milli / 1e3), json_number(node.figures.load5_milli / 1e3),
        json_number(node.figures.load15_milli / 1e3), node.figures.memory_total, node.figures.memory_available,
        json_number(static_cast<double>(node.report_age.count()) * 1e-9));
  };
  return fmt::format(
      R"({{"at_ns":{},"router":{},"session":{},"epoch":{},"attempt":{},"strategy":{},"chosen":{},"runner_up":{},"score_gap":{},"ranked":{},"eligible":{},"nodes":{}}})",
      placement.at_ns, json_quoted(node_text(scenario, placement.machine)), json_quoted(session_text(record.session)),
      record.epoch.value, record.attempt,
      json_quoted(scenario.strategies[static_cast<std::size_t>(place.again->strategy)].name), name(record.chosen),
      name(record.runner_up), record.score_gap, table.ranked, table.eligible, json_list(table.nodes, row));
}

std::string json_head(const WhyPlace& place) {
  const RunRow& run = *place.run;
  return fmt::format(
      R"("format":1,"scenario":{},"strategy":{},"seed":{},"run":{},"plan_hash":{})", json_quoted(place.scenario->name),
      json_quoted(place.again->scenario->strategies[static_cast<std::size_t>(place.again->strategy)].name), run.seed,
      run.id, json_quoted(run.plan_hash));
}

std::string json_values(const RunRecord& run) {
  std::string text;
  for (const auto& [id, value] : run.values) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", json_quoted(metrics()[static_cast<std::size_t>(id)].name),
                        json_number(value));
  }
  return "{" + text + "}";
}

}  // namespace

std::string clock_text(const Scenario& scenario, std::int64_t ns) {
  constexpr std::array<const char*, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  constexpr std::int64_t kMs = 1'000'000;
  constexpr std::int64_t kWeekMs = std::int64_t{7} * 24 * 3600 * 1000;
  std::int64_t ms = (scenario.start.count() + ns) / kMs % kWeekMs;
  if (ms < 0) ms += kWeekMs;
  return fmt::format("{} {:02}:{:02}:{:02}.{:03}", kDays[static_cast<std::size_t>(ms / 86'400'000)],
                     ms / 3'600'000 % 24, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

std::string node_text(const Scenario& scenario, std::uint32_t node) {
  return node < scenario.nodes.size() ? scenario.nodes[node].name : "nobody";
}

std::string span_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::floor(seconds + 0.5));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string losses_text(const WhyPlace& place, const std::vector<SessionLoss>& losses,
                        const std::vector<DownInterval>& downs) {
  const Scenario& scenario = *place.again->scenario;
  std::string text = fmt::format("{}: {} sessions lost, {} times down\n", run_text(place), losses.size(), downs.size());
  for (std::size_t i = 0; i < std::min(losses.size(), kShownEvents); ++i) {
    const SessionLoss& loss = losses[i];
    const std::string back = loss.back_ns
                                 ? "back after " + span_text(static_cast<double>(*loss.back_ns - loss.at_ns) * 1e-9)
                                 : std::string("never back");
    text += fmt::format("  {:<12} {}  {} on {} lost: {}; owner {}, {}\n", fmt::format("{}/{}", loss.user, loss.visit),
                        clock_text(scenario, loss.at_ns), loss.kind,
                        node_text(scenario, static_cast<std::uint32_t>(loss.node)), loss.cause,
                        loss.owner_present ? "there" : "away", back);
  }
  if (losses.size() > kShownEvents) text += fmt::format("  ... and {} more losses\n", losses.size() - kShownEvents);
  std::vector<DownInterval> longest = downs;
  std::sort(longest.begin(), longest.end(), [](const DownInterval& a, const DownInterval& b) {
    return std::tuple(b.to_ns - b.from_ns, a.from_ns, a.visit) < std::tuple(a.to_ns - a.from_ns, b.from_ns, b.visit);
  });
  if (longest.size() > 10) longest.resize(10);
  if (!longest.empty()) text += "longest times down\n";
  for (const DownInterval& down : longest) {
    text += fmt::format("  {:<12} {}  {} for {}\n", fmt::format("{}/{}", down.user, down.visit),
                        clock_text(scenario, down.from_ns), feeling_name(down.cause),
                        span_text(static_cast<double>(down.to_ns - down.from_ns) * 1e-9));
  }
  return text + fmt::format("ask on with --run {} --session USER/VISIT, or lost (the first of these), or worst\n",
                            place.run->id);
}

std::string losses_json(const WhyPlace& place, const std::vector<SessionLoss>& losses,
                        const std::vector<DownInterval>& downs) {
  const Scenario& scenario = *place.again->scenario;
  const auto loss = [&](const SessionLoss& l) {
    return fmt::format(
        R"({{"session":"{}/{}","at_ns":{},"node":{},"kind":{},"owner_present":{},"cause":{},"back_ns":{}}})", l.user,
        l.visit, l.at_ns, json_quoted(node_text(scenario, static_cast<std::uint32_t>(l.node))), json_quoted(l.kind),
        l.owner_present, json_quoted(l.cause), json_optional(l.back_ns));
  };
  const auto down = [](const DownInterval& d) {
    return fmt::format(R"({{"session":"{}/{}","from_ns":{},"to_ns":{},"cause":"{}"}})", d.user, d.visit, d.from_ns,
                       d.to_ns, feeling_name(d.cause));
  };
  return fmt::format("{{{},\"losses\":{},\"downs\":{}}}\n", json_head(place), json_list(losses, loss),
                     json_list(downs, down));
}

std::string why_text(const WhyPlace& place, const WhyAnswer& answer, std::optional<std::size_t> chosen) {
  const Scenario& scenario = *place.again->scenario;
  const VisitStory& story = answer.story;
  const Visit& visit = visit_of(place, story.visit);
  std::string text = fmt::format("{}: plan {}, drawn again and equal\n\n", run_text(place), place.run->plan_hash);
  text += fmt::format("user {}, visit {}, kind {}: {}\n", visit.user, story.visit, scenario.kinds[visit.kind].name,
                      felt_text(story));
  text += story_lines(place, story);
  if (!chosen) return text + "\nno placement was made for this visit\n";
  const Placement& placement = answer.placements[*chosen];
  const core::DecisionRecord& record = placement.table.record;
  const StrategySpec& strategy = scenario.strategies[static_cast<std::size_t>(place.again->strategy)];
  text += fmt::format("\nthe placement of epoch {} ({} of {}), attempt {}\n", record.epoch.value, *chosen + 1,
                      answer.placements.size(), record.attempt);
  text += fmt::format("  {}, decided by router {} with \"{}\"; {} of {} nodes could be chosen\n",
                      clock_text(scenario, placement.at_ns), node_text(scenario, placement.machine), strategy.name,
                      placement.table.eligible, placement.table.nodes.size());
  text += table_text(place, placement.table) + choice_text(place, placement);
  if (answer.placements.size() > 1) text += "  --epoch E explains another epoch; ";
  return text + (answer.placements.size() > 1 ? "" : "  ") +
         "--instead NODE (or runner-up) shows what would have been\n";
}

std::string why_json(const WhyPlace& place, const WhyAnswer& answer, std::optional<std::size_t> chosen) {
  return fmt::format("{{{},\"visit\":{},\"placement\":{}}}\n", json_head(place), json_story(place, answer.story),
                     chosen ? json_placement(place, answer.placements[*chosen]) : "null");
}

std::string what_if_text(const WhyPlace& place, const Placement& placement, const WhatIf& answer) {
  const Scenario& scenario = *place.again->scenario;
  const core::DecisionRecord& record = placement.table.record;
  std::string text =
      fmt::format("\nhad epoch {} gone to {} instead of {}, same plan, run on to the horizon\n", record.epoch.value,
                  node_text(scenario, answer.went_to.value), node_text(scenario, record.chosen.value));
  if (answer.went_to == core::kNoNode) return text + "  that placement did not come about: another router was faster\n";
  if (answer.real_run.fingerprint == answer.fork_run.fingerprint) {
    return text + "  nothing: every event of the cluster would have been the same\n";
  }
  const Visit& visit = visit_of(place, answer.real.visit);
  text += fmt::format("  user {} as it was: {}\n", visit.user, felt_text(answer.real));
  text += fmt::format("  user {} instead:   {}\n", visit.user, felt_text(answer.fork));
  text += "  what follows there\n";
  std::string lines = story_lines(place, answer.fork);
  text += lines;
  const Others others = others_of(answer, answer.real.visit);
  text += fmt::format("  everybody\n{}", everybody_lines(answer));
  if (others.better + others.worse == 0) {
    text += "    nobody else would have been down longer or shorter\n";
  } else {
    text += fmt::format("    {} other visits down shorter, {} longer, {}{} user-minutes in all\n", others.better,
                        others.worse, others.minutes > 0 ? "+" : "", short_number(others.minutes));
  }
  return text + "  one placement of one run: chance as much as choice; compare strategies over many seeds\n";
}

std::string what_if_json(const WhyPlace& place, const Placement& placement, const WhatIf& answer) {
  const Others others = others_of(answer, answer.real.visit);
  return fmt::format(
      "{{{},\"placement\":{},\"instead\":{},\"identical\":{},\"real\":{{\"fingerprint\":{},\"visit\":{},\"values\":{}}}"
      ","
      "\"fork\":{{\"fingerprint\":{},\"visit\":{},\"values\":{}}},\"others\":{{\"shorter\":{},\"longer\":{},"
      "\"user_minutes\":{}}}}}\n",
      json_head(place), json_placement(place, placement),
      json_quoted(node_text(*place.again->scenario, answer.went_to.value)),
      answer.real_run.fingerprint == answer.fork_run.fingerprint, json_quoted(answer.real_run.fingerprint),
      json_story(place, answer.real), json_values(answer.real_run), json_quoted(answer.fork_run.fingerprint),
      json_story(place, answer.fork), json_values(answer.fork_run), others.better, others.worse,
      json_number(others.minutes));
}

}  // namespace homing::sim
