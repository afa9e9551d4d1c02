// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "sim/measures.h"

namespace homing::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

// The example of the format, as the documents show it.
constexpr const char* kExample = R"toml(format = 1
title = "Two of eight nodes die in the nine o'clock sign-in"
start = "Mon 08:00"            # local time, no daylight saving
horizon = "6 h"
warm-up = "6 h"
seeds = 20
routers = 4

[cluster]
heartbeat = "1 s"
report-every = "15 s"
nodes = [{ count = 6, cores = 16, memory = "64 GiB" }, { count = 2, cores = 32, memory = "256 GiB", labels = ["gpu"] }]
[front]
policy = "sticky-cookie"
health-check = { every = "3 s", fail-after = 3 }

[[users]]
name = "analysts"
count = 400
day-shape = "office"           # or a list of 24 weights
sessions-per-active-day = 1.2
kinds = { jupyter = 0.6, rstudio = 0.4 }
[[users]]
name = "class"
count = 120
burst = { at = "Mon 09:00", within = "5 min" }
kinds = { jupyter = 1.0 }

[kind.jupyter]
start = { solo = "lognormal(median 2 s, p90 5 s)", cpu = "1.5 s", memory = "180 MiB" }
length = "gamma(1.74, 2.06 h)"
think = "lognormal(median 5 min, p90 32 min)"
action = { cpu = "lognormal(median 20 s, p99 20 min)", threads = 1, memory-step = "lognormal(median 8 MiB, p99 1 GiB)" }
idle = { after = "60 min", then = "suspend" }
patience = "30 s"

[[fault]]
at = "Mon 09:04"
kind = "crash"
target = ["n3", "n7"]
lasts = "lognormal(median 59 min, p90 329 min)"

[[strategy]]
name = "sessions"
[[strategy]]
name = "bounded-25"
base = "user-hash"

[[expect]]
metric = "user-minutes-lost"
strategy = "bounded-25"
than = "sessions"
verdict = "no difference that matters"
because = "losses depend on who was on the dead nodes, not on how they came there"
)toml";

// The least that is a scenario.
constexpr const char* kSmall = R"toml(format = 1
title = "small"
horizon = "1 h"
[cluster]
nodes = [{ count = 3, cores = 4, memory = "8 GiB" }]
[[stream]]
name = "jobs"
rate = "0.9 per s"
kind = "job"
[kind.job]
ends = "work-done"
work = "exponential(mean 1 s)"
)toml";

ScenarioNames names() {
  ScenarioNames result;
  result.strategies = {"p2c-sessions", "random", "round-robin", "sessions", "user-hash"};
  for (const MetricInfo& metric : metrics()) result.metrics.push_back(metric.name);
  return result;
}

Scenario read(const std::string& text) {
  ScenarioResult result = parse_scenario(text, "test.toml", names());
  EXPECT_TRUE(result.ok()) << base::render_report(result.diagnostics);
  return std::move(result.scenario).value_or(Scenario{});
}

std::string errors(const std::string& text) {
  const ScenarioResult result = parse_scenario(text, "test.toml", names());
  EXPECT_FALSE(result.ok());
  return base::render_report(result.diagnostics);
}

// kSmall or kExample with one piece of text replaced.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return text.replace(place, from.size(), to);
}

std::string source_of(const Scenario& scenario, const std::string& key) {
  for (const Setting& setting : scenario.settings) {
    if (setting.key == key) return setting.source;
  }
  return "no such key";
}

