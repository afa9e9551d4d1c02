// SPDX-License-Identifier: GPL-3.0-only
#include "gui/pages/comparison_page.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/charts/palette.h"
#include "gui/charts/sessions_panel.h"
#include "gui/model/comparison_model.h"
#include "gui/model/decimate.h"
#include "gui/model/summary.h"
#include "gui/model/wording.h"
#include "gui/pages/comparison_delegate.h"

namespace homing::gui {
namespace {

constexpr int kSide = 40;
constexpr int kGutter = 28;
constexpr int kNameColumn = 190;
constexpr int kNarrowPanel = 370;  // width of a panel where three stand beside each other in a picture

QLabel* make_label(const QString& text, int pixels, bool bold, QRgb color) {
  auto* label = new QLabel(text);
  label->setFont(palette::font(pixels, bold));
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  QPalette colors = label->palette();
  colors.setColor(QPalette::WindowText, QColor::fromRgb(color));
  label->setPalette(colors);
  return label;
}

// A patch of a band's tint and hatching, for the legend.
class Swatch final : public QWidget {
 public:
  explicit Swatch(QString kind) : kind_(std::move(kind)) { setFixedSize(26, 13); }

 protected:
  void paintEvent(QPaintEvent* /*event*/) override {
    QPainter painter(this);
    painter.fillRect(rect(), palette::band_tint(kind_));
    painter.fillRect(rect(), palette::band_hatch(kind_));
  }

 private:
  QString kind_;
};

QString hours_text(double seconds) {
  const double hours = seconds / 3600;
  if (hours < 1) return QStringLiteral("%1 min").arg(number_text(seconds / 60, 0));
  return QStringLiteral("%1 h").arg(QString::number(hours));
}

// What to do about "too few runs": the remark of the first cell that has that word.
QString look_again(const ScenarioView& scenario) {
  for (const StrategyView& strategy : scenario.strategies) {
    for (const Cell& cell : strategy.cells) {
      if (cell.tone == Tone::kUnknown && !cell.remark.isEmpty()) return cell.remark;
    }
  }
  return {};
}

QString plural(int count, const QString& noun) {
  return QStringLiteral("%1 %2%3").arg(count).arg(noun, count == 1 ? QString() : QStringLiteral("s"));
}

}  // namespace

ComparisonPage::ComparisonPage(const ScenarioView& scenario, QWidget* parent)
    : QWidget(parent), scenario_(scenario), model_(new ComparisonModel(scenario, this)) {
  setAutoFillBackground(true);
  QPalette colors = palette();
  colors.setColor(QPalette::Window, QColor::fromRgb(palette::kPaper));
  colors.setColor(QPalette::Base, QColor::fromRgb(palette::kPaper));
  setPalette(colors);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(kSide, 32, kSide, 28);
  layout->setSpacing(0);
  layout->addWidget(make_heading());
  layout->addSpacing(22);
  layout->addWidget(make_table());
  layout->addSpacing(30);
  layout->addWidget(make_legend());
  layout->addSpacing(14);
  layout->addWidget(make_panels(), 1);
  layout->addSpacing(10);
  layout->addWidget(make_footer());
  setAccessibleName(scenario_.title);
  setAccessibleDescription(plain_text(scenario_.sentence));
}

QWidget* ComparisonPage::make_heading() {
  auto* box = new QWidget;
  auto* layout = new QVBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(6);
  QStringList facts = {scenario_.name, plural(scenario_.node_count, QStringLiteral("node")),
                       hours_text(scenario_.horizon_s),
                       plural(static_cast<int>(scenario_.strategies.size()), QStringLiteral("strategy")),
                       plural(scenario_.seeds, QStringLiteral("seed"))};
  facts.replaceInStrings(QStringLiteral("strategys"), QStringLiteral("strategies"));
  layout->addWidget(make_label(facts.join(QStringLiteral("   ·   ")), 12, false, palette::kQuiet));
  layout->addWidget(make_label(scenario_.title, 26, true, palette::kInk));
  layout->addSpacing(2);
  QLabel* sentence = make_label(scenario_.sentence, 15, false, palette::kText);
  sentence->setTextFormat(Qt::RichText);
  layout->addWidget(sentence);
  return box;
}

QWidget* ComparisonPage::make_table() {
  auto* box = new QWidget;
  auto* layout = new QVBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(8);
  auto* table = new QTableView;
  table->setModel(model_);
  table->setItemDelegate(new ComparisonDelegate(model_, table));
  table->setHorizontalHeader(new ComparisonHeader(model_, table));
  table->verticalHeader()->hide();
  table->setShowGrid(false);
  table->setFrameShape(QFrame::NoFrame);
  table->setSelectionMode(QAbstractItemView::NoSelection);
  table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  table->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  table->setFocusPolicy(Qt::TabFocus);
  table->setAccessibleName(QStringLiteral("Comparison of strategies"));
  table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Fixed);
  table->horizontalHeader()->resizeSection(0, kNameColumn);
  int height = table->horizontalHeader()->sizeHint().height();
  for (int row = 0; row < model_->rowCount(); ++row) {
    const int row_height = table->itemDelegate()->sizeHint({}, model_->index(row, 0)).height();
    table->verticalHeader()->resizeSection(row, row_height);
    height += row_height;
  }
  table->setFixedHeight(height);
  layout->addWidget(table);
  QString note =
      QStringLiteral(
          "Bold: mean over the seeds. Below it: difference to %1, paired by seed, with simultaneous 95 % interval. "
          "Grey strip: differences within the margin, too small to matter.")
          .arg(scenario_.baseline);
  const QString hint = look_again(scenario_);
  if (!hint.isEmpty()) note += QStringLiteral(" Too few runs: %1.").arg(hint);
  layout->addWidget(make_label(note, 11, false, palette::kQuiet));
  return box;
}

