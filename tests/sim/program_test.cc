// SPDX-License-Identifier: Apache-2.0
//
// The real program: progress lines, the end by a signal, the pause, and the researcher's first hour as sim/README.md
// writes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "sim/commands.h"
#include "sim/results.h"
#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// How long a test waits for something that must happen: two loaded cores under a sanitizer. Never asserted on.
constexpr std::chrono::seconds kPatience{250};

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return out.str();
}

// A shell's child that never outlives the test.
class Child {
 public:
  explicit Child(const std::string& line) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::execl("/bin/sh", "sh", "-c", line.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (ended()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  void signal(int number) const { ::kill(pid_, number); }
  // Its exit status, 128 + signal, or -1 when it did not end in time.
  int wait() {
    return eventually([this] { return ended(); }) ? status_ : -1;
  }
  // As in /proc/PID/stat: 'T' when it is stopped.
  char state() const {
    const std::string text = read_file("/proc/" + std::to_string(pid_) + "/stat");
    const std::size_t end = text.rfind(')');
    return end == std::string::npos || end + 2 >= text.size() ? ' ' : text[end + 2];
  }

 private:
  bool ended() {
    int status = 0;
    if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return ended_;
  }
  pid_t pid_;
  bool ended_ = false;
  int status_ = -1;
};

// Small runs, thousands of them if asked: long enough to be hurt at any moment.
constexpr const char* kMany = R"(format = 1
title = "Three nodes, little to do"
start = "Mon 08:00"
horizon = "2 h"
warm-up = "1 h"
[cluster]
heartbeat = "5 s"
nodes = [{ count = 3, cores = 4, memory = "8 GiB" }]
[[users]]
name = "all"
count = 40
day-shape = "flat"
kinds = { jupyter = 1.0 }
[[strategy]]
name = "sessions"
)";

class Program : public ::testing::Test {
 protected:
  Program() : scenario_(file("many.toml")) { std::ofstream(scenario_) << kMany; }

  std::string file(const std::string& name) const { return scratch_.file(name); }
  // Runs a line of shell with stdout and stderr in files of their own.
  std::string shell(const std::string& line) const { return line + " >" + file("out") + " 2>" + file("err"); }
  std::string start(const std::string& arguments) const { return shell("exec " HOMING_SIM_PROGRAM " " + arguments); }
  std::string out() const { return read_file(file("out")); }
  std::string err() const { return read_file(file("err")); }
  bool some_run_is_finished() const {
    const std::string text = err();
    const std::string key = "\"finished\":";
    for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
      const char digit = at + key.size() < text.size() ? text[at + key.size()] : '0';
      if (digit >= '1' && digit <= '9') return true;
    }
    return false;
  }
  std::vector<std::string> lines(const std::string& text) const {
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

  Scratch scratch_;
  std::string scenario_;
};

TEST_F(Program, ProgressIsOneJsonObjectALineAndTheLastOneSaysThatAllIsDone) {
  Child child(start("run " + scenario_ + " --seeds 12 --progress json -o csv"));
  EXPECT_EQ(child.wait(), 0) << err();
  const auto said = lines(err());
  ASSERT_FALSE(said.empty());
  for (const std::string& line : said) {
    EXPECT_TRUE(line.starts_with("{\"run_id\":") && line.ends_with("}")) << line;
    for (const char* key : {"\"percent\":", "\"simulated_s\":", "\"events_per_s\":", "\"eta_s\":"}) {
      EXPECT_THAT(line, HasSubstr(key));
    }
  }
  EXPECT_THAT(said.back(), HasSubstr("\"percent\":100.0,\"runs\":12,\"finished\":12"));
  EXPECT_THAT(out(), HasSubstr("scenario,metric,unit"));
}

TEST_F(Program, NothingIsSaidOfProgressWhenNobodyLooks) {
  Child child(start("run " + scenario_ + " --seeds 2"));
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(err(), "");
}

TEST_F(Program, ASignalKeepsTheFinishedRunsAndExitsWith130) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Child child(
        start("run " + scenario_ + " --seeds 9000 --jobs 2 --progress json --replace --out " + file("r.sqlite")));
    ASSERT_TRUE(eventually([&] { return some_run_is_finished(); })) << err();
    child.signal(signal);
    EXPECT_EQ(child.wait(), kExitInterrupted);
    EXPECT_THAT(err(), HasSubstr("homing-sim: interrupted; "));
    EXPECT_THAT(err(), HasSubstr("are kept in " + file("r.sqlite")));
    const auto results = ResultReader::open(file("r.sqlite"));
    ASSERT_TRUE(results.has_value()) << results.error();
    ASSERT_FALSE(results->runs().empty());
    EXPECT_LT(results->runs().size(), 9000u);
    EXPECT_THAT(err(), HasSubstr("interrupted; " + std::to_string(results->runs().size()) + " of 9000 runs"));
    for (const RunRow& run : results->runs()) EXPECT_FALSE(run.values.empty()) << "run " << run.id << " is half there";
  }
}

