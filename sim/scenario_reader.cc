// SPDX-License-Identifier: Apache-2.0
//
// The head of a scenario file, its cluster, strategies and expectations.
#include "sim/scenario_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include "router/base/strategy_text.h"
#include "router/base/suggest.h"
#include "router/base/units.h"
#include "router/core/config.h"
#include "router/core/strategy.h"
#include "sim/hash.h"
#include "sim/scenario.h"

namespace homing::sim {

using base::Document;
using base::Entry;
using base::Section;
using base::Value;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr Duration kLongest = hours(24 * 3660);
constexpr int kMaxNodes = 16'384;
constexpr std::size_t kMaxLabels = 64;  // the core keeps labels as bits of one word

std::vector<std::string> verdict_words() {
  return {"better", "worse", "identical", "no difference that matters", "too few runs"};
}

}  // namespace

std::string known_names(const std::string& written, const std::vector<std::string>& known) {
  if (known.empty()) return "";
  std::string text = fmt::format("; expected {}", base::quoted_list(known));
  if (const auto near = base::nearest_name(written, known)) text += fmt::format("; did you mean \"{}\"?", *near);
  return text;
}

Scenario ScenarioReader::read() {
  read_head();
  read_cluster();
  read_front();
  read_kinds();
  read_users();
  read_streams();
  read_warm_up();
  read_faults();
  read_strategies();
  read_expectations();
  refuse_what_comes_later();
  return std::move(scenario_);
}