TEST(Scenario, TheExampleOfTheFormatIsReadAsWritten) {
  const Scenario s = read(kExample);
  EXPECT_EQ(s.name, "test");
  EXPECT_EQ(s.start, hours(8));
  EXPECT_EQ(s.horizon, hours(6));
  EXPECT_EQ(s.warm_up, hours(6));
  EXPECT_EQ(s.seeds, 20);
  EXPECT_EQ(s.routers, 4);
  ASSERT_EQ(s.nodes.size(), 8u);
  EXPECT_EQ(s.nodes[0].name, "n1");
  EXPECT_EQ(s.nodes[7].name, "n8");
  EXPECT_EQ(s.nodes[7].cores, 32);
  EXPECT_EQ(s.nodes[7].memory_bytes, std::int64_t{256} << 30);
  EXPECT_THAT(s.nodes[7].labels, ElementsAre("gpu"));
  EXPECT_EQ(s.cluster.heartbeat, seconds(1));
  EXPECT_EQ(s.cluster.report_every, seconds(15));
  EXPECT_EQ(s.front.policy, FrontPolicy::kStickyCookie);
  ASSERT_EQ(s.users.size(), 2u);
  EXPECT_EQ(s.users[0].count, 400);
  EXPECT_TRUE(s.users[0].has_day_shape);
  EXPECT_FALSE(s.users[0].burst.has_value());
  EXPECT_THAT(s.users[0].kind_shares, ElementsAre(0.6, 0.4));
  ASSERT_TRUE(s.users[1].burst.has_value());
  EXPECT_EQ(s.users[1].burst->at, hours(1)) << "Mon 09:00 is an hour after the start";
  EXPECT_THAT(s.users[1].kind_shares, ElementsAre(1.0, 0.0));
  ASSERT_EQ(s.kinds.size(), 2u);
  EXPECT_EQ(s.kinds[0].name, "jupyter");
  EXPECT_EQ(s.kinds[1].name, "rstudio") << "a built-in kind needs no section";
  EXPECT_EQ(s.kinds[0].length, Distribution::gamma(1.74, 2.06 * 3600e9));
  EXPECT_EQ(s.kinds[0].idle_after, hours(1));
  EXPECT_TRUE(s.kinds[0].idle_suspends);
  EXPECT_EQ(s.kinds[0].suspend.per_gib, seconds(8));
  EXPECT_EQ(s.kinds[0].resume_timeout, seconds(600));
  EXPECT_FALSE(s.kinds[1].idle_after.has_value()) << "a rule is in force only where the file writes it";
  EXPECT_EQ(s.nodes[0].start_slots, 0);
  EXPECT_EQ(s.nodes[0].speed, 1.0);
  EXPECT_TRUE(s.warm_start);
  ASSERT_EQ(s.faults.size(), 1u);
  EXPECT_EQ(s.faults[0].kind, FaultKind::kCrash);
  EXPECT_EQ(s.faults[0].at, minutes(64));
  EXPECT_THAT(s.faults[0].targets, ElementsAre(2, 6));
  EXPECT_TRUE(s.faults[0].lasts.has_value());
  ASSERT_EQ(s.strategies.size(), 2u);
  EXPECT_EQ(s.strategies[1].base, "user-hash");
  EXPECT_EQ(s.baseline, 0);
  ASSERT_EQ(s.expect.size(), 1u);
  EXPECT_EQ(s.expect[0].verdict, "no difference that matters");
  EXPECT_EQ(s.text, kExample);
}

TEST(Scenario, DefaultsAreInForceAndSayWhereTheyComeFrom) {
  const Scenario s = read(kSmall);
  EXPECT_EQ(s.start, hours(0));
  EXPECT_EQ(s.seeds, 20);
  EXPECT_EQ(s.warm_up, hours(24));
  EXPECT_EQ(s.routers, 3);
  EXPECT_EQ(s.cluster.lease_ttl, seconds(8));
  EXPECT_EQ(s.cluster.report_every, s.cluster.heartbeat);
  EXPECT_EQ(s.strategies.size(), 5u) << "all that are registered";
  EXPECT_EQ(s.strategies[static_cast<std::size_t>(s.baseline)].name, "sessions");
  EXPECT_EQ(source_of(s, "horizon"), "file");
  EXPECT_EQ(source_of(s, "cluster.lease-ttl"), "8 heartbeats, the router's default");
  EXPECT_EQ(source_of(s, "cluster.user-delay"), "assumed");
  for (const Setting& setting : s.settings) EXPECT_FALSE(setting.source.empty()) << setting.key;
  EXPECT_THAT(print_settings(s), HasSubstr("kind.job.work"));
}

