// SPDX-License-Identifier: GPL-3.0-only
#include "gui/charts/sessions_panel.h"

#include <QChart>
#include <QChartView>
#include <QGraphicsLayout>
#include <QGraphicsLineItem>
#include <QGraphicsRectItem>
#include <QGraphicsSimpleTextItem>
#include <QLabel>
#include <QLineSeries>
#include <QMouseEvent>
#include <QPainter>
#include <QSet>
#include <QVBoxLayout>
#include <QValueAxis>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "gui/charts/label_layout.h"
#include "gui/charts/palette.h"
#include "gui/model/decimate.h"
#include "gui/model/wording.h"

namespace homing::gui {
namespace {

constexpr double kLeft = 44;    // room for counts and the axis title
constexpr double kTop = 20;     // room for the names on the bands
constexpr double kBottom = 24;  // room for the clock
constexpr double kLeader = 12;
constexpr double kWidestName = 90;
constexpr double kBandDepth = 1.5;
constexpr double kLabelDepth = 6;
constexpr int kViewHeight = 214;
constexpr int kSmall = 10;
constexpr double kHeadroom = 1.04;  // the highest line does not hide in the edge
constexpr double kLabelSpacing = 12;
constexpr int kOversample = 2;  // points for a picture at two pixels per unit

QString cursor_value(const NodeSeries& series, double t_s) {
  const Bucket* bucket = bucket_at(series, t_s);
  if (bucket == nullptr) return QStringLiteral("–");
  const bool whole = bucket->mean >= 100 || std::abs(bucket->mean - std::round(bucket->mean)) < 0.05;
  return number_text(bucket->mean, whole ? 0 : 1);
}

double label_room(const QList<NodeSeries>& nodes) {
  const QFontMetricsF metrics(palette::font(kSmall, true));
  double widest = 0;
  for (const NodeSeries& series : nodes) widest = std::max(widest, metrics.horizontalAdvance(series.node));
  return kLeader + 6 + std::min(widest, kWidestName) + metrics.horizontalAdvance(QStringLiteral(" 888"));
}

const Bucket* last_observed(const NodeSeries& series, double horizon_s) {
  for (double t = horizon_s - series.bucket_s / 2; t >= 0; t -= series.bucket_s) {
    if (const Bucket* bucket = bucket_at(series, t)) return bucket;
  }
  return nullptr;
}

}  // namespace

// The view owns the chart, the overlay items and their layout.
class SessionsPanel::View final : public QChartView {
 public:
  View(SessionsPanel* panel, const ScenarioView& scenario, const StrategyView& strategy, double top)
      : QChartView(panel),
        panel_(panel),
        strategy_(strategy),
        start_s_(scenario.start_s),
        horizon_s_(std::max(1.0, scenario.horizon_s)),
        right_(label_room(strategy.nodes)),
        axis_(count_axis(top * kHeadroom, 7)) {
    for (const FaultBand& fault : strategy_.faults) hit_.insert(fault.node);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setRenderHint(QPainter::Antialiasing);
    setMouseTracking(true);
    setFocusPolicy(Qt::NoFocus);
    setMinimumHeight(kViewHeight);
    make_chart();
  }

  [[nodiscard]] QRectF plot() const {
    return {kLeft, kTop, std::max(10.0, width() - kLeft - right_), std::max(10.0, height() - kTop - kBottom)};
  }
  [[nodiscard]] double x_of(double t_s) const { return plot().left() + t_s / horizon_s_ * plot().width(); }
  [[nodiscard]] double y_of(double value) const { return plot().bottom() - value / axis_.top * plot().height(); }

  [[nodiscard]] QList<QRectF> band_rects() const {
    QList<QRectF> rects;
    for (const FaultBand& fault : strategy_.faults) {
      const double left = x_of(std::clamp(fault.begin_s, 0.0, horizon_s_));
      const double right = x_of(std::clamp(fault.end_s, 0.0, horizon_s_));
      rects.append({left, plot().top(), std::max(1.0, right - left), plot().height()});
    }
    return rects;
  }

  void set_cursor(std::optional<double> t_s) {
    if (t_s == cursor_) return;
    cursor_ = t_s;
    lay_out_line_labels();
    viewport()->update();
  }

 protected:
  void resizeEvent(QResizeEvent* event) override {
    QChartView::resizeEvent(event);
    lay_out();
  }

  void paintEvent(QPaintEvent* event) override {
    QChartView::paintEvent(event);
    if (cursor_) paint_cursor();
  }

