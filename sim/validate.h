// SPDX-License-Identifier: Apache-2.0
//
// validate: the simulator, with the production core in it, against what is known exactly.
//
// A row of the table is one small world with a known answer. Its replications are independent runs: as many for each of
// three fixed seeds. What a replication yields is a few numbers; a quantity of the row is estimated from the numbers of
// all replications and compared with its prediction.
//
//   asserted   the prediction is exact, or was found by another simulator with a stated error; then it agrees when the
//              difference is at most four standard errors, both errors combined, and the estimate counts only when its
//              relative standard error is at most 1 % (3 % for variances). Orderings ("this is above that") are
//              asserted when four standard errors say so.
//   shown      the prediction is a limit (infinitely many nodes) or has no stated error: printed beside, nothing said.
//
// A comparison that cannot fail proves nothing, so a mutation runs the row with its rate 5 % too high and too low and
// requires that it fails. Standard errors come from statistics.h, the same code as the verdicts'.
// Thread class: run_validation is called by one thread; rows' functions run on worker threads and share nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace homing::sim {

struct Estimate {
  double value = 0.0;
  double standard_error = 0.0;
};

// How a quantity is made of the numbers of the replications.
enum class Reads {
  kMean,      // mean of number `first`
  kVariance,  // `second` is a mean square, `first` the mean that goes with it: variance about the mean of all
  kRatio,     // sum of `first` / sum of `second`
};

enum class Check {
  kMean,      // 1 % and four standard errors
  kVariance,  // 3 % and four standard errors
  kIdentity,  // equal up to rounding, in every replication
  kAbove,     // the estimate lies above the prediction, by four standard errors
  kBelow,
  kShown,
};

struct Quantity {
  std::string name;
  double predicted = 0.0;
  double own_error = 0.0;  // standard error of the prediction, where it was found by simulation
  Check check = Check::kMean;
  Reads reads = Reads::kMean;
  int first = 0;
  int second = 0;
};

struct Row {
  std::string name;     // "mm1-ps-50"
  std::string section;  // of the list in VALIDATION.md: "one queue"
  std::string title;
  std::string formula;
  std::string source;
  int quick = 0;          // replications for each of the three seeds in `validate --quick`; 0: not in it
  int replications = 20;  // the same otherwise
  bool mutates = true;    // has a rate whose error must be noticed
  std::function<std::vector<Quantity>()> predict;
  // One replication with its rate times `off`: the numbers that quantities read. A function of its arguments.
  std::function<std::vector<double>(std::uint64_t seed, double off)> replicate;
};

// What simulation.md-style lists of closed forms have and this simulator does not run, and why.
struct Uncovered {
  std::string section;
  std::string title;
  std::string reason;
};

inline constexpr std::uint64_t kValidationSeeds[] = {1, 2, 3};

std::vector<Row> validation_rows();
std::vector<Uncovered> uncovered_rows();

// ---- results
// ---------------------------------------------------------------------------------------------------------

enum class Agreement { kAgrees, kDiffers, kImprecise, kShown };
const char* words(Agreement agreement);  // "agrees", "differs", "not precise enough", "shown only"

struct QuantityResult {
  Quantity quantity;
  Estimate found;
  std::vector<Estimate> by_seed;
  Agreement agreement = Agreement::kShown;
};

struct MutationResult {
  double off = 1.0;
  bool noticed = false;
  std::string by;  // the first quantity that differs
};

struct RowResult {
  std::string name;
  std::vector<QuantityResult> quantities;
  std::vector<MutationResult> mutations;
  int replications = 0;
  bool good() const;
};

struct ValidationOptions {
  int jobs = 1;
  bool quick = false;
  bool mutate = false;
  std::string only{};  // rows whose name contains it
  // Called a few times a second by the calling thread: share of the replications done, the row under way. False: stop.
  std::function<bool(double fraction, const std::string& row)> pulse{};
  // A row is finished; called in the order of the rows by the calling thread.
  std::function<void(const Row&, const RowResult&)> done{};
};

struct ValidationResult {
  std::vector<RowResult> rows;
  bool interrupted = false;
  bool good() const;
};

// Runs the rows that `options` choose out of `rows`.
ValidationResult run_validation(const std::vector<Row>& rows, const ValidationOptions& options);

// ---- parts, for tests
// ------------------------------------------------------------------------------------------------

// replications x numbers.
using Numbers = std::vector<std::vector<double>>;
Estimate estimate(const Quantity& quantity, const Numbers& numbers);
Agreement compare(const Quantity& quantity, const Estimate& found);

}  // namespace homing::sim