TEST(Scenario, TimeOutsFollowTheHeartbeat) {
  const Scenario s = read(with(kSmall, "[cluster]\n", "[cluster]\nheartbeat = \"250 ms\"\n"));
  EXPECT_EQ(s.cluster.suspect, milliseconds(750));
  EXPECT_EQ(s.cluster.dead, milliseconds(2500));
}

TEST(Scenario, AWorkDoneStreamIsAnOpenQueue) {
  const Scenario s = read(kSmall);
  ASSERT_EQ(s.streams.size(), 1u);
  EXPECT_DOUBLE_EQ(s.streams[0].per_second, 0.9);
  EXPECT_EQ(s.kinds[0].ends, Ends::kWorkDone);
  EXPECT_EQ(s.kinds[0].work, Distribution::exponential(1e9));
}

TEST(Scenario, DelaysAndStartsMayBeZero) {
  const Scenario s = read(with(
      with(kSmall, "[cluster]\n", "[cluster]\nuser-delay = \"0 s\"\npeer-delay = \"0 s\"\nstore-delay = \"0 s\"\n"),
      "ends =", "start = { solo = \"0 s\", cpu = \"0 s\", memory = \"0 B\" }\nends ="));
  EXPECT_EQ(s.delay.store, seconds(0));
  EXPECT_EQ(s.kinds[0].start.solo, Distribution::constant(0));
}

TEST(Scenario, TheWarmUpIsAtLeastFiveMeanLengths) {
  const Scenario s = read(with(kSmall, "exponential(mean 1 s)", "exponential(mean 10 h)"));
  EXPECT_EQ(s.warm_up, hours(50));
}

TEST(Scenario, CommentsAndLayoutDoNotChangeTheHashButNumbersDo) {
  const std::string hash = read(kSmall).hash;
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_EQ(read("# a remark\n" + with(kSmall, "format = 1", "format   =   1")).hash, hash);
  EXPECT_NE(read(with(kSmall, "0.9 per s", "0.8 per s")).hash, hash);
}

TEST(Scenario, EveryMistakeIsReportedAtItsPlaceInOneRound) {
  const std::string report =
      errors(with(with(kSmall, "horizon = \"1 h\"", "horizont = \"1 h\""), "cores = 4", "cores = \"four\""));
  EXPECT_THAT(report, HasSubstr("test.toml:3:1: horizont: unknown key; did you mean \"horizon\"?"));
  EXPECT_THAT(report, HasSubstr("horizon: "));
  EXPECT_THAT(report, HasSubstr("test.toml:5:31: cluster.nodes[1].cores: "));
}

struct Mistake {
  const char* name;
  const char* from;
  const char* to;
  const char* expected;
};

class ScenarioMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(ScenarioMistakes, AreRefusedWithTheFix) {
  const Mistake& mistake = GetParam();
  EXPECT_THAT(errors(with(kExample, mistake.from, mistake.to)), HasSubstr(mistake.expected));
}