  void mouseMoveEvent(QMouseEvent* event) override {
    if (const auto t = time_at(event->position())) Q_EMIT panel_->hovered(*t);
  }
  void mousePressEvent(QMouseEvent* event) override {
    if (const auto t = time_at(event->position())) Q_EMIT panel_->clicked(*t);
  }
  void leaveEvent(QEvent* event) override {
    QChartView::leaveEvent(event);
    Q_EMIT panel_->left();
  }
  // The page scrolls, not the chart.
  void wheelEvent(QWheelEvent* event) override { event->ignore(); }

 private:
  struct Line {
    int node = 0;
    QString name;  // as much of the node's name as there is room for
    QList<QLineSeries*> stretches;
    QGraphicsSimpleTextItem* label = nullptr;
    QGraphicsLineItem* leader = nullptr;
  };

  [[nodiscard]] std::optional<double> time_at(QPointF position) const {
    const double share = (position.x() - plot().left()) / plot().width();
    if (share < 0 || share > 1) return std::nullopt;
    return share * horizon_s_;
  }

  QGraphicsSimpleTextItem* make_text(const QString& text, QRgb color, bool bold = false) {
    auto* item = new QGraphicsSimpleTextItem(text, chart());
    item->setFont(palette::font(kSmall, bold));
    item->setBrush(QColor::fromRgb(color));
    item->setZValue(kLabelDepth);
    return item;
  }

  void make_chart() {
    auto* made = new QChart;
    made->setAnimationOptions(QChart::NoAnimation);
    made->setBackgroundRoundness(0);
    made->setBackgroundPen(Qt::NoPen);
    made->setBackgroundBrush(QColor::fromRgb(palette::kPaper));
    made->setMargins({});
    made->setDropShadowEnabled(false);
    made->legend()->hide();
    QChart* old = chart();
    setChart(made);
    delete old;

    x_axis_ = make_axis(Qt::AlignBottom, horizon_s_);
    y_axis_ = make_axis(Qt::AlignLeft, axis_.top);
    const QList<double> ticks = clock_ticks(start_s_, horizon_s_, 6);
    if (!ticks.isEmpty()) {
      x_axis_->setTickAnchor(ticks.first());
      x_axis_->setTickInterval(ticks.size() > 1 ? ticks[1] - ticks[0] : horizon_s_);
    }
    QString day;
    for (const double t : ticks) {
      const QString with_day = clock_text(start_s_, t, true);
      const bool new_day = with_day.section(QLatin1Char(' '), 0, 0) != day;
      day = with_day.section(QLatin1Char(' '), 0, 0);
      clock_.append({t, make_text(new_day ? with_day : clock_text(start_s_, t, false), palette::kQuiet)});
    }
    y_axis_->setTickAnchor(0);
    y_axis_->setTickInterval(axis_.step);
    for (double value = 0; value <= axis_.top + axis_.step / 2; value += axis_.step) {
      counts_.append({value, make_text(number_text(value, 0), palette::kQuiet)});
    }
    title_ = make_text(QStringLiteral("sessions per node"), palette::kQuiet);
    title_->setRotation(-90);
    make_bands();
    for (int node = 0; node < strategy_.nodes.size(); ++node) make_line(node);
  }

  QValueAxis* make_axis(Qt::Alignment side, double top) {
    auto* axis = new QValueAxis;
    axis->setRange(0, top);
    axis->setTickType(QValueAxis::TicksDynamic);
    axis->setLabelsVisible(false);
    axis->setGridLinePen(QPen(QColor::fromRgb(palette::kGrid), 1));
    axis->setLinePen(QPen(QColor::fromRgb(palette::kRule), 1));
    axis->setLineVisible(side == Qt::AlignBottom);
    chart()->addAxis(axis, side);
    return axis;
  }

  void make_bands() {
    for (const FaultBand& fault : strategy_.faults) {
      QList<QGraphicsRectItem*> layers;
      for (const QBrush& brush : {QBrush(palette::band_tint(fault.kind)), palette::band_hatch(fault.kind)}) {
        auto* item = new QGraphicsRectItem(chart());
        item->setPen(Qt::NoPen);
        item->setBrush(brush);
        item->setZValue(kBandDepth);
        layers.append(item);
      }
      bands_.append(layers);
    }
  }

  void make_line(int node) {
    Line line;
    line.node = node;
    const NodeSeries& series = strategy_.nodes[node];
    const QPen pen = palette::line_pen(node, hit_.contains(series.node));
    for (qsizetype i = 0; i < decimate(series, horizon_s_, 1 << 20).size(); ++i) {
      auto* stretch = new QLineSeries;
      stretch->setPen(pen);
      chart()->addSeries(stretch);
      stretch->attachAxis(x_axis_);
      stretch->attachAxis(y_axis_);
      line.stretches.append(stretch);
    }
    line.leader = new QGraphicsLineItem(chart());
    line.leader->setPen(QPen(palette::line_color(node), 1.6));
    line.leader->setZValue(kLabelDepth);
    const QFontMetricsF metrics(palette::font(kSmall, true));
    line.name = metrics.elidedText(series.node, Qt::ElideMiddle, kWidestName);
    line.label = make_text(line.name, palette::kText, hit_.contains(series.node));
    lines_.append(line);
  }

