// SPDX-License-Identifier: Apache-2.0
#include "sim/why.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "router/core/strategy.h"
#include "sim/commands.h"
#include "sim/experiment.h"
#include "sim/sweep.h"
#include "tests/sim/results_fixture.h"
#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using ::testing::HasSubstr;

// Six machines, three routers; one dies with people on it.
std::string lively(std::string_view strategy) {
  return R"(format = 1
title = "Six machines, one dies"
start = "Mon 09:00"
horizon = "2 h"
warm-up = "30 min"
seeds = 2
routers = 3
[cluster]
heartbeat = "2 s"
report-every = "10 s"
nodes = [{ count = 6, cores = 4, memory = "16 GiB" }]
[[users]]
name = "all"
count = 60
day-shape = "flat"
sessions-per-active-day = 6
kinds = { jupyter = 1.0 }
[[fault]]
at = "Mon 09:40"
kind = "crash"
target = ["n2"]
lasts = "30 min"
[[strategy]]
name = ")" +
         std::string(strategy) + "\"\n";
}

RunAgain lively_run(std::string_view strategy, std::uint64_t seed = 1) {
  auto scenario = testing::scenario_from(lively(strategy));
  auto plan = std::make_shared<const Plan>(draw_plan(*scenario, seed));
  return {std::move(scenario), std::move(plan), 0};
}

// The first visit that lost its session under its owner, as the journal of an ordinary run has it.
SessionLoss first_loss(const RunAgain& run) {
  const RunRecord record = run_once(*run.scenario, run.strategy, run.plan->seed, false);
  for (const SessionLoss& loss : record.losses) {
    if (loss.node == 1 && loss.owner_present && loss.back_ns) return loss;
  }
  ADD_FAILURE() << "nobody lost anything";
  return {};
}

TEST(Why, TheStoryAgreesWithWhatTheRunRecorded) {
  const RunAgain run = lively_run("sessions");
  const RunRecord record = run_once(*run.scenario, 0, 1, false);
  const SessionLoss loss = first_loss(run);
  const WhyAnswer answer = why(run, loss.visit);
  ASSERT_GE(answer.placements.size(), 2u);
  EXPECT_EQ(answer.story.losses(), 1);
  const Placement& first = answer.placements[0];
  EXPECT_EQ(first.table.record.chosen.value, static_cast<std::uint32_t>(loss.node));
  EXPECT_EQ(answer.story.epochs[0].node, static_cast<std::uint32_t>(loss.node));
  EXPECT_EQ(answer.story.epochs[0].state, "lost");
  EXPECT_NE(answer.story.epochs[1].node, static_cast<std::uint32_t>(loss.node));
  EXPECT_NEAR(answer.story.lost_s + answer.story.cut_s, static_cast<double>(*loss.back_ns - loss.at_ns) * 1e-9, 1e-6);
  // The dead machine cannot be chosen for the second epoch, and the table says why.
  bool told = false;
  for (const core::NodeWeighed& node : answer.placements[1].table.nodes) {
    if (node.node.value == static_cast<std::uint32_t>(loss.node)) told = node.refusal.has_value() && node.rank == 0;
  }
  EXPECT_TRUE(told);
  double minutes = 0;
  for (const DownInterval& down : record.downs) {
    if (down.visit == loss.visit) minutes += static_cast<double>(down.to_ns - down.from_ns) / 60e9;
  }
  EXPECT_NEAR(answer.story.minutes_lost(), minutes, 1e-9);
}

TEST(Why, ForcingTheNodeThatWasChosenChangesNothing) {
  for (const std::string_view strategy : core::strategy_names()) {
    const RunAgain run = lively_run(strategy);
    const RunRecord record = run_once(*run.scenario, 0, 1, false);
    const WhyAnswer answer = why(run, first_loss(run).visit);
    ASSERT_FALSE(answer.placements.empty()) << strategy;
    for (const Placement& placement : answer.placements) {
      const WhatIf both = what_if(run, placement, placement.table.record.chosen.value);
      EXPECT_EQ(both.real_run.fingerprint, record.fingerprint) << strategy;
      EXPECT_EQ(both.fork_run.fingerprint, record.fingerprint) << strategy;
      EXPECT_EQ(both.went_to, placement.table.record.chosen) << strategy;
    }
  }
}

