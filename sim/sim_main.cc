// SPDX-License-Identifier: Apache-2.0
//
// homing-sim: replays people and sessions over every strategy and every failure, with the production core deciding.
//
// run is here (it needs clocks, signals and a terminal); the rest is in the library. SIGINT, SIGTERM and SIGTSTP are
// blocked in all threads and looked for once a pulse, so no handler and no global is needed: the first SIGINT or
// SIGTERM stops the runs under way, keeps the finished ones and exits with 130; a second one ends the program at once.
// SIGTSTP pauses everything until SIGCONT; the pause counts neither as work nor in the time left. Thread class: main
// thread only.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>
#include <csignal>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "router/base/suggest.h"
#include "sim/ask.h"
#include "sim/commands.h"
#include "sim/experiment.h"
#include "sim/export_csv.h"
#include "sim/looks.h"
#include "sim/progress_line.h"
#include "sim/replay.h"
#include "sim/report.h"
#include "sim/result_sink.h"
#include "sim/scratch_file.h"
#include "sim/sweep.h"
#include "sim/validate_command.h"

namespace homing::sim {
namespace {

constexpr const char* kRunUsage =
    "homing-sim run SCENARIO... [--strategies all|a,b] [--seeds N|auto] [--jobs N] [--out FILE.sqlite [--replace]] "
    "[--progress json|none] [--metrics all|a,b] [-o table|json|csv]";
constexpr const char* kUsage = R"(usage: homing-sim COMMAND ...