  void lay_out() {
    chart()->setPlotArea(plot());
    chart()->layout()->invalidate();
    chart()->layout()->activate();  // axes follow now: a picture is painted without another turn of the event loop
    const int columns = std::max(1, static_cast<int>(plot().width()) * kOversample);
    for (const Line& line : lines_) {
      const QList<Stretch> stretches = decimate(strategy_.nodes[line.node], horizon_s_, columns);
      for (qsizetype i = 0; i < line.stretches.size(); ++i) {
        line.stretches[i]->replace(i < stretches.size() ? stretches[i] : Stretch());
      }
    }
    const QList<QRectF> rects = band_rects();
    for (qsizetype i = 0; i < bands_.size(); ++i) {
      for (QGraphicsRectItem* layer : bands_[i]) layer->setRect(rects[i]);
    }
    lay_out_band_names(rects);
    lay_out_axes();
    lay_out_line_labels();
  }

  void lay_out_axes() {
    for (const auto& [t, item] : clock_) {
      const double half = item->boundingRect().width() / 2;
      item->setPos(std::clamp(x_of(t) - half, 0.0, width() - 2 * half), plot().bottom() + 6);
    }
    for (const auto& [value, item] : counts_) {
      const QRectF box = item->boundingRect();
      item->setPos(kLeft - 7 - box.width(), y_of(value) - box.height() / 2);
    }
    title_->setPos(0, plot().center().y() + title_->boundingRect().width() / 2);
  }

  // Names above the bands; names that would touch are written together: "n3, n7".
  void lay_out_band_names(const QList<QRectF>& rects) {
    qDeleteAll(band_names_);
    band_names_.clear();
    struct Name {
      QString text;
      QString kind;
      QRectF over;
    };
    QList<Name> names;
    QList<qsizetype> order(rects.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](qsizetype i) { return std::pair(rects[i].left(), i); });
    const QFontMetricsF metrics(palette::font(kSmall, true));
    double end = -1e9;
    for (const qsizetype i : order) {
      const FaultBand& fault = strategy_.faults[i];
      const QString text = fault.node.isEmpty() ? fault.label : fault.node;
      const double half = metrics.horizontalAdvance(text) / 2;
      const double begin = rects[i].center().x() - half;
      if (!names.isEmpty() && (begin < end + 4 || rects[i].left() <= names.last().over.left() + 1)) {
        names.last().text += QStringLiteral(", ") + text;
        names.last().over = names.last().over.united(rects[i]);
      } else {
        names.append({text, fault.kind, rects[i]});
      }
      end = names.last().over.center().x() + metrics.horizontalAdvance(names.last().text) / 2;
    }
    for (const Name& name : names) {
      auto* item = make_text(name.text, palette::band_ink(name.kind).rgb(), true);
      const QRectF box = item->boundingRect();
      const double x = name.over.center().x() - box.width() / 2;
      item->setPos(std::clamp(x, kLeft, std::max(kLeft, width() - right_ - box.width())), kTop - box.height() - 2);
      band_names_.append(item);
    }
  }

  // Which lines are named: all that fit, the ones that a fault hits first.
  [[nodiscard]] QList<qsizetype> named_lines() const {
    QList<qsizetype> named(lines_.size());
    std::iota(named.begin(), named.end(), 0);
    const auto most = static_cast<qsizetype>(plot().height() / (kLabelSpacing - 2));
    std::ranges::sort(named, {},
                      [&](qsizetype i) { return std::pair(!hit_.contains(strategy_.nodes[lines_[i].node].node), i); });
    if (named.size() > most) named.resize(most);
    return named;
  }

  void lay_out_line_labels() {
    const QList<qsizetype> named = named_lines();
    QList<double> wanted;
    for (const qsizetype i : named) {
      const NodeSeries& series = strategy_.nodes[lines_[i].node];
      const Bucket* last = cursor_ ? nullptr : last_observed(series, horizon_s_);
      if (cursor_) last = bucket_at(series, *cursor_);
      wanted.append(y_of(last == nullptr ? 0 : (cursor_ ? last->mean : last->last)));
    }
    const QList<double> placed = spread_labels(wanted, kLabelSpacing, plot().top() + 4, plot().bottom() - 4);
    for (const Line& line : lines_) {
      line.label->hide();
      line.leader->hide();
    }
    for (qsizetype k = 0; k < named.size(); ++k) {
      const Line& line = lines_[named[k]];
      const NodeSeries& series = strategy_.nodes[line.node];
      line.label->setText(cursor_ ? line.name + QLatin1Char(' ') + cursor_value(series, *cursor_) : line.name);
      line.leader->setLine(plot().right() + 2, cursor_ ? placed[k] : wanted[k], plot().right() + kLeader, placed[k]);
      line.label->setPos(plot().right() + kLeader + 4, placed[k] - line.label->boundingRect().height() / 2);
      line.label->show();
      line.leader->show();
    }
  }