INSTANTIATE_TEST_SUITE_P(
    All, ScenarioMistakes,
    testing::Values(
        Mistake{"another_format", "format = 1", "format = 2", "this program reads format 1"},
        Mistake{"a_bare_number", "horizon = \"6 h\"", "horizon = 6", "horizon: "},
        Mistake{"a_negative_time", "horizon = \"6 h\"", "horizon = \"-6 h\"", "horizon: "},
        Mistake{"a_wrong_unit", "memory = \"64 GiB\"", "memory = \"64 s\"", "cluster.nodes[1].memory: "},
        Mistake{"no_such_day", "Mon 08:00", "Mun 08:00", "expected e.g. \"Mon 08:00\""},
        Mistake{"no_such_hour", "Mon 08:00", "Mon 25:00", "expected e.g. \"Mon 08:00\""},
        Mistake{"a_fault_on_an_unknown_node", "\"n7\"", "\"n9\"", "fault[1].target[2]: no node is called \"n9\""},
        Mistake{"a_node_named_twice_in_a_fault", "\"n7\"", "\"n3\"", "named twice in one fault"},
        Mistake{"an_unknown_fault", "kind = \"crash\"", "kind = \"crush\"", "\"crash\""},
        Mistake{"a_fault_beyond_the_horizon", "Mon 09:04", "Tue 09:04", "before the horizon of 6 h"},
        Mistake{"an_unknown_retry", "fail-after = 3 }", "fail-after = 3 }\nretry = { policy = \"backof\" }",
                "did you mean \"back-off\"?"},
        Mistake{"a_pause_of_people_who_wait", "fail-after = 3 }", "fail-after = 3 }\nretry = { every = \"5 s\" }",
                "front.retry.every: unknown key"},
        Mistake{"a_longest_pause_below_the_first", "fail-after = 3 }",
                "fail-after = 3 }\nretry = { policy = \"back-off\", every = \"5 s\", most = \"1 s\" }",
                "is shorter than every"},
        Mistake{"a_clock_that_drifts_too_much", "heartbeat = \"1 s\"", "heartbeat = \"1 s\"\nclock-drift-ppm = 1e6",
                "cluster.clock-drift-ppm"},
        Mistake{"an_unknown_strategy", "base = \"user-hash\"", "base = \"user-hush\"", "did you mean \"user-hash\""},
        Mistake{"parameters_nobody_takes", "base = \"user-hash\"", "base = \"user-hash\"\nparams = { epsilon = 0.25 }",
                "strategy[2].params.epsilon: strategy \"user-hash\" takes no parameters; take it out"},
        Mistake{
            "a_misspelt_parameter", "base = \"user-hash\"", "base = \"p2c-sessions\"\nparams = { dd = 3 }",
            "strategy[2].params.dd: strategy \"p2c-sessions\" has no parameter \"dd\"; expected \"d\"; did you mean "
            "\"d\"?"},
        Mistake{"a_parameter_out_of_range", "base = \"user-hash\"", "base = \"p2c-sessions\"\nparams = { d = 9 }",
                "strategy[2].params.d: 9 is out of range; expected 2 to 8"},
        Mistake{"a_parameter_of_another_type", "base = \"user-hash\"",
                "base = \"p2c-sessions\"\nparams = { d = \"3\" }", "strategy[2].params.d: "},
        Mistake{"parameters_that_are_no_table", "base = \"user-hash\"", "base = \"p2c-sessions\"\nparams = 3",
                "strategy[2].params: "},
        Mistake{"a_strategy_twice", "name = \"bounded-25\"", "name = \"sessions\"", "name of two strategies"},
        Mistake{"an_unknown_metric", "\"user-minutes-lost\"", "\"user-minutes-lots\"",
                "did you mean \"user-minutes-lost\""},
        Mistake{"an_unknown_verdict", "\"no difference that matters\"", "\"the same\"", "no verdict is called"},
        Mistake{"an_unknown_kind", "rstudio = 0.4", "rstudo = 0.4", "did you mean \"rstudio\""},
        Mistake{"shares_that_miss_one", "rstudio = 0.4", "rstudio = 0.3", "expected 1"},
        Mistake{"more_routers_than_nodes", "routers = 4", "routers = 9", "at most one a node"},
        Mistake{"time_outs_out_of_order", "heartbeat = \"1 s\"", "heartbeat = \"1 s\"\nsuspect = \"9 s\"",
                "2 heartbeats < suspect < lease-ttl < dead"},
        Mistake{"reports_faster_than_heartbeats", "report-every = \"15 s\"", "report-every = \"100 ms\"",
                "at least a heartbeat"},
        Mistake{"a_day_of_23_hours", "day-shape = \"office\"", "day-shape = [1, 2, 3]", "expected 24"},
        Mistake{"a_wrong_distribution", "gamma(1.74, 2.06 h)", "gama(1.74, 2.06 h)", "did you mean \"gamma\""},
        Mistake{"a_group_twice", "name = \"class\"", "name = \"analysts\"", "name of two groups"},
        Mistake{"a_sweep", "[[expect]]", "[sweep]\n\"cluster.heartbeat\" = [\"1 s\"]\n[[expect]]",
                "takes a single one"},
        Mistake{"a_key_of_another_kind_of_visit", "patience = \"30 s\"", "work = \"1 s\"",
                "kind.jupyter.work: unknown key"},
        Mistake{"an_idle_rule_within_a_heartbeat", "after = \"60 min\"", "after = \"1 s\"",
                "kind.jupyter.idle.after: 1 s is no longer than a heartbeat (1 s)"},
        Mistake{"an_idle_rule_that_does_something_else", "then = \"suspend\"", "then = \"stop\"",
                "kind.jupyter.idle.then: "},
        Mistake{"an_idle_rule_for_what_nobody_uses", "patience = \"30 s\"", "patience = \"30 s\"\nactions = false",
                "kind.jupyter.idle.after: nobody uses a session without actions"},
        Mistake{"sessions_nobody_closes", "idle = { after = \"60 min\", then = \"suspend\" }", "leave = \"open\"",
                "kind.jupyter.leave: \"open\" needs an idle rule"},
        Mistake{"the_cost_of_a_suspend_that_never_comes", "then = \"suspend\" }",
                "then = \"end\" }\nsuspend = { base = \"1 s\" }", "kind.jupyter.suspend: "},
        Mistake{"more_cpu_than_time", "patience = \"30 s\"", "patience = \"30 s\"\nresume = { cpu = 1.5 }",
                "kind.jupyter.resume.cpu: "},
        Mistake{"a_resume_given_less_than_a_start", "patience = \"30 s\"",
                "patience = \"30 s\"\nresume = { timeout = \"30 s\" }",
                "kind.jupyter.resume.timeout: 30 s is shorter than start.timeout (1 min)"},
        Mistake{"half_a_start_slot", "count = 6,", "count = 6, start-slots = 0.5,", "cluster.nodes[1].start-slots: "},
        Mistake{"a_node_that_stands_still", "count = 6,", "count = 6, speed = 0,", "cluster.nodes[1].speed: "},
        Mistake{"a_reserve_of_everything", "report-every = \"15 s\"", "report-every = \"15 s\"\nmemory-reserve = 1",
                "cluster.memory-reserve: "},
        Mistake{"an_unknown_killer", "report-every = \"15 s\"", "report-every = \"15 s\"\nout-of-memory = \"oldest\"",
                "cluster.out-of-memory: "},
        Mistake{"a_name_for_many_nodes", "count = 6,", "count = 6, name = \"big\",", "names one node"}),
    [](const testing::TestParamInfo<Mistake>& row) { return row.param.name; });