  run SCENARIO...        strategies x seeds, compared in words and intervals
      [--strategies all|a,b] [--seeds N|auto] [--jobs N] [--out FILE.sqlite [--replace]]
      [--progress json|none] [--metrics all|a,b] [-o table|json|csv]
  ask --nodes 4x16c64GiB --users N
                         a question without a file, answered in words within seconds
      [--kind NAME|a=0.6,b=0.4] [--lose-node-at 10:00] [--drain-node-at 10:00] [--burst 09:00]
      [--day-shape office|flat] [--memory SIZE] [--heartbeat TIME] [--strategy all|a,b] [--seed N]
      [--within 15s] [--print-scenario FILE] [--out FILE.sqlite [--replace]] [-o table|json]
  check SCENARIO...      is it well formed? [--print]: every value in force and where it comes from
  sweep SCENARIO --list  the points of its grid
  list [FOLDER]          scenarios, strategies, metrics
  compare RESULT [RESULT] [--baseline NAME] [--metrics all|a,b] [-o table|json|csv]
  export RESULT --csv DIR [--replace]   every table and view, with run, parameters and units in each row
  why RESULT             why a session went where it went
      [--run R [--session USER/VISIT|lost|worst [--epoch E] [--instead NODE|runner-up]]]
      [--scenario FILE] [-o table|json]
  dump --canonical RESULT
  validate               the simulator against what is known exactly: predicted, simulated, standard error, verdict
      [--quick] [--mutate] [--only ROW] [--coverage] [--list] [--jobs N] [--progress json|none] [-o table|json]
  replay TRACE [--strategy S] [--from POSITION] [--cut FILE]
  help [COMMAND]         this, or one command; so does --help

exit codes: 0 done, 1 failed, 2 wrong usage or input, 4 refused (not comparable, not the same run), 130 interrupted
)";

struct RunArguments {
  std::vector<std::string> paths;
  std::optional<std::vector<std::string>> strategies;
  std::optional<int> seeds;
  bool looks = false;  // as many seeds as it takes
  int jobs = 0;
  std::string out;
  bool replace = false;
  std::string progress;
  Output output = Output::kTable;
  MetricChoice metrics;
};

int wrong(const std::string& text) {
  std::cerr << "homing-sim: " << text << "; usage: " << kRunUsage << '\n';
  return kExitUsage;
}

std::optional<int> positive(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 100'000) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from <= text.size()) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

// Returns an exit code when the arguments are wrong.
std::optional<int> parse_value(const std::string& option, const std::string& value, RunArguments& arguments) {
  if (option == "--strategies") {
    arguments.strategies = split(value);
  } else if (option == "--seeds") {
    arguments.looks = value == "auto";
    arguments.seeds = arguments.looks ? std::nullopt : positive(value);
    if (!arguments.looks && !arguments.seeds) {
      return wrong(fmt::format("--seeds {} is no count; expected a whole number from 1, or auto", value));
    }
  } else if (option == "--jobs") {
    const auto jobs = positive(value);
    if (!jobs) return wrong(fmt::format("--jobs {} is no count; expected a whole number from 1", value));
    arguments.jobs = *jobs;
  } else if (option == "--out") {
    arguments.out = value;
  } else if (option == "--progress") {
    if (value != "json" && value != "none") return wrong(fmt::format("--progress {}: expected json or none", value));
    arguments.progress = value;
  } else if (option == "--metrics") {
    arguments.metrics = metric_choice(value);
    std::vector<MetricRow> known;
    for (const MetricInfo& info : metrics()) known.push_back({static_cast<int>(known.size()), info});
    if (const auto error = unknown_metric(arguments.metrics, known)) return wrong(*error);
  } else {
    const auto output = output_named(value);
    if (!output) return wrong(fmt::format("-o {}: expected table, json or csv", value));
    arguments.output = *output;
  }
  return std::nullopt;
}

std::optional<int> parse(const std::vector<std::string>& given, RunArguments& arguments) {
  const std::vector<std::string> known = {"--strategies", "--seeds", "--jobs",    "--out",
                                          "--progress",   "-o",      "--replace", "--metrics"};
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string& argument = given[i];
    if (argument == "--replace") {
      arguments.replace = true;
    } else if (!argument.starts_with("-")) {
      arguments.paths.push_back(argument);
    } else if (std::find(known.begin(), known.end(), argument) == known.end()) {
      std::string text = fmt::format("unknown option {}", argument);
      if (const auto near = base::nearest_name(argument, known)) text += fmt::format("; did you mean {}?", *near);
      return wrong(text);
    } else if (i + 1 == given.size()) {
      return wrong(fmt::format("{} needs a value", argument));
    } else if (const auto exit = parse_value(argument, given[++i], arguments)) {
      return exit;
    }
  }
  if (arguments.paths.empty()) return wrong("no scenario is named");
  if (arguments.jobs == 0) arguments.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::nullopt;
}

std::optional<int> load(const RunArguments& arguments, std::vector<Scenario>& scenarios) {
  const ScenarioNames names = known_names();
  bool good = true;
  for (const std::string& path : arguments.paths) {
    ScenariosResult result = load_scenarios(path, names);
    if (!result.ok()) {
      std::cerr << base::render_report(result.diagnostics);
      good = false;
      continue;
    }
    for (Scenario& scenario : result.scenarios) {
      if (arguments.seeds) scenario.seeds = *arguments.seeds;
      if (arguments.strategies) {
        if (const auto error = choose_strategies(scenario, *arguments.strategies, names)) {
          std::cerr << "homing-sim: " << *error << '\n';
          return kExitUsage;
        }
      }
      for (const Scenario& other : scenarios) {
        if (other.name != scenario.name) continue;
        std::cerr << fmt::format("homing-sim: two scenarios are called {}; run them into two files\n", scenario.name);
        return kExitUsage;
      }
      scenarios.push_back(std::move(scenario));
    }
  }
  if (!good) return kExitUsage;
  return std::nullopt;
}

std::int64_t clock_ms(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

HostFacts host_facts() {
  HostFacts facts;
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) == 0) facts.name = name;
  facts.utc = utc_now;
  facts.wall_ms = [] { return clock_ms(CLOCK_MONOTONIC); };
  facts.thread_cpu_ms = [] { return clock_ms(CLOCK_THREAD_CPUTIME_ID); };
  facts.peak_bytes = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
  };
  return facts;
}

