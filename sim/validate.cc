// SPDX-License-Identifier: Apache-2.0
#include "sim/validate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "router/core/check.h"
#include "sim/statistics.h"

namespace homing::sim {
namespace {

constexpr auto kPulse = std::chrono::milliseconds(200);
constexpr double kErrors = 4.0;
constexpr double kMeanPrecision = 0.01;
constexpr double kVariancePrecision = 0.03;
constexpr double kRounding = 1e-9;
constexpr double kMutations[] = {1.05, 0.95};
constexpr int kSeeds = 3;

std::vector<double> column(const Numbers& numbers, int place) {
  std::vector<double> values;
  values.reserve(numbers.size());
  for (const auto& row : numbers) values.push_back(row[static_cast<std::size_t>(place)]);
  return values;
}

Estimate of(const std::vector<double>& values) {
  const PairedSummary summary = summarise(values);
  return {summary.mean, summary.standard_error};
}

// One row under one error of its rate; tasks are its replications.
struct Part {
  std::size_t row = 0;
  double off = 1.0;
  int replications = 0;  // of each seed
  Numbers numbers;
  int left = 0;
};

class Validation {
 public:
  Validation(const std::vector<Row>& rows, const ValidationOptions& options) : rows_(rows), options_(options) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Row& row = rows[i];
      if (options.quick && row.quick == 0) continue;
      if (!options.only.empty() && row.name.find(options.only) == std::string::npos) continue;
      chosen_.push_back(i);
      add_part(i, 1.0);
      if (!options.mutate || !row.mutates) continue;
      for (const double off : kMutations) add_part(i, off);
    }
  }

  ValidationResult run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < std::max(1, options_.jobs); ++i) threads.emplace_back([this] { work(); });
    ValidationResult result;
    std::size_t part = 0;
    for (const std::size_t row : chosen_) {
      RowResult found;
      if (!wait_for(part)) break;
      found = judge(part);
      for (++part; part < parts_.size() && parts_[part].row == row; ++part) {
        if (!wait_for(part)) break;
        found.mutations.push_back(mutation(part));
      }
      if (stop_) break;
      if (options_.done) options_.done(rows_[row], found);
      result.rows.push_back(std::move(found));
    }
    for (std::thread& thread : threads) thread.join();
    result.interrupted = stop_;
    return result;
  }

 private:
  void add_part(std::size_t row, double off) {
    Part part;
    part.row = row;
    part.off = off;
    part.replications = options_.quick ? rows_[row].quick : rows_[row].replications;
    part.left = part.replications * kSeeds;
    part.numbers.resize(static_cast<std::size_t>(part.left));
    for (std::size_t task = 0; task < part.numbers.size(); ++task) tasks_.push_back({parts_.size(), task});
    parts_.push_back(std::move(part));
  }

  void work() {
    for (;;) {
      const std::size_t next = next_.fetch_add(1);
      if (next >= tasks_.size() || stop_) return;
      const auto [place, task] = tasks_[next];
      Part& part = parts_[place];
      const auto each = static_cast<std::size_t>(part.replications);
      const std::uint64_t seed = kValidationSeeds[task / each] * 1000 + task % each;
      std::vector<double> numbers = rows_[part.row].replicate(seed, part.off);
      const std::scoped_lock lock(mutex_);
      part.numbers[task] = std::move(numbers);
      --part.left;
      ++finished_;
      changed_.notify_all();
    }
  }

  bool wait_for(std::size_t part) {
    std::unique_lock lock(mutex_);
    while (parts_[part].left > 0) {
      changed_.wait_for(lock, kPulse);
      const double fraction = static_cast<double>(finished_) / static_cast<double>(tasks_.size());
      lock.unlock();
      if (options_.pulse && !options_.pulse(fraction, rows_[parts_[part].row].name)) stop_ = true;
      if (stop_) return false;
      lock.lock();
    }
    return true;
  }

  RowResult judge(std::size_t place) const {
    const Part& part = parts_[place];
    RowResult result;
    result.name = rows_[part.row].name;
    result.replications = part.replications * kSeeds;
    for (const Quantity& quantity : rows_[part.row].predict()) {
      QuantityResult found;
      found.quantity = quantity;
      found.found = estimate(quantity, part.numbers);
      for (int seed = 0; seed < kSeeds; ++seed) {
        const auto from = part.numbers.begin() + seed * part.replications;
        found.by_seed.push_back(estimate(quantity, Numbers(from, from + part.replications)));
      }
      found.agreement = compare(quantity, found.found);
      result.quantities.push_back(std::move(found));
    }
    return result;
  }

  MutationResult mutation(std::size_t place) const {
    const Part& part = parts_[place];
    MutationResult result;
    result.off = part.off;
    for (const Quantity& quantity : rows_[part.row].predict()) {
      if (compare(quantity, estimate(quantity, part.numbers)) != Agreement::kDiffers) continue;
      result.noticed = true;
      result.by = quantity.name;
      break;
    }
    return result;
  }

  struct Task {
    std::size_t part;
    std::size_t number;
  };

  const std::vector<Row>& rows_;
  const ValidationOptions& options_;
  std::vector<std::size_t> chosen_;
  std::vector<Part> parts_;
  std::vector<Task> tasks_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t finished_ = 0;
};

}  // namespace

