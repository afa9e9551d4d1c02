// SPDX-License-Identifier: Apache-2.0
//
// homing-swarm: many seeds on all given threads, with progress; stops at the first violation, makes it smaller and
// prints the command that shows it again.
//
//   homing-swarm --seeds 100000 --jobs 2 --least 100     the full run; fails also when something was met less often
//   homing-swarm --seed 4711                             one seed again
//   homing-swarm --seed 4711 --faults 2 --hurts none --visits 0-40
//   homing-swarm --seed 4711 --print                     its scenario and hurts
//   homing-swarm --seed 4711 --log                       every write of the store
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/swarm/swarm.h"

namespace homing::sim::swarm {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1000;
  unsigned jobs = 2;
  std::uint64_t least = 0;
  double seconds = 0.0;  // stop after; 0: never
  bool one = false;
  bool print = false;
  bool log = false;
  bool quiet = false;
  bool keep_going = false;
  std::string faults = "all";
  std::string hurts = "all";
  std::string visits = "all";
};

void usage() {
  fmt::print(stderr,
             "homing-swarm [--first N] [--seeds N] [--jobs N] [--seconds S] [--least N] [--quiet] [--keep-going]\n"
             "homing-swarm --seed N [--faults LIST] [--hurts LIST] [--visits LIST] [--print] [--log]\n");
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--log") {
      options.log = true;
      continue;
    }
    if (word == "--print" || word == "--quiet" || word == "--keep-going") {
      (word == "--print" ? options.print : word == "--quiet" ? options.quiet : options.keep_going) = true;
      continue;
    }
    if (i + 1 >= argc) return false;
    const std::string value = argv[++i];
    const std::uint64_t number = std::strtoull(value.c_str(), nullptr, 10);
    if (word == "--seed") {
      options.first = number;
      options.seeds = 1;
      options.one = true;
    } else if (word == "--first") {
      options.first = number;
    } else if (word == "--seeds") {
      options.seeds = number;
    } else if (word == "--jobs") {
      options.jobs = static_cast<unsigned>(std::max<std::uint64_t>(1, number));
    } else if (word == "--least") {
      options.least = number;
    } else if (word == "--seconds") {
      options.seconds = static_cast<double>(number);
    } else if (word == "--faults") {
      options.faults = value;
    } else if (word == "--hurts") {
      options.hurts = value;
    } else if (word == "--visits") {
      options.visits = value;
    } else {
      return false;
    }
  }
  return true;
}

void print_case(const SwarmCase& swarm_case) {
  fmt::print("{}", swarm_case.text);
  const Tuning& tuning = swarm_case.tuning;
  fmt::print("# user limit {}, queue at most {}, wishes at most {}, accept within {} s, jitter {} ms, without store:",
             tuning.user_limit, tuning.max_queue, tuning.max_wishes, tuning.accept_max / core::seconds(1),
             tuning.store_jitter / core::milliseconds(1));
  for (const auto rule : tuning.without_store) fmt::print(" {}", rule == core::WithoutStore::kKeep ? "keep" : "freeze");
  fmt::print("\n");
  for (std::size_t i = 0; i < swarm_case.plan->faults.size(); ++i) {
    const PlannedFault& fault = swarm_case.plan->faults[i];
    fmt::print("# fault {}: {} from {} s to {} s\n", i, fault.label, fault.start_ns / kSec, fault.end_ns / kSec);
  }
  for (std::size_t i = 0; i < swarm_case.hurts.size(); ++i) {
    const Hurt& hurt = swarm_case.hurts[i];
    fmt::print("# hurt {}: {} of machine {} from {} s to {} s\n", i, to_string(hurt.kind), hurt.machine,
               hurt.begin_ns / kSec, hurt.end_ns / kSec);
  }
}