  void paint_cursor() {
    QPainter painter(viewport());
    painter.setRenderHint(QPainter::Antialiasing);
    const double x = x_of(*cursor_);
    painter.setPen(QPen(QColor::fromRgb(palette::kInk), 1));
    painter.drawLine(QPointF(x, plot().top() - 3), QPointF(x, plot().bottom() + 4));
    for (const Line& line : lines_) {
      const Bucket* bucket = bucket_at(strategy_.nodes[line.node], *cursor_);
      if (bucket == nullptr) continue;
      painter.setBrush(palette::line_color(line.node));
      painter.setPen(QPen(QColor::fromRgb(palette::kPaper), 1));
      painter.drawEllipse(QPointF(x, y_of(bucket->mean)), 3.2, 3.2);
    }
    const QString text = clock_text(start_s_, std::floor(*cursor_ / 60) * 60, false);
    painter.setFont(palette::font(kSmall, true));
    const double half = painter.fontMetrics().horizontalAdvance(text) / 2.0 + 5;
    const QRectF box(std::clamp(x - half, 0.0, width() - 2 * half), plot().bottom() + 4, 2 * half, 16);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor::fromRgb(palette::kInk));
    painter.drawRoundedRect(box, 3, 3);
    painter.setPen(QColor::fromRgb(palette::kPaper));
    painter.drawText(box, Qt::AlignCenter, text);
  }

  SessionsPanel* panel_;
  StrategyView strategy_;
  double start_s_;
  double horizon_s_;
  double right_;  // room for the longest name with a value: "n12 128"
  CountAxis axis_;
  QSet<QString> hit_;
  QValueAxis* x_axis_ = nullptr;
  QValueAxis* y_axis_ = nullptr;
  QList<Line> lines_;
  QList<QList<QGraphicsRectItem*>> bands_;
  QList<QGraphicsSimpleTextItem*> band_names_;
  QList<std::pair<double, QGraphicsSimpleTextItem*>> clock_;
  QList<std::pair<double, QGraphicsSimpleTextItem*>> counts_;
  QGraphicsSimpleTextItem* title_ = nullptr;
  std::optional<double> cursor_;
};

SessionsPanel::SessionsPanel(const ScenarioView& scenario, const StrategyView& strategy, double top, QWidget* parent)
    : QWidget(parent), subtitle_(new QLabel(strategy_line(scenario, strategy))) {
  auto* name = new QLabel(strategy.name);
  name->setFont(palette::font(14, true));
  QLabel* line = subtitle_;
  line->setFont(palette::font(11));
  line->setWordWrap(true);
  line->setAlignment(Qt::AlignLeft | Qt::AlignTop);
  for (auto [label, color] : {std::pair{name, palette::kInk}, std::pair{line, palette::kQuiet}}) {
    QPalette colors = label->palette();
    colors.setColor(QPalette::WindowText, QColor::fromRgb(color));
    label->setPalette(colors);
  }
  set_subtitle_lines(1);
  view_ = new View(this, scenario, strategy, top);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(2);
  layout->addWidget(name);
  layout->addWidget(line);
  layout->addWidget(view_, 1);
  setAccessibleName(QStringLiteral("Sessions per node, %1").arg(strategy.name));
  setAccessibleDescription(panel_description(scenario, strategy));
}

SessionsPanel::~SessionsPanel() = default;

void SessionsPanel::set_subtitle_lines(int lines) {
  subtitle_->setFixedHeight(lines * QFontMetrics(subtitle_->font()).lineSpacing() + 2);
}

void SessionsPanel::set_cursor(std::optional<double> t_s) {
  view_->set_cursor(t_s);
}

QRectF SessionsPanel::plot_area() const {
  return view_->plot().translated(view_->pos());
}

double SessionsPanel::x_of(double t_s) const {
  return view_->x_of(t_s) + view_->x();
}

QList<QRectF> SessionsPanel::band_rects() const {
  QList<QRectF> rects = view_->band_rects();
  for (QRectF& rect : rects) rect.translate(view_->pos());
  return rects;
}

}  // namespace homing::gui