TEST(Scenario, OneWrongHorizonDoesNotBlameTheTimesBeforeIt) {
  const std::string report = errors(with(kExample, "horizon = \"6 h\"", "horizon = \"-6 h\""));
  EXPECT_THAT(report, HasSubstr("horizon: \"-6 h\" is negative"));
  EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 1) << report;
}

TEST(Scenario, AGroupMustComeSomehow) {
  EXPECT_THAT(errors(with(kExample, "day-shape = \"office\"", "# nothing")), HasSubstr("neither day-shape nor burst"));
}

TEST(Scenario, MoreLabelsThanTheCoreHoldsAreRefused) {
  std::string labels = "\"gpu\"";
  for (int i = 0; i < 64; ++i) labels += ", \"l" + std::to_string(i) + "\"";
  EXPECT_THAT(errors(with(kExample, "\"gpu\"", labels)), HasSubstr("65 different labels; expected at most 64"));
}

TEST(Scenario, NobodyComingIsAnError) {
  EXPECT_THAT(
      errors(
          "format = 1\ntitle = \"empty\"\nhorizon = \"1 h\"\n[cluster]\nnodes = [{ cores = 1, memory = \"1 GiB\" }]\n"),
      HasSubstr("nobody comes"));
}

TEST(Scenario, AMissingFileIsOneSentence) {
  const ScenarioResult result = load_scenario("no/such/file.toml", names());
  EXPECT_FALSE(result.ok());
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_THAT(result.diagnostics[0].render(), HasSubstr("no/such/file.toml"));
}

