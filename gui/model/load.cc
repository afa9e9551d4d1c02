// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/load.h"

#include <QFileInfo>
#include <QMetaObject>
#include <algorithm>
#include <utility>
#include <vector>

#include "gui/model/summary.h"
#include "sim/results.h"
#include "sim/verdict.h"

namespace homing::gui {
namespace {

constexpr double kNanosPerSecond = 1e9;

QString text(const std::string& utf8) {
  return QString::fromStdString(utf8);
}

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / kNanosPerSecond;
}

QString direction(sim::Better better) {
  switch (better) {
    case sim::Better::kLower:
      return QStringLiteral("lower");
    case sim::Better::kHigher:
      return QStringLiteral("higher");
    case sim::Better::kNeither:
      break;
  }
  return QStringLiteral("neither");
}

Tone tone_of(sim::Verdict verdict) {
  switch (verdict) {
    case sim::Verdict::kBetter:
      return Tone::kBetter;
    case sim::Verdict::kWorse:
      return Tone::kWorse;
    case sim::Verdict::kIdentical:
    case sim::Verdict::kNoDifferenceThatMatters:
      return Tone::kSame;
    case sim::Verdict::kTooFewRuns:
      break;
  }
  return Tone::kUnknown;
}

// What the command line says in brackets after the word.
QString remark_on(const sim::Judgement& judgement) {
  if (judgement.method == sim::Method::kSignTest) return QStringLiteral("sign test");
  if (judgement.verdict != sim::Verdict::kTooFewRuns) return {};
  const auto look = sim::next_look(judgement.summary.n);
  return look ? QStringLiteral("look again at %1").arg(*look) : QStringLiteral("80 is the last look");
}

Cell compared_cell(const sim::Comparison& row) {
  const sim::Judgement& judgement = row.judgement;
  Cell cell{.defined = judgement.summary.n > 0,
            .mean = row.mean,
            .difference = judgement.summary.mean,
            .n = judgement.summary.n,
            .word = QString::fromLatin1(sim::words(judgement.verdict)),
            .remark = remark_on(judgement),
            .tone = tone_of(judgement.verdict)};
  if (judgement.interval) {
    cell.has_interval = true;
    cell.low = judgement.interval->low;
    cell.high = judgement.interval->high;
  }
  return cell;
}

// Puts the cells of all strategies in place; the answer is empty, or why the runs cannot be compared.
QString fill_cells(const sim::ResultReader& reader, const sim::ScenarioRow& row,
                   const std::vector<const sim::MetricRow*>& shown, ScenarioView& view) {
  const auto compared = sim::compare_strategies(row, reader.metric_rows(), reader.runs(), row.baseline);
  for (StrategyView& strategy : view.strategies) {
    strategy.cells.fill(Cell{.word = QStringLiteral("not compared")}, static_cast<qsizetype>(shown.size()));
  }
  if (!compared) return text(compared.error().text);
  const auto measure_of = [&](int metric) {
    return static_cast<qsizetype>(std::ranges::find(shown, metric, &sim::MetricRow::id) - shown.begin());
  };
  const auto strategy_of = [&](int strategy) {
    return static_cast<qsizetype>(std::ranges::find(row.strategies, strategy, &sim::StrategyRow::id) -
                                  row.strategies.begin());
  };
  for (const sim::BaselineMean& mean : compared->baseline_means) {
    const qsizetype measure = measure_of(mean.metric);
    const qsizetype strategy = strategy_of(compared->baseline);
    if (measure >= view.measures.size() || strategy >= view.strategies.size()) continue;
    view.strategies[strategy].cells[measure] = {.defined = mean.n > 0,
                                                .mean = mean.mean,
                                                .n = mean.n,
                                                .word = QStringLiteral("baseline"),
                                                .tone = Tone::kBaseline};
  }
  for (const sim::Comparison& comparison : compared->rows) {
    const qsizetype measure = measure_of(comparison.metric);
    const qsizetype strategy = strategy_of(comparison.strategy);
    if (measure >= view.measures.size() || strategy >= view.strategies.size()) continue;
    view.strategies[strategy].cells[measure] = compared_cell(comparison);
  }
  return {};
}

NodeSeries node_series(const sim::Series& series, const sim::ScenarioRow& row) {
  NodeSeries made;
  const auto node = std::ranges::find(row.nodes, series.node, &sim::NodeRow::id);
  made.node = node == row.nodes.end() ? QStringLiteral("node %1").arg(series.node) : text(node->name);
  made.bucket_s = seconds(series.bucket_ns);
  made.buckets.reserve(static_cast<qsizetype>(series.buckets.size()));
  for (const sim::Bucket& bucket : series.buckets)
    made.buckets.append({bucket.min, bucket.mean, bucket.max, bucket.last});
  return made;
}

FaultBand fault_band(const sim::FaultRecord& fault, const sim::ScenarioRow& row) {
  const auto node = std::ranges::find(row.nodes, fault.node, &sim::NodeRow::id);
  return {.kind = text(fault.kind),
          .node = node == row.nodes.end() ? QString() : text(node->name),
          .label = text(fault.label),
          .begin_s = seconds(fault.start_ns),
          .end_s = seconds(fault.end_ns.value_or(row.horizon_ns))};
}

// Series and faults of the first run of this strategy that recorded any.
std::expected<void, QString> fill_series(const sim::ResultReader& reader, const sim::ScenarioRow& row, int strategy,
                                         StrategyView& view) {
  std::vector<const sim::RunRow*> runs;
  for (const sim::RunRow& run : reader.runs()) {
    if (run.scenario == row.id && run.strategy == strategy) runs.push_back(&run);
  }
  std::ranges::sort(runs, {}, &sim::RunRow::seed);
  for (const sim::RunRow* run : runs) {
    const auto series = reader.series(run->id, "sessions");
    if (!series) return std::unexpected(text(series.error()));
    for (const sim::Series& one : *series) {
      if (one.node >= 0) view.nodes.append(node_series(one, row));
    }
    if (view.nodes.isEmpty()) continue;
    view.shown_seed = run->seed;
    const auto faults = reader.faults(run->id);
    if (!faults) return std::unexpected(text(faults.error()));
    for (const sim::FaultRecord& fault : *faults) view.faults.append(fault_band(fault, row));
    break;
  }
  return {};
}

int seeds_of(const sim::ResultReader& reader, int scenario) {
  std::vector<std::uint64_t> seeds;
  for (const sim::RunRow& run : reader.runs()) {
    if (run.scenario == scenario) seeds.push_back(run.seed);
  }
  std::ranges::sort(seeds);
  return static_cast<int>(std::ranges::unique(seeds).begin() - seeds.begin());
}

std::expected<ScenarioView, QString> scenario_view(const sim::ResultReader& reader, const sim::ScenarioRow& row) {
  ScenarioView view;
  view.name = text(row.name);
  view.title = text(row.title);
  view.start_s = seconds(row.start_ns);
  view.horizon_s = seconds(row.horizon_ns);
  view.node_count = static_cast<int>(row.nodes.size());
  view.seeds = seeds_of(reader, row.id);
  std::vector<const sim::MetricRow*> shown;
  for (const sim::MetricRow& metric : reader.metric_rows()) {
    if (!metric.info.headline) continue;
    shown.push_back(&metric);
    view.measures.append({.name = text(metric.info.name),
                          .label = text(metric.info.label),
                          .unit = text(metric.info.unit),
                          .better = direction(metric.info.better),
                          .description = text(metric.info.description),
                          .margin = sim::margin_of(row, metric)});
  }
  for (const sim::StrategyRow& strategy : row.strategies) {
    StrategyView made;
    made.name = text(strategy.name);
    made.is_baseline = strategy.id == row.baseline;
    if (made.is_baseline) view.baseline = made.name;
    const auto filled = fill_series(reader, row, strategy.id, made);
    if (!filled) return std::unexpected(filled.error());
    view.strategies.append(made);
  }
  const QString why_not = fill_cells(reader, row, shown, view);
  view.sentence = why_not.isEmpty() ? summary_html(view) : why_not.toHtmlEscaped();
  return view;
}

}  // namespace

std::expected<Document, QString> load_document(const QString& file) {
  if (!QFileInfo(file).isFile()) {
    return std::unexpected(
        QStringLiteral("%1: there is no such file; make one with homing-sim run SCENARIO --out %1").arg(file));
  }
  const auto reader = sim::ResultReader::open(file.toStdString());
  if (!reader) return std::unexpected(text(reader.error()));
  if (reader->runs().empty()) {
    return std::unexpected(
        QStringLiteral("%1: it holds no finished run; run homing-sim run SCENARIO --out FILE to its end first")
            .arg(file));
  }
  Document document;
  document.file = file;
  for (const sim::ScenarioRow& row : reader->scenarios()) {
    const auto view = scenario_view(*reader, row);
    if (!view) return std::unexpected(view.error());
    document.scenarios.append(*view);
  }
  return document;
}

LoadJob::LoadJob(const QString& file, Done done) : receiver_(std::make_unique<QObject>()) {
  thread_ = std::jthread([file, done = std::move(done), receiver = receiver_.get()] {
    QMetaObject::invokeMethod(receiver, [answer = load_document(file), done] { done(answer); }, Qt::QueuedConnection);
  });
}

LoadJob::~LoadJob() = default;

}  // namespace homing::gui
