// SPDX-License-Identifier: GPL-3.0-only
//
// What the dashboard shows, as plain values: one Document per results file, one ScenarioView per scenario in it.
//
// The intuition: the reader and the statistics of homing::sim are asked once, in a worker; what they answer is copied
// into these values, and pages only render them. No number of a comparison is computed here: means, differences,
// intervals and verdict words are quoted from sim/verdict.h, so that the command line and the dashboard cannot
// disagree.
//
// Invariants: every StrategyView has one Cell per measure, in the order of ScenarioView::measures; times are seconds of
// simulated time since the scenario's start; buckets hold four NaNs where nothing was observed (missing is not zero).
// Thread class: values; thread-compatible.
#pragma once

#include <QList>
#include <QString>

namespace homing::gui {

/// One time bucket of a series, as recorded by the simulator.
struct Bucket {
  double min = 0;
  double mean = 0;
  double max = 0;
  double last = 0;
};

/// A quantity of one node over time; bucket i covers [i, i + 1) * bucket_s.
struct NodeSeries {
  QString node;
  double bucket_s = 60;
  QList<Bucket> buckets;
};

/// A fault that is drawn as a band behind the data, from begin_s to end_s.
struct FaultBand {
  QString kind;   ///< "crash", "drain"
  QString node;   ///< empty when it is not one node
  QString label;  ///< "n3 crash"
  double begin_s = 0;
  double end_s = 0;
};

struct Measure {
  QString name;   ///< "sessions-lost"
  QString label;  ///< "sessions lost"
  QString unit;   ///< "sessions", "user-minutes", "s", "1"
  QString better = QStringLiteral("lower");
  QString description;
  double margin = 0;  ///< the smallest difference that matters, in `unit`
};

/// How a cell may be coloured. The word comes first; the tone only repeats it.
enum class Tone { kBaseline, kBetter, kWorse, kSame, kUnknown };

/// One strategy and one measure, compared with the baseline.
struct Cell {
  bool defined = false;       ///< false: no run has this measure
  bool has_interval = false;  ///< false for the baseline and when n is too small for an interval
  double mean = 0;
  double difference = 0;
  double low = 0;  ///< simultaneous 95 % interval of the difference
  double high = 0;
  int n = 0;            ///< pairs (for the baseline: runs)
  QString word = {};    ///< the verdict, in sim's words; "baseline" for the baseline
  QString remark = {};  ///< "look again at 20", "sign test"; mostly empty
  Tone tone = Tone::kUnknown;
};

struct StrategyView {
  QString name;
  bool is_baseline = false;
  QList<Cell> cells;
  QList<NodeSeries> nodes;  ///< sessions per node, of the seed that was recorded
  QList<FaultBand> faults;  ///< of the same run
  quint64 shown_seed = 0;
};

struct ScenarioView {
  QString name;
  QString title;
  QString baseline;
  QString sentence;    ///< who is best for what, in plain words; names in <b>
  double start_s = 0;  ///< local time of the scenario's start, seconds since Monday 00:00
  double horizon_s = 0;
  int seeds = 0;
  int node_count = 0;
  QList<Measure> measures;
  QList<StrategyView> strategies;
};

struct Document {
  QString file;
  QList<ScenarioView> scenarios;
};

}  // namespace homing::gui