TEST_F(Program, CtrlZStopsItAndFgLetsItGoOn) {
  Child child(start("run " + scenario_ + " --seeds 9000 --progress json"));
  ASSERT_TRUE(eventually([&] { return some_run_is_finished(); })) << err();
  child.signal(SIGTSTP);
  EXPECT_TRUE(eventually([&] { return child.state() == 'T'; }));
  EXPECT_THAT(err(), HasSubstr("{\"paused\":true}"));
  const std::string before = err();
  child.signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return err().find("{\"paused\":false,") != std::string::npos; })) << err();
  EXPECT_TRUE(eventually([&] { return err().find("\"run_id\"", before.size()) != std::string::npos; })) << err();
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(), kExitInterrupted);
}

TEST_F(Program, AskAnswersInWordsAndPrintsAScenarioThatRunTakes) {
  Child child(
      start("ask --nodes 3x4c16GiB --users 20 --lose-node-at 10:00 --heartbeat '5 s' --strategy sessions,random "
            "--print-scenario " +
            file("asked.toml") + " --out " + file("asked.sqlite")));
  EXPECT_EQ(child.wait(), 0) << err();
  for (const char* part : {"what happens, under \"sessions\"", "sessions lost", "which strategy people would prefer",
                           "  random ", "what this answer does not know"}) {
    EXPECT_THAT(out(), HasSubstr(part));
  }
  const auto results = ResultReader::open(file("asked.sqlite"));
  ASSERT_TRUE(results.has_value()) << results.error();
  EXPECT_FALSE(results->runs().empty());
  Child again(start("run " + file("asked.toml") + " --seeds 1"));
  EXPECT_EQ(again.wait(), 0) << err();
  EXPECT_THAT(out(), HasSubstr("20 people"));
  Child why(start("why " + file("asked.sqlite") + " --run sessions/1"));
  EXPECT_EQ(why.wait(), 0) << err();
}

TEST_F(Program, HelpIsOnStandardOutputAndAWrongCommandIsExitTwo) {
  Child help(start("--help"));
  EXPECT_EQ(help.wait(), 0);
  for (const char* command : {"run", "ask", "check", "list", "compare", "why", "dump", "replay"}) {
    EXPECT_THAT(out(), HasSubstr(std::string("\n  ") + command)) << command;
  }
  for (const char* asked : {"why --help", "help why", "run x -h"}) {
    Child one(start(asked));
    EXPECT_EQ(one.wait(), 0) << asked;
    EXPECT_THAT(out(), StartsWith(std::string("usage: homing-sim ") + (asked[0] == 'r' ? "run" : "why")));
    EXPECT_THAT(out(), Not(HasSubstr("replay")));
  }
  Child wrong(start("wyh x"));
  EXPECT_EQ(wrong.wait(), kExitUsage);
  EXPECT_EQ(out(), "");
  EXPECT_THAT(err(), HasSubstr("did you mean why?"));
}

// ---- the first hour

// The commands of the fenced blocks of one section of a page.
std::vector<std::string> commands_of(const std::string& page, const std::string& title) {
  std::istringstream in(page);
  std::vector<std::string> commands;
  bool inside = false;
  bool fenced = false;
  bool shell = false;  // a fence without a language
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) inside = line == "## " + title;
    if (inside && line.starts_with("```")) {
      fenced = !fenced;
      shell = fenced && line == "```";
    } else if (inside && shell && !line.empty()) {
      commands.push_back(line);
    }
  }
  return commands;
}

TEST_F(Program, TheResearchersFirstHourWorksAsItIsWritten) {
  namespace fs = std::filesystem;
  const std::string page = read_file("sim/README.md");
  const auto commands = commands_of(page, "A researcher's first hour");
  ASSERT_GE(commands.size(), 6u);
  // The page's paths, from a folder that may be written.
  fs::create_directory(file("hour"));
  fs::create_directories(file("hour") + "/build/release");
  fs::create_symlink(fs::absolute("scenarios"), file("hour") + "/scenarios");
  fs::create_symlink(fs::path(HOMING_SIM_PROGRAM).parent_path(), file("hour") + "/build/release/bin");
  for (const std::string& command : commands) {
    const std::string line = command.substr(0, command.find("  #"));
    Child child("cd " + file("hour") + " && " + shell(line));
    EXPECT_EQ(child.wait(), 0) << line << "\n" << err();
    EXPECT_THAT(out() + err(), Not(::testing::IsEmpty())) << line;
  }
  // The columns of the pandas snippet.
  const std::string values = read_file(file("hour") + "/lost-csv/v_values.csv");
  for (const char* column : {"metric", "unit", "strategy_name", "run_seed", "value"}) {
    EXPECT_THAT(page, HasSubstr(std::string("\"") + column + "\""));
    EXPECT_THAT(values.substr(0, values.find('\n')), HasSubstr(column));
  }
}

}  // namespace
}  // namespace homing::sim