TEST(Why, AnotherNodeSparesThisUserTheLoss) {
  for (const std::string_view strategy : core::strategy_names()) {
    const RunAgain run = lively_run(strategy);
    const WhyAnswer answer = why(run, first_loss(run).visit);
    const Placement& placement = answer.placements[0];
    std::uint32_t other = core::kNoNode.value;
    for (const core::NodeWeighed& node : placement.table.nodes) {
      if (node.rank > 0 && !node.refusal && node.node != placement.table.record.chosen) other = node.node.value;
    }
    const WhatIf both = what_if(run, placement, other);
    EXPECT_EQ(both.went_to.value, other) << strategy;
    EXPECT_NE(both.real_run.fingerprint, both.fork_run.fingerprint);
    EXPECT_EQ(both.real_run.plan_hash, both.fork_run.plan_hash);
    EXPECT_EQ(both.fork.epochs[0].node, other);
    EXPECT_EQ(both.real.losses(), 1) << strategy;
    EXPECT_EQ(both.fork.losses(), 0) << strategy;
    EXPECT_LT(both.fork.lost_s, both.real.lost_s);
    EXPECT_EQ(both.real.minutes_lost(), answer.story.minutes_lost());
  }
}

TEST(Why, EveryVisitHasAStoryAlsoThoseOfTheWarmStart) {
  const RunAgain run = lively_run("sessions");
  const RunRecord record = run_once(*run.scenario, 0, 1, false);
  int checked = 0;
  for (std::uint32_t visit = 0; visit < run.plan->visits.size(); visit += 7) {
    const WhyAnswer answer = why(run, visit);
    // It ended before the warm start, or came so late that the horizon cut the answer.
    if (answer.placements.empty()) continue;
    ++checked;
    const WhatIf both = what_if(run, answer.placements.at(0), answer.placements[0].table.record.chosen.value);
    EXPECT_EQ(both.fork_run.fingerprint, record.fingerprint) << visit;
  }
  EXPECT_GT(checked, 5);
}

TEST(VisitNamed, TakesUserAndVisitOrTheVisitOrTheSessionsHexDigits) {
  const RunAgain run = lively_run("sessions");
  const Visit& visit = run.plan->visits[5];
  const core::SessionId id = session_id(1, visit, 2);
  EXPECT_EQ(visit_named(*run.plan, "5"), 5u);
  EXPECT_EQ(visit_named(*run.plan, std::to_string(visit.user) + "/5"), 5u);
  EXPECT_EQ(visit_named(*run.plan, fmt::format("{:016x}{:016x}", id.hi, id.lo)), 5u);
  EXPECT_THAT(visit_named(*run.plan, std::to_string(visit.user + 1) + "/5").error(), HasSubstr("write"));
  EXPECT_THAT(visit_named(*run.plan, "99999").error(), HasSubstr("the plan has visits 0 to"));
  EXPECT_THAT(visit_named(*run.plan, "ann").error(), HasSubstr("expected USER/VISIT"));
  EXPECT_FALSE(visit_named(*run.plan, "").has_value());
  EXPECT_FALSE(visit_named(*run.plan, "/").has_value());
}

// ---- the command

struct Said {
  int exit = -1;
  std::string out;
  std::string err;
};

Said ask_why(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int exit = why_command(arguments, out, err);
  return {exit, out.str(), err.str()};
}

class WhyCommand : public ::testing::Test {
 protected:
  WhyCommand() : file_(scratch_.file("r.sqlite")) {
    ScenarioResult read = parse_scenario(lively("sessions"), "lively.toml", known_names());
    Scenario scenario = std::move(read.scenario.value());
    auto writer = ResultWriter::create(file_, {scenario}, {}, false);
    RunRecord record = run_once(scenario, 0, 1, true);
    EXPECT_TRUE(writer->write(record).has_value());
    RunRecord forged = record;
    forged.id = 1;
    forged.seed = 2;  // another seed's plan hash does not fit
    EXPECT_TRUE(writer->write(forged).has_value());
    for (const SessionLoss& loss : record.losses) {
      if (session_.empty() && loss.node == 1 && loss.owner_present && loss.back_ns)
        session_ = fmt::format("{}/{}", loss.user, loss.visit);
    }
  }

  Scratch scratch_;
  std::string file_;
  std::string session_;
};