// SIGINT, SIGTERM and SIGTSTP, blocked in all threads and looked for at every pulse.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set_, nullptr);
  }

  // True from the first SIGINT or SIGTERM on; a second one ends the program. SIGTSTP stops it here until SIGCONT.
  bool stop_wanted(ProgressLine& line) {
    const timespec none{};
    while (!interrupted_) {
      const int signal = sigtimedwait(&set_, nullptr, &none);
      if (signal <= 0) break;
      if (signal == SIGTSTP) {
        line.pause(clock_ms(CLOCK_MONOTONIC));
        kill(getpid(), SIGSTOP);
        line.resume(clock_ms(CLOCK_MONOTONIC));
        continue;
      }
      interrupted_ = true;
      sigprocmask(SIG_UNBLOCK, &set_, nullptr);
    }
    return interrupted_;
  }
  bool interrupted() const { return interrupted_; }

 private:
  sigset_t set_{};
  bool interrupted_ = false;
};

ProgressMode mode_of(const std::string& asked) {
  if (asked == "json") return ProgressMode::kJson;
  if (asked == "none" || isatty(STDERR_FILENO) == 0) return ProgressMode::kNone;
  return ProgressMode::kLine;
}

int report(const std::string& path, Output output, const MetricChoice& metrics) {
  const auto reader = ResultReader::open(path);
  if (!reader) {
    std::cerr << "homing-sim: " << reader.error() << '\n';
    return kExitFailed;
  }
  const auto reports = build_reports(*reader, std::nullopt, metrics);
  if (!reports) {
    std::cerr << "homing-sim: " << reports.error().text << '\n';
    return reports.error().unpaired ? kExitRefused : kExitFailed;
  }
  std::cout << write_reports(*reports, output) << std::flush;
  return kExitOk;
}

int run_command(const std::vector<std::string>& given) {
  RunArguments arguments;
  if (const auto exit = parse(given, arguments)) return *exit;
  std::vector<Scenario> scenarios;
  if (const auto exit = load(arguments, scenarios)) return *exit;
  const ScratchFile scratch(arguments.out.empty());
  const std::string path = arguments.out.empty() ? scratch.path() : arguments.out;
  std::string command = "homing-sim run";
  for (const std::string& argument : given) command += " " + argument;
  const HostFacts host = host_facts();
  auto writer = ResultWriter::create(
      path, scenarios, {{"host", host.name}, {"command", command}, {"started_utc", utc_now()}}, arguments.replace);
  if (!writer) {
    std::cerr << "homing-sim: " << writer.error() << '\n';
    return kExitUsage;
  }
  Signals signals;  // before the sink's thread begins, which would take them otherwise
  ResultSink sink(std::move(*writer));
  ProgressLine line(mode_of(arguments.progress), std::cerr, clock_ms(CLOCK_MONOTONIC));
  int runs = 0;
  ExperimentOptions options;
  options.jobs = arguments.jobs;
  options.host = host;
  options.done = [&](RunRecord run) { return sink.submit(std::move(run)); };
  options.pulse = [&](const Progress& progress) {
    runs = progress.runs;
    line.show(progress, clock_ms(CLOCK_MONOTONIC));
    return !signals.stop_wanted(line);
  };
  const int finished =
      arguments.looks ? run_in_looks(scenarios, arguments.metrics, options) : run_experiment(scenarios, options);
  const auto written = sink.finish();
  line.finish(clock_ms(CLOCK_MONOTONIC));
  if (!written) {
    std::cerr << "homing-sim: " << written.error() << '\n';
    return kExitFailed;
  }
  int exit = finished > 0 ? report(path, arguments.output, arguments.metrics) : kExitOk;
  if (signals.interrupted()) {
    std::cerr << fmt::format("homing-sim: interrupted; {} of {} runs were finished{}\n", finished, runs,
                             arguments.out.empty() ? "" : " and are kept in " + arguments.out);
    exit = kExitInterrupted;
  }
  return exit;
}