TEST(Scenario, WeekTimesAreStrict) {
  EXPECT_EQ(parse_week_time("Mon 00:00"), hours(0));
  EXPECT_EQ(parse_week_time("Sun 23:59"), hours(24 * 6 + 23) + minutes(59));
  for (const char* wrong : {"mon 09:00", "Mon 9:00", "Mon 09:60", "Mon  9:00", "Monday 09:00", "", "Mon 09:0x"}) {
    EXPECT_FALSE(parse_week_time(wrong).has_value()) << wrong;
  }
}

TEST(Scenario, AWeekTimeBeforeTheStartMeansNextWeek) {
  const Scenario s = read(with(with(kExample, "Mon 08:00", "Sun 20:00"), "horizon = \"6 h\"", "horizon = \"24 h\""));
  EXPECT_EQ(s.faults[0].at, hours(13) + minutes(4));
}

TEST(Scenario, AStaggeredFaultMustEndWithinTheHorizon) {
  EXPECT_THAT(errors(with(kExample, "kind = \"crash\"", "kind = \"crash\"\nstagger = \"5 h\"")),
              HasSubstr("beyond the horizon"));
  const Scenario s = read(with(kExample, "kind = \"crash\"", "kind = \"drain\"\nstagger = \"1 h\""));
  EXPECT_EQ(s.faults[0].stagger, hours(1));
  EXPECT_EQ(s.faults[0].kind, FaultKind::kDrain);
}

TEST(Scenario, StrategiesOfTheCommandLineReplaceTheFilesAndKeepTheBaseline) {
  Scenario s = read(kExample);
  EXPECT_FALSE(choose_strategies(s, std::vector<std::string>{"random", "bounded-25", "sessions"}, names()).has_value());
  ASSERT_EQ(s.strategies.size(), 3u);
  EXPECT_EQ(s.strategies[1].base, "user-hash") << "the file's own labels stay known";
  EXPECT_EQ(s.baseline, 2);
  EXPECT_FALSE(choose_strategies(s, std::vector<std::string>{"all"}, names()).has_value());
  EXPECT_EQ(s.strategies.size(), 5u);
  EXPECT_EQ(s.strategies[static_cast<std::size_t>(s.baseline)].name, "sessions");
}

TEST(Scenario, AnUnknownStrategyOfTheCommandLineNamesTheNearest) {
  Scenario s = read(kExample);
  const auto error = choose_strategies(s, std::vector<std::string>{"randon"}, names());
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(*error, HasSubstr("did you mean \"random\""));
  EXPECT_TRUE(choose_strategies(s, std::vector<std::string>{"random", "random"}, names()).has_value());
}

TEST(Scenario, WeightsAreNormalised) {
  const Scenario s = read(kExample);
  double hours_sum = 0;
  for (const double w : s.users[0].hour_weights) hours_sum += w;
  EXPECT_NEAR(hours_sum, 1.0, 1e-12);
  double days_sum = 0;
  for (const double w : s.users[0].day_weights) days_sum += w;
  EXPECT_NEAR(days_sum, 7.0, 1e-12);
}

}  // namespace
}  // namespace homing::sim