int one_seed(const Options& options) {
  const SwarmCase whole = draw_case(options.first);
  Kept kept = keep_all(whole);
  if (!parse_kept(options.faults, options.hurts, options.visits, kept)) {
    fmt::print(stderr, "homing-swarm: --faults, --hurts and --visits take \"all\", \"none\" or e.g. 0,2-5\n");
    return 2;
  }
  const bool reduced_case = options.faults != "all" || options.hurts != "all" || options.visits != "all";
  const SwarmCase swarm_case = reduced_case ? reduced(whole, kept) : whole;
  if (options.print) {
    print_case(swarm_case);
    return 0;
  }
  Coverage coverage;
  const Outcome outcome =
      reduced_case || options.log ? run_case(swarm_case, coverage, options.log) : run_seed(options.first, coverage);
  if (!outcome.violation) {
    fmt::print("seed {}: no violation ({} events, fingerprint {:016x})\n", options.first, outcome.events,
               outcome.fingerprint);
    return 0;
  }
  fmt::print("seed {}: {} at {:.3f} s: {}\n", options.first, outcome.violation->checker,
             static_cast<double>(outcome.violation->at_ns) * 1e-9, outcome.violation->text);
  return 1;
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options), next_(options.first) {}

  int go() {
    begun_ = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (unsigned job = 0; job < options_.jobs; ++job) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    return report();
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count(); }

  void work() {
    Coverage coverage;
    std::uint64_t events = 0;
    while (!stop_) {
      const std::uint64_t seed = next_++;
      if (seed >= options_.first + options_.seeds) break;
      if (options_.seconds > 0 && elapsed() > options_.seconds) break;
      const Outcome outcome = run_seed(seed, coverage);
      events += outcome.events;
      const std::uint64_t done = ++done_;
      const std::scoped_lock lock(mutex_);
      if (outcome.violation) {
        if (!options_.keep_going) stop_ = true;
        violations_.emplace_back(seed, *outcome.violation);
        fmt::print("seed {}: {} at {:.3f} s: {}\n", seed, outcome.violation->checker,
                   static_cast<double>(outcome.violation->at_ns) * 1e-9, outcome.violation->text);
        std::fflush(stdout);
      }
      if (!options_.quiet && elapsed() > shown_ + 10) {
        shown_ = elapsed();
        fmt::print(stderr, "{} of {} seeds, {:.1f} ms each, {:.0f} s left\n", done, options_.seeds,
                   elapsed() * 1e3 / static_cast<double>(done),
                   elapsed() / static_cast<double>(done) * static_cast<double>(options_.seeds - done));
      }
    }
    const std::scoped_lock lock(mutex_);
    coverage_.add(coverage);
    events_ += events;
  }

  int report() {
    coverage_.expect_all();
    const std::uint64_t done = done_;
    if (!options_.quiet) fmt::print("{}", coverage_.table(options_.least));
    fmt::print("{} seeds, {} violations, {:.1f} s, {:.1f} ms a seed, {:.2f} million events a second\n", done,
               violations_.size(), elapsed(),
               elapsed() * 1e3 * options_.jobs / static_cast<double>(std::max<std::uint64_t>(1, done)),
               static_cast<double>(events_) / elapsed() * 1e-6);
    if (!violations_.empty()) {
      const auto& [seed, violation] = *std::min_element(violations_.begin(), violations_.end(),
                                                        [](const auto& a, const auto& b) { return a.first < b.first; });
      fmt::print("first violation: seed {} ({}): {}\n", seed, violation.checker, violation.text);
      fmt::print("again: homing-swarm --seed {}\n", seed);
      if (violation.checker != "restore" && !options_.quiet) {
        fmt::print("smaller: homing-swarm --seed {} {}\n", seed, kept_text(shrink(draw_case(seed), violation.checker)));
      }
      return 1;
    }
    const std::string missing = options_.least > 0 ? coverage_.missing(options_.least) : "";
    if (!missing.empty()) {
      fmt::print("met less than {} times:\n{}", options_.least, missing);
      return 3;
    }
    return 0;
  }

  const Options& options_;
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::chrono::steady_clock::time_point begun_;
  std::mutex mutex_;
  double shown_ = 0.0;
  Coverage coverage_;
  std::uint64_t events_ = 0;
  std::vector<std::pair<std::uint64_t, Violation>> violations_;
};

}  // namespace
}  // namespace homing::sim::swarm

int main(int argc, char** argv) {
  namespace swarm = homing::sim::swarm;
  swarm::Options options;
  if (!swarm::parse(argc, argv, options)) {
    swarm::usage();
    return 2;
  }
  return options.one ? swarm::one_seed(options) : swarm::Run(options).go();
}