TEST_F(WhyCommand, LeadsFromTheFileToTheRunToTheSessionToTheFork) {
  const Said runs = ask_why({file_});
  EXPECT_EQ(runs.exit, kExitOk) << runs.err;
  EXPECT_THAT(runs.out, HasSubstr("sessions/1"));
  const Said run = ask_why({file_, "--run", "sessions/1"});
  EXPECT_EQ(run.exit, kExitOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr(session_));
  const Said session = ask_why({file_, "--run", "0", "--session", session_});
  EXPECT_EQ(session.exit, kExitOk) << session.err;
  EXPECT_THAT(session.out, HasSubstr("the placement of epoch 1"));
  EXPECT_THAT(session.out, HasSubstr("chosen: n2"));
  EXPECT_THAT(session.out, HasSubstr("report age"));
  const Said fork = ask_why({file_, "--run", "0", "--session", session_, "--instead", "n5"});
  EXPECT_EQ(fork.exit, kExitOk) << fork.err;
  EXPECT_THAT(fork.out, HasSubstr("had epoch 1 gone to n5 instead of n2"));
  EXPECT_THAT(fork.out, HasSubstr("everybody"));
  const Said same = ask_why({file_, "--run", "0", "--session", session_, "--instead", "n2"});
  EXPECT_THAT(same.out, HasSubstr("every event of the cluster would have been the same"));
}