const char* words(Agreement agreement) {
  switch (agreement) {
    case Agreement::kAgrees:
      return "agrees";
    case Agreement::kDiffers:
      return "differs";
    case Agreement::kImprecise:
      return "not precise enough";
    case Agreement::kShown:
      return "shown only";
  }
  return "";
}

Estimate estimate(const Quantity& quantity, const Numbers& numbers) {
  CHECK(!numbers.empty());
  const std::vector<double> first = column(numbers, quantity.first);
  if (quantity.reads == Reads::kMean) return of(first);
  const std::vector<double> second = column(numbers, quantity.second);
  std::vector<double> values;
  values.reserve(first.size());
  if (quantity.reads == Reads::kVariance) {
    // Around the mean of all runs, so that a run's own wandering mean does not hide variance.
    const double m = of(first).value;
    for (std::size_t i = 0; i < first.size(); ++i) values.push_back(second[i] - 2 * m * first[i] + m * m);
    return of(values);
  }
  // A ratio of sums, its error by linearization (delta method).
  const double below = of(second).value;
  const double ratio = below == 0.0 ? 0.0 : of(first).value / below;
  for (std::size_t i = 0; i < first.size(); ++i) values.push_back((first[i] - ratio * second[i]) / below);
  return {ratio, below == 0.0 ? 0.0 : of(values).standard_error};
}

Agreement compare(const Quantity& quantity, const Estimate& found) {
  const double difference = found.value - quantity.predicted;
  const double error = std::sqrt(found.standard_error * found.standard_error + quantity.own_error * quantity.own_error);
  const auto says = [](bool good) { return good ? Agreement::kAgrees : Agreement::kDiffers; };
  switch (quantity.check) {
    case Check::kShown:
      return Agreement::kShown;
    case Check::kIdentity:
      return says(std::fabs(difference) <= kRounding && found.standard_error <= kRounding);
    case Check::kAbove:
      return says(difference > kErrors * error);
    case Check::kBelow:
      return says(difference < -kErrors * error);
    case Check::kMean:
    case Check::kVariance:
      break;
  }
  // Rounding of sums over a run is no difference.
  if (std::fabs(difference) > kErrors * error + kRounding * std::fabs(quantity.predicted)) return Agreement::kDiffers;
  const double precision = quantity.check == Check::kMean ? kMeanPrecision : kVariancePrecision;
  return found.standard_error <= precision * std::fabs(found.value) ? Agreement::kAgrees : Agreement::kImprecise;
}

bool RowResult::good() const {
  for (const QuantityResult& q : quantities) {
    if (q.agreement == Agreement::kDiffers || q.agreement == Agreement::kImprecise) return false;
  }
  return std::all_of(mutations.begin(), mutations.end(), [](const MutationResult& m) { return m.noticed; });
}

bool ValidationResult::good() const {
  return !interrupted && std::all_of(rows.begin(), rows.end(), [](const RowResult& row) { return row.good(); });
}

ValidationResult run_validation(const std::vector<Row>& rows, const ValidationOptions& options) {
  return Validation(rows, options).run();
}

}  // namespace homing::sim