void ScenarioReader::read_head() {
  const Value format = root_.need("format");
  if (const auto version = format.as_integer(1); version && *version != 1) {
    format.error(fmt::format("is format {}; this program reads format 1", *version));
  }
  scenario_.title = root_.need("title").as_string().value_or("");
  const Value start = root_.find("start");
  fields_.note(start, "\"Mon 00:00\"", "the week begins on Monday");
  if (const auto text = start.as_string()) {
    if (const auto time = parse_week_time(*text)) {
      scenario_.start = *time;
    } else {
      start.error(fmt::format("\"{}\" is no time of the week; expected e.g. \"Mon 08:00\"", *text));
    }
  }
  const Value horizon = root_.need("horizon");
  scenario_.horizon = horizon.as_duration({seconds(1), kLongest}).value_or(kLongest);
  fields_.note(horizon, "", "");
  scenario_.seeds =
      fields_.integer(root_, "seeds", 20, "the second look of the verdict's rule (10, 20, 40, 80)", 1, 10'000);
  scenario_.first_seed = static_cast<std::uint64_t>(
      fields_.integer(root_, "first-seed", 1, "seeds count up from here", 0, std::numeric_limits<int>::max()));
  const Value record = root_.find("record");
  fields_.note(record, "\"first\"", "time series of one seed keep the file small");
  scenario_.record_all = record.as_choice<bool>({{"first", false}, {"all", true}}).value_or(false);
}

void ScenarioReader::read_cluster() {
  const Section cluster = root_.section("cluster");
  if (!cluster)
    root_.error(
        "has no [cluster]; expected e.g. [cluster] with nodes = [{ count = 3, cores = 16, memory = \"64 GiB\" }]");
  ClusterSpec& spec = scenario_.cluster;
  core::Config standard;
  spec.heartbeat = fields_.duration(cluster, "heartbeat", standard.heartbeat, kRouterDefault);
  core::scale_to_heartbeat(standard, spec.heartbeat);
  spec.report_every = fields_.duration(cluster, "report-every", spec.heartbeat, "each heartbeat");
  spec.suspect = fields_.duration(cluster, "suspect", standard.suspect, "3 heartbeats, the router's default");
  spec.lease_ttl = fields_.duration(cluster, "lease-ttl", standard.lease_ttl, "8 heartbeats, the router's default");
  spec.dead = fields_.duration(cluster, "dead", standard.dead, "10 heartbeats, the router's default");
  if (!(2 * spec.heartbeat < spec.suspect && spec.suspect < spec.lease_ttl && spec.lease_ttl < spec.dead)) {
    cluster.error(fmt::format("needs 2 heartbeats < suspect < lease-ttl < dead, found 2 x {}, {}, {}, {}",
                              base::format_duration(spec.heartbeat), base::format_duration(spec.suspect),
                              base::format_duration(spec.lease_ttl), base::format_duration(spec.dead)));
  }
  if (spec.report_every < spec.heartbeat) {
    cluster.find("report-every")
        .error("is shorter than the heartbeat, on which reports ride; expected at least a heartbeat");
  }
  const double drift =
      fields_.number(cluster, "clock-drift-ppm", 0, "all clocks alike; a quartz keeps within 50 ppm", 0, 100'000);
  spec.clock_drift = static_cast<std::int64_t>(drift * 1e6 + 0.5);
  DelaySpec& delay = scenario_.delay;
  delay.user = fields_.duration(cluster, "user-delay", milliseconds(10), kAssumed, base::kFromZero);
  delay.peer = fields_.duration(cluster, "peer-delay", std::chrono::microseconds(200), "assumed: one network hop",
                                base::kFromZero);
  delay.store =
      fields_.duration(cluster, "store-delay", milliseconds(2), "assumed: a PostgreSQL commit nearby", base::kFromZero);
  read_cluster_memory(cluster);
  read_nodes(cluster);
  const int nodes = std::max(1, static_cast<int>(scenario_.nodes.size()));
  scenario_.routers = fields_.integer(root_, "routers", std::min(nodes, 8), "one a node up to 8, else 8", 1, kMaxNodes);
  if (scenario_.routers > nodes) {
    root_.find("routers").error(
        fmt::format("asks for {} routers on {} nodes; expected at most one a node", scenario_.routers, nodes));
    scenario_.routers = nodes;
  }
}

void ScenarioReader::read_nodes(const Section& cluster) {
  const Value list = cluster.need("nodes");
  if (!list.present()) return;
  for (const Value& entry : list.as_list().value_or(std::vector<Value>{})) read_node(entry);
  if (scenario_.nodes.empty()) {
    list.error("names no node; expected e.g. [{ count = 3, cores = 16, memory = \"64 GiB\" }]");
  }
  if (scenario_.nodes.size() > static_cast<std::size_t>(kMaxNodes)) {
    list.error(fmt::format("holds {} nodes; expected at most {}", scenario_.nodes.size(), kMaxNodes));
    scenario_.nodes.resize(kMaxNodes);
  }
  std::set<std::string> labels;
  for (const NodeSpec& node : scenario_.nodes) labels.insert(node.labels.begin(), node.labels.end());
  if (labels.size() > kMaxLabels) {
    list.error(fmt::format("use {} different labels; expected at most {}", labels.size(), kMaxLabels));
  }
  fields_.note("cluster.nodes",
               fmt::format("{} nodes, n1 to n{} unless named", scenario_.nodes.size(), scenario_.nodes.size()), "file");
}

void ScenarioReader::read_node(const Value& entry) {
  const Section section = entry.section();
  if (!section) return;
  const int count = static_cast<int>(section.find("count").as_integer(1, kMaxNodes).value_or(1));
  NodeSpec node;
  node.cores = static_cast<int>(section.need("cores").as_integer(1, 4096).value_or(1));
  node.memory_bytes = section.need("memory").as_bytes().value_or(std::int64_t{1} << 30);
  node.labels = section.find("labels").as_strings().value_or(std::vector<std::string>{});
  std::sort(node.labels.begin(), node.labels.end());
  node.labels.erase(std::unique(node.labels.begin(), node.labels.end()), node.labels.end());
  node.weight = static_cast<int>(section.find("weight").as_integer(1, 65535).value_or(100));
  node.max_sessions = static_cast<int>(section.find("max-sessions").as_integer(0, 1'000'000).value_or(0));
  read_node_physics(node, section);
  const Value name = section.find("name");
  if (name.present() && count > 1)
    name.error("names one node, but count is more than 1; leave the name out or set count = 1");
  for (int i = 0; i < count; ++i) {
    node.name = name.as_string().value_or(fmt::format("n{}", scenario_.nodes.size() + 1));
    for (const NodeSpec& other : scenario_.nodes) {
      if (name.present() && other.name == node.name)
        name.error(fmt::format("\"{}\" is the name of two nodes; names must differ", node.name));
    }
    scenario_.nodes.push_back(node);
  }
}

void ScenarioReader::read_front() {
  const Section front = root_.section("front");
  const Value policy = front.find("policy");
  fields_.note(policy, "\"sticky-cookie\"", "what Posit asks of a load balancer");
  scenario_.front.policy = policy
                               .as_choice<FrontPolicy>({{"round-robin", FrontPolicy::kRoundRobin},
                                                        {"sticky-cookie", FrontPolicy::kStickyCookie},
                                                        {"one-node", FrontPolicy::kOneNode},
                                                        {"own-node", FrontPolicy::kOwnNode}})
                               .value_or(FrontPolicy::kStickyCookie);
  const Section check = front.section("health-check");
  scenario_.front.check_every =
      fields_.duration(check, "every", seconds(3), "assumed: HAProxy's inter is 2 s, AWS's 5 to 30 s");
  scenario_.front.fail_after = fields_.integer(check, "fail-after", 3, "HAProxy's fall 3", 1, 100);
  const Section retry = front.section("retry");
  const Value how = retry.find("policy");
  fields_.note(how, "\"wait\"", "the page reconnects by itself once a router answers");
  FrontSpec::Retry& spec = scenario_.front.retry;
  spec.policy =
      how.as_choice<RetryPolicy>(
             {{"wait", RetryPolicy::kWait}, {"fixed", RetryPolicy::kFixed}, {"back-off", RetryPolicy::kBackOff}})
          .value_or(RetryPolicy::kWait);
  if (spec.policy == RetryPolicy::kWait) return;
  spec.every = fields_.duration(retry, "every", seconds(5), "assumed: a person's patience with an error page");
  if (spec.policy == RetryPolicy::kFixed) {
    spec.most = spec.every;
    return;
  }
  spec.most = fields_.duration(retry, "most", minutes(2), "assumed: the longest pause");
  if (spec.most < spec.every) retry.find("most").error("is shorter than every; expected at least as long");
}

void ScenarioReader::read_warm_up() {
  double longest_mean = 0;
  for (const KindSpec& kind : scenario_.kinds) {
    longest_mean = std::max(longest_mean, core::mean_of(kind.ends == Ends::kClock ? kind.length : kind.work));
  }
  const double five = std::min(5 * longest_mean, static_cast<double>(Duration(kLongest).count()));
  // Whole minutes, for a figure that people can read.
  const Duration five_means = std::chrono::ceil<minutes>(Duration(static_cast<std::int64_t>(five)));
  scenario_.warm_up = fields_.duration(root_, "warm-up", std::max(kDay, five_means),
                                       "the longer of 24 h and 5 mean lengths", {Duration{0}, kLongest});
  scenario_.warm_start =
      fields_.boolean(root_, "warm-start", true, "visits alive when the warm-up begins are there; false: from empty");
}

std::optional<Duration> ScenarioReader::instant(const Value& value) const {
  const auto text = value.as_string();
  if (!text) return std::nullopt;
  Duration at{};
  if (const auto week_time = parse_week_time(*text)) {
    at = *week_time - scenario_.start;
    if (at < Duration{0}) at += kWeek;
  } else if (const auto duration = base::parse_duration(*text)) {
    at = *duration;
  } else {
    value.error(fmt::format("\"{}\" is no time; expected e.g. \"Mon 09:04\" or \"64 min\" after the start", *text));
    return std::nullopt;
  }
  if (at < Duration{0} || at >= scenario_.horizon) {
    value.error(fmt::format("\"{}\" is {} after the start; expected a time before the horizon of {}", *text,
                            base::format_duration(at), base::format_duration(scenario_.horizon)));
    return std::nullopt;
  }
  return at;
}

std::optional<int> ScenarioReader::node_named(const std::string& name, const Value& place) const {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < scenario_.nodes.size(); ++i) {
    if (scenario_.nodes[i].name == name) return static_cast<int>(i);
    known.push_back(scenario_.nodes[i].name);
  }
  place.error(fmt::format("no node is called \"{}\"{}", name, known_names(name, known)));
  return std::nullopt;
}

void ScenarioReader::read_strategies() {
  for (const Section& section : root_.sections("strategy")) read_strategy(section);
  if (scenario_.strategies.empty()) {
    for (const std::string& name : names_.strategies) scenario_.strategies.push_back({name, name, {}});
    fields_.note("strategy", fmt::format("{}", fmt::join(names_.strategies, ", ")), "all that are registered");
  }
  std::vector<std::string> labels;
  for (const StrategySpec& strategy : scenario_.strategies) labels.push_back(strategy.name);
  const Value baseline = root_.find("baseline");
  const auto usual = std::find(labels.begin(), labels.end(), "sessions");
  scenario_.baseline = usual == labels.end() ? 0 : static_cast<int>(usual - labels.begin());
  if (const auto name = baseline.as_string()) {
    const auto found = std::find(labels.begin(), labels.end(), *name);
    if (found == labels.end()) {
      baseline.error(fmt::format("no strategy of this scenario is called \"{}\"{}", *name, known_names(*name, labels)));
    } else {
      scenario_.baseline = static_cast<int>(found - labels.begin());
    }
  }
  if (!labels.empty()) {
    fields_.note(baseline, fmt::format("\"{}\"", labels[static_cast<std::size_t>(scenario_.baseline)]),
                 "\"sessions\" when it runs, else the first");
  }
}

void ScenarioReader::read_strategy(const Section& section) {
  StrategySpec strategy;
  const Value name = section.need("name");
  const Value base_name = section.find("base");
  strategy.name = name.as_string().value_or("");
  strategy.base = base_name.as_string().value_or(strategy.name);
  const Value& place = base_name.present() ? base_name : name;
  if (place.present() &&
      std::find(names_.strategies.begin(), names_.strategies.end(), strategy.base) == names_.strategies.end()) {
    place.error(
        fmt::format("no strategy is called \"{}\"{}", strategy.base, known_names(strategy.base, names_.strategies)));
  }
  strategy.params = base::read_strategy_params(section, strategy.base);
  for (const core::StrategyParam& param : core::strategy_params(strategy.base)) {
    fields_.note(section.section("params").find(param.name), base::param_text(param, strategy.params[param]),
                 std::string(param.source).c_str());
  }
  for (const StrategySpec& other : scenario_.strategies) {
    if (other.name == strategy.name)
      name.error(fmt::format("\"{}\" is the name of two strategies; names must differ", strategy.name));
  }
  scenario_.strategies.push_back(std::move(strategy));
}

void ScenarioReader::read_expectations() {
  for (const Entry& entry : root_.named("margins")) {
    if (std::find(names_.metrics.begin(), names_.metrics.end(), entry.name) == names_.metrics.end()) {
      entry.value.error(
          fmt::format("no metric is called \"{}\"{}", entry.name, known_names(entry.name, names_.metrics)));
    } else if (const auto margin = entry.value.as_number(0, 1e18)) {
      scenario_.margins[entry.name] = *margin;
      fields_.note(entry.value, "", "");
    }
  }
  std::vector<std::string> labels;
  for (const StrategySpec& strategy : scenario_.strategies) labels.push_back(strategy.name);
  for (const Section& section : root_.sections("expect")) {
    ExpectSpec expect;
    const auto one_of = [](const Value& value, const std::vector<std::string>& known, const char* what) {
      const std::string text = value.as_string().value_or("");
      if (!text.empty() && std::find(known.begin(), known.end(), text) == known.end()) {
        value.error(fmt::format("no {} is called \"{}\"{}", what, text, known_names(text, known)));
      }
      return text;
    };
    expect.metric = one_of(section.need("metric"), names_.metrics, "metric");
    expect.strategy = one_of(section.need("strategy"), labels, "strategy of this scenario");
    expect.than = one_of(section.need("than"), labels, "strategy of this scenario");
    expect.verdict = one_of(section.need("verdict"), verdict_words(), "verdict");
    expect.because = section.need("because").as_string().value_or("");
    scenario_.expect.push_back(std::move(expect));
  }
}

void ScenarioReader::refuse_what_comes_later() {
  const Value sweep = root_.find("sweep");
  if (sweep.present())
    sweep.error("this file is many scenarios; homing-sim run, check and sweep read it, this place takes a single one");
}

namespace {

std::string name_of(const std::string& path) {
  const std::filesystem::path file(path);
  if (file.filename() == "scenario.toml" && file.has_parent_path()) {
    return std::filesystem::absolute(file).lexically_normal().parent_path().filename().string();
  }
  return file.stem().string();
}

}  // namespace

ScenarioResult read_scenario(Document file, const ScenarioNames& names) {
  ScenarioResult result;
  if (file.ok()) {
    Scenario scenario = ScenarioReader(file, names).read();
    scenario.name = name_of(file.name());
    scenario.text = file.text();
    Hash128 hash;
    hash.add("homing scenario 1");
    hash.add(file.canonical_text());
    for (const std::string& attached : scenario.attached) hash.add(attached);
    scenario.hash = hash.hex();
    if (file.finish()) result.scenario = std::move(scenario);
  }
  result.diagnostics = file.diagnostics();
  return result;
}

Document load_scenario_file(const std::string& path) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  return Document::load(folder ? (std::filesystem::path(path) / "scenario.toml").string() : path);
}

ScenarioResult load_scenario(const std::string& path, const ScenarioNames& names) {
  return read_scenario(load_scenario_file(path), names);
}

ScenarioResult parse_scenario(std::string_view text, std::string file_name, const ScenarioNames& names) {
  return read_scenario(Document::parse(text, std::move(file_name)), names);
}

}  // namespace homing::sim