TEST_F(WhyCommand, SpeaksJson) {
  EXPECT_THAT(ask_why({file_, "-o", "json"}).out, HasSubstr(R"("name":"sessions/1")"));
  EXPECT_THAT(ask_why({file_, "--run", "0", "-o", "json"}).out, HasSubstr(R"("losses":[{"session":")"));
  EXPECT_THAT(ask_why({file_, "--run", "0", "--session", session_, "-o", "json"}).out, HasSubstr(R"("chosen":"n2")"));
  EXPECT_THAT(ask_why({file_, "--run", "0", "--session", session_, "--instead", "n5", "-o", "json"}).out,
              HasSubstr(R"("instead":"n5","identical":false)"));
}

TEST_F(WhyCommand, APlanThatIsNotTheRunsIsRefusedWithExitFour) {
  const Said said = ask_why({file_, "--run", "1"});
  EXPECT_EQ(said.exit, kExitRefused);
  EXPECT_THAT(said.err, HasSubstr("cannot be drawn again"));
}

TEST_F(WhyCommand, BadInputSaysWhatWasExpected) {
  const auto wrong = [&](std::vector<std::string> arguments, int exit, const char* says) {
    const Said said = ask_why(std::move(arguments));
    EXPECT_EQ(said.exit, exit) << said.err;
    EXPECT_TRUE(said.out.empty()) << said.out;
    EXPECT_THAT(said.err, HasSubstr(says));
  };
  wrong({}, kExitUsage, "no result file is named");
  wrong({"/no/such"}, kExitUsage, "does not exist");
  wrong({file_, "--rnu", "1"}, kExitUsage, "did you mean --run?");
  wrong({file_, "--run"}, kExitUsage, "--run needs a value");
  wrong({file_, "--session", "1"}, kExitUsage, "--session needs --run");
  wrong({file_, "--run", "0", "--instead", "n1"}, kExitUsage, "need --session");
  wrong({file_, "--run", "7"}, kExitUsage, "has no such run");
  wrong({file_, "--run", "0", "--session", "x"}, kExitUsage, "expected USER/VISIT");
  wrong({file_, "--run", "0", "--session", session_, "--epoch", "z"}, kExitUsage, "is no epoch");
  wrong({file_, "--run", "0", "--session", session_, "--epoch", "9"}, kExitUsage, "this visit has");
  wrong({file_, "--run", "0", "--session", session_, "--instead", "m2"}, kExitUsage,
        "no node is called so; expected \"n1\"");
  wrong({file_, "--run", "0", "--session", session_, "--epoch", "2", "--instead", "n2"}, kExitRefused,
        "it could not be chosen then");
  wrong({file_, "--run", "0", "--scenario", "/no/such.toml"}, kExitUsage, "/no/such.toml");
  wrong({file_, "--run", "0", "--scenario", "scenarios/ordinary-day"}, kExitRefused, "is not the scenario of the run");
  wrong({file_, "-o", "csv"}, kExitUsage, "expected table or json");
}

// One run of each scenario of a file, as `run` writes them.
std::string result_of(const Scratch& scratch, const std::string& scenario_file) {
  ScenariosResult read = load_scenarios(scenario_file, known_names());
  EXPECT_TRUE(read.ok());
  auto writer = ResultWriter::create(scratch.file("r.sqlite"), read.scenarios, {}, true);
  for (std::size_t i = 0; i < read.scenarios.size(); ++i) {
    RunRecord record = run_once(read.scenarios[i], 0, 1, true);
    record.id = static_cast<int>(i);
    record.scenario = static_cast<int>(i);
    EXPECT_TRUE(writer->write(record).has_value());
  }
  return scratch.file("r.sqlite");
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

TEST(WhyOfASweep, EveryPointIsMadeAgainFromTheResultOrFromTheFile) {
  const Scratch scratch;
  const std::string file = scratch.file("grid.toml");
  write_text(file, lively("sessions") + "[sweep]\n\"cluster.report-every\" = [\"4 s\", \"20 s\"]\n");
  const std::string result = result_of(scratch, file);
  const Said runs = ask_why({result});
  EXPECT_THAT(runs.out, HasSubstr("grid@report-every=4s/sessions/1"));
  EXPECT_THAT(runs.out, HasSubstr("grid@report-every=20s/sessions/1"));
  for (const char* run : {"grid@report-every=4s/sessions/1", "grid@report-every=20s/sessions/1"}) {
    const Said from_result = ask_why({result, "--run", run, "--session", "lost"});
    EXPECT_EQ(from_result.exit, kExitOk) << from_result.err;
    EXPECT_THAT(from_result.out, HasSubstr("the placement of epoch 1"));
    const Said from_file = ask_why({result, "--run", run, "--session", "lost", "--scenario", file});
    EXPECT_EQ(from_file.exit, kExitOk) << from_file.err;
    EXPECT_EQ(from_file.out, from_result.out) << "the file's point is the one of the run";
    const Said fork = ask_why({result, "--run", run, "--session", "lost", "--instead", "runner-up"});
    EXPECT_EQ(fork.exit, kExitOk) << fork.err;
  }
  write_text(file, lively("sessions") + "[sweep]\n\"cluster.report-every\" = [\"6 s\", \"8 s\"]\n");
  const Said other = ask_why({result, "--run", "0", "--scenario", file});
  EXPECT_EQ(other.exit, kExitRefused);
  EXPECT_THAT(other.err, HasSubstr("it has 2 points and other hashes"));
}

TEST(WhyOfATrace, TheFileIsFoundBesideTheScenarioAndSaidToBeMissedElsewhere) {
  const Scratch scratch;
  std::string text = lively("sessions");
  const std::string scripted = "at = \"Mon 09:40\"\nkind = \"crash\"\ntarget = [\"n2\"]\nlasts = \"30 min\"\n";
  ASSERT_NE(text.find(scripted), std::string::npos);
  text.replace(text.find(scripted), scripted.size(),
               "kind = \"crash\"\ntarget = [\"n2\"]\ntrace = { file = \"failures.csv\", from = \"0 s\" }\n");
  write_text(scratch.file("failures.csv"), "node,down_s,up_s\na,2400,4200\n");
  const std::string file = scratch.file("replayed.toml");
  write_text(file, text);
  const std::string result = result_of(scratch, file);
  const Said alone = ask_why({result, "--run", "sessions/1"});
  EXPECT_EQ(alone.exit, kExitUsage);
  EXPECT_THAT(alone.err, HasSubstr("--scenario FILE says where it lies"));
  const Said beside = ask_why({result, "--run", "sessions/1", "--session", "lost", "--scenario", file});
  EXPECT_EQ(beside.exit, kExitOk) << beside.err;
  EXPECT_THAT(beside.out, HasSubstr("on n2 is over: lost")) << "the machine of the trace";
  write_text(scratch.file("failures.csv"), "node,down_s,up_s\na,2400,4800\n");
  const Said changed = ask_why({result, "--run", "sessions/1", "--scenario", file});
  EXPECT_EQ(changed.exit, kExitRefused) << "a trace is part of its scenario";
}

}  // namespace
}  // namespace homing::sim