QWidget* ComparisonPage::make_legend() {
  auto* box = new QWidget;
  auto* layout = new QHBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(8);
  QLabel* title = make_label(QStringLiteral("Sessions on each node over time"), 16, true, palette::kInk);
  title->setWordWrap(false);
  layout->addWidget(title);
  layout->addStretch(1);
  QStringList kinds;
  for (const StrategyView& strategy : scenario_.strategies) {
    for (const FaultBand& fault : strategy.faults) {
      if (!kinds.contains(fault.kind)) kinds.append(fault.kind);
    }
  }
  for (const QString& kind : kinds) {
    layout->addSpacing(10);
    layout->addWidget(new Swatch(kind));
    QLabel* meaning = make_label(palette::band_meaning(kind), 11, false, palette::kQuiet);
    meaning->setWordWrap(false);
    layout->addWidget(meaning);
  }
  return box;
}

QWidget* ComparisonPage::make_panels() {
  auto* box = new QWidget;
  auto* grid = new QGridLayout(box);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setHorizontalSpacing(kGutter);
  grid->setVerticalSpacing(18);
  const int count = static_cast<int>(scenario_.strategies.size());
  const int columns = count <= 3 ? std::max(1, count) : (count == 4 ? 2 : 3);
  const double top = largest_value(scenario_);
  const QFontMetrics metrics(palette::font(11));
  const bool long_lines = std::ranges::any_of(scenario_.strategies, [&](const StrategyView& strategy) {
    return metrics.horizontalAdvance(strategy_line(scenario_, strategy)) > kNarrowPanel;
  });
  for (int i = 0; i < count; ++i) {
    auto* panel = new SessionsPanel(scenario_, scenario_.strategies[i], top);
    connect(panel, &SessionsPanel::hovered, this, [this](double t_s) {
      if (!locked_) set_cursor(t_s);
    });
    connect(panel, &SessionsPanel::left, this, [this] {
      if (!locked_) set_cursor(std::nullopt);
    });
    connect(panel, &SessionsPanel::clicked, this, [this](double t_s) {
      set_cursor(t_s);
      set_locked(!locked_);
    });
    panel->set_subtitle_lines(long_lines ? 2 : 1);
    panels_.append(panel);
    grid->addWidget(panel, i / columns, i % columns);
  }
  for (int column = 0; column < columns; ++column) grid->setColumnStretch(column, 1);
  return box;
}

QWidget* ComparisonPage::make_footer() {
  const quint64 seed = scenario_.strategies.isEmpty() ? 0 : scenario_.strategies.first().shown_seed;
  return make_label(
      QStringLiteral("Lines show seed %1, the same people and faults under every strategy; all panels share "
                     "their axes. Hours are local time of the scenario. The table uses all %2.")
          .arg(seed)
          .arg(plural(scenario_.seeds, QStringLiteral("seed"))),
      11, false, palette::kQuiet);
}

void ComparisonPage::set_cursor(std::optional<double> t_s) {
  if (t_s) t_s = std::clamp(*t_s, 0.0, scenario_.horizon_s);
  if (t_s == cursor_) return;
  cursor_ = t_s;
  for (SessionsPanel* panel : panels_) panel->set_cursor(t_s);
  Q_EMIT cursor_moved(t_s ? clock_text(scenario_.start_s, std::floor(*t_s), true) : QString());
}

void ComparisonPage::step_cursor(int buckets) {
  double bucket_s = scenario_.horizon_s / 100;
  for (const StrategyView& strategy : scenario_.strategies) {
    if (!strategy.nodes.isEmpty()) bucket_s = strategy.nodes.first().bucket_s;
  }
  set_cursor(cursor_ ? *cursor_ + buckets * bucket_s : bucket_s / 2);
}

void ComparisonPage::set_locked(bool locked) {
  locked_ = locked;
}

}  // namespace homing::gui