int validate_with_progress(const std::vector<std::string>& arguments) {
  Signals signals;
  ProgressLine no_line(ProgressMode::kNone, std::cerr, clock_ms(CLOCK_MONOTONIC));  // rows have words of their own
  const std::int64_t begun_ms = clock_ms(CLOCK_MONOTONIC);
  std::int64_t shown_ms = begun_ms;
  bool drawn = false;
  const auto pulse = [&](double fraction, const std::string& at, const std::string& mode) {
    const std::int64_t now = clock_ms(CLOCK_MONOTONIC);
    const double seconds = static_cast<double>(now - begun_ms) * 1e-3;
    const double eta = fraction > 0 ? seconds * (1 - fraction) / fraction : 0.0;
    if (now - shown_ms >= 1000 && mode == "json") {
      std::cerr << fmt::format(R"({{"percent":{:.1f},"row":"{}","eta_s":{:.0f}}})", fraction * 100, at, eta)
                << std::endl;
    } else if (now - shown_ms >= 1000 && mode.empty() && isatty(STDERR_FILENO) != 0) {
      std::cerr << fmt::format("\r\033[K{:5.1f} %  {}  {:.0f} s left\r", fraction * 100, at, eta) << std::flush;
      drawn = true;
    }
    if (now - shown_ms >= 1000) shown_ms = now;
    return !signals.stop_wanted(no_line);
  };
  const int exit = validate_command(arguments, std::cout, std::cerr, pulse);
  if (drawn) std::cerr << "\r\033[K" << std::flush;
  return exit;
}

int ask(const std::vector<std::string>& arguments) {
  AskHost host;
  host.facts = host_facts();
  host.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  Signals signals;
  ProgressLine line(mode_of(""), std::cerr, clock_ms(CLOCK_MONOTONIC));
  host.pulse = [&](const Progress& progress) {
    line.show(progress, clock_ms(CLOCK_MONOTONIC));
    return !signals.stop_wanted(line);
  };
  host.settled = [&] { line.finish(clock_ms(CLOCK_MONOTONIC)); };
  return ask_command(arguments, host, std::cout, std::cerr);
}

// What kUsage says of one command: its line and the indented ones below it. Empty: there is no such command.
std::string usage_of(const std::string& command) {
  std::istringstream lines(kUsage);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const bool begins = line.starts_with("  ") && line.size() > 2 && line[2] != ' ';
    if (!text.empty() && (begins || line.empty())) break;
    if (!text.empty() || line.starts_with("  " + command + " "))
      text += line.substr(std::min<std::size_t>(2, line.size())) + "\n";
  }
  return text.empty() ? text : "usage: homing-sim " + text;
}

bool wants_help(const std::vector<std::string>& arguments) {
  return std::find(arguments.begin(), arguments.end(), "--help") != arguments.end() ||
         std::find(arguments.begin(), arguments.end(), "-h") != arguments.end();
}

int dispatch(const std::string& command, const std::vector<std::string>& arguments) {
  const bool help = command == "help" || command == "--help" || command == "-h";
  const std::string about = help && !arguments.empty() ? arguments[0] : command;
  if (wants_help(arguments) || (help && !arguments.empty())) {
    if (const std::string text = usage_of(about); !text.empty()) {
      std::cout << text;
      return kExitOk;
    }
  }
  if (command == "run") return run_command(arguments);
  if (command == "ask") return ask(arguments);
  if (command == "check") return check_command(arguments, std::cout, std::cerr);
  if (command == "sweep") return sweep_command(arguments, std::cout, std::cerr);
  if (command == "list") return list_command(arguments, "scenarios", std::cout, std::cerr);
  if (command == "compare") return compare_command(arguments, std::cout, std::cerr);
  if (command == "export") return export_command(arguments, std::cout, std::cerr);
  if (command == "why") return why_command(arguments, std::cout, std::cerr);
  if (command == "dump") return dump_command(arguments, std::cout, std::cerr);
  if (command == "validate") return validate_with_progress(arguments);
  if (command == "replay") return replay_command(arguments, std::cout, std::cerr);
  if (help && arguments.empty()) {
    std::cout << kUsage;
    return kExitOk;
  }
  const std::vector<std::string> known = {"help",    "run",    "ask", "check", "sweep",  "list",
                                          "compare", "export", "why", "dump",  "replay", "validate"};
  std::cerr << fmt::format("homing-sim: unknown command {}", about);
  if (const auto near = base::nearest_name(about, known)) std::cerr << fmt::format("; did you mean {}?", *near);
  std::cerr << '\n' << kUsage;
  return kExitUsage;
}

}  // namespace
}  // namespace homing::sim

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << homing::sim::kUsage;
    return homing::sim::kExitUsage;
  }
  return homing::sim::dispatch(argv[1], std::vector<std::string>(argv + 2, argv + argc));
}
