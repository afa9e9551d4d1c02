// SPDX-License-Identifier: GPL-3.0-only
#include "gui/pages/comparison_delegate.h"

#include <QPainter>
#include <algorithm>

#include "gui/charts/palette.h"
#include "gui/model/wording.h"

namespace homing::gui {
namespace {

constexpr int kRowHeight = 66;
constexpr int kBaselineHeight = 54;  // it has no whisker
constexpr double kPad = 14;

void draw(QPainter* painter, const QRectF& box, int flags, const QString& text, const QFont& font,
          const QColor& color) {
  painter->setFont(font);
  painter->setPen(color);
  painter->drawText(box, flags | Qt::TextSingleLine, text);
}

QColor ink(QRgb color) {
  return QColor::fromRgb(color);
}

}  // namespace

ComparisonDelegate::ComparisonDelegate(const ComparisonModel* model, QObject* parent)
    : QStyledItemDelegate(parent), model_(model) {}

QSize ComparisonDelegate::sizeHint(const QStyleOptionViewItem& /*option*/, const QModelIndex& index) const {
  return {120, model_->scenario().strategies[index.row()].is_baseline ? kBaselineHeight : kRowHeight};
}

void ComparisonDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const StrategyView& strategy = model_->scenario().strategies[index.row()];
  const QRectF box = option.rect;
  painter->fillRect(box, ink(strategy.is_baseline ? palette::kRowTint : palette::kPaper));
  painter->setPen(QPen(ink(palette::kRule), 1));
  painter->drawLine(QPointF(box.left(), box.bottom() - 0.5), QPointF(box.right(), box.bottom() - 0.5));
  if (index.column() == 0) {
    paint_name(painter, box, strategy);
  } else {
    paint_cell(painter, box, strategy.cells[index.column() - 1], index.column() - 1);
  }
  if ((option.state & QStyle::State_HasFocus) != 0) {
    painter->setBrush(Qt::NoBrush);
    painter->setPen(QPen(palette::tone_color(Tone::kBetter), 1.5));
    painter->drawRect(box.adjusted(1, 1, -1, -2));
  }
  painter->restore();
}

void ComparisonDelegate::paint_name(QPainter* painter, const QRectF& box, const StrategyView& strategy) const {
  const QRectF inner = box.adjusted(4, 10, 0, -10);  // the next column begins with room of its own
  draw(painter, inner.adjusted(0, 0, 0, -inner.height() + 18), Qt::AlignLeft | Qt::AlignVCenter, strategy.name,
       palette::font(14, true), ink(palette::kInk));
  if (!strategy.is_baseline) return;
  draw(painter, inner.adjusted(0, 19, 0, -inner.height() + 35), Qt::AlignLeft | Qt::AlignVCenter,
       QStringLiteral("baseline"), palette::font(11), ink(palette::kQuiet));
}

void ComparisonDelegate::paint_cell(QPainter* painter, const QRectF& box, const Cell& cell, int measure) const {
  const QRectF inner = box.adjusted(kPad, 10, -kPad, 0);
  const QRectF first(inner.left(), inner.top(), inner.width(), 18);
  const QRectF second(inner.left(), inner.top() + 19, inner.width(), 16);
  if (!cell.defined) {
    draw(painter, first, Qt::AlignLeft | Qt::AlignVCenter,
         cell.word.isEmpty() ? QStringLiteral("not measured") : cell.word, palette::font(12), ink(palette::kQuiet));
    return;
  }
  const ScenarioView& scenario = model_->scenario();
  const int decimals = decimals_of(scenario, measure);
  const QString value = number_text(cell.mean, decimals);
  const QFont value_font = palette::font(15, true);
  draw(painter, first, Qt::AlignLeft | Qt::AlignVCenter, value, value_font, ink(palette::kInk));
  const double value_end = QFontMetricsF(value_font).horizontalAdvance(value) + 5;
  draw(painter, first.adjusted(value_end, 2, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
       short_unit(scenario.measures[measure]), palette::font(11), ink(palette::kQuiet));
  if (cell.tone != Tone::kBaseline) {
    const bool strong = cell.tone == Tone::kBetter || cell.tone == Tone::kWorse;
    draw(painter, first, Qt::AlignRight | Qt::AlignVCenter, palette::tone_mark(cell) + QLatin1Char(' ') + cell.word,
         palette::font(strong ? 12 : 11, strong), palette::tone_color(cell.tone));
  }
  const QFont small = palette::font(11);
  const QString difference = difference_text(cell, decimals);
  draw(painter, second, Qt::AlignLeft | Qt::AlignVCenter, difference, small, ink(palette::kText));
  QString count = QStringLiteral("n %1").arg(cell.n);
  const QString longer = cell.remark + QStringLiteral(" · ") + count;
  const QFontMetricsF metrics(small);
  const double room = second.width() - metrics.horizontalAdvance(difference) - kPad;
  if (!cell.remark.isEmpty() && metrics.horizontalAdvance(longer) <= room) count = longer;
  draw(painter, second, Qt::AlignRight | Qt::AlignVCenter, count, small, ink(palette::kQuiet));
  if (cell.has_interval) paint_whisker(painter, {inner.left(), inner.top() + 38, inner.width(), 10}, cell, measure);
}

void ComparisonDelegate::paint_whisker(QPainter* painter, const QRectF& strip, const Cell& cell, int measure) const {
  const double reach = model_->reach(measure);
  if (reach <= 0) return;
  const auto x = [&](double difference) {
    return strip.center().x() + std::clamp(difference / reach, -1.0, 1.0) * (strip.width() / 2 - 4);
  };
  const double y = strip.center().y();
  const double margin = model_->scenario().measures[measure].margin;
  painter->fillRect(QRectF(QPointF(x(-margin), strip.top()), QPointF(x(margin), strip.bottom())),
                    ink(palette::kMargin));
  painter->setPen(QPen(ink(palette::kQuiet), 1));
  painter->drawLine(QPointF(x(0), strip.top() - 1), QPointF(x(0), strip.bottom() + 1));
  const QColor color = palette::tone_color(cell.tone);
  painter->setPen(QPen(color, 2, Qt::SolidLine, Qt::FlatCap));
  painter->drawLine(QPointF(x(cell.low), y), QPointF(x(cell.high), y));
  for (const double end : {cell.low, cell.high}) painter->drawLine(QPointF(x(end), y - 3), QPointF(x(end), y + 3));
  painter->setPen(Qt::NoPen);
  painter->setBrush(color);
  painter->drawEllipse(QPointF(x(cell.difference), y), 3.5, 3.5);
}

ComparisonHeader::ComparisonHeader(const ComparisonModel* model, QWidget* parent)
    : QHeaderView(Qt::Horizontal, parent), model_(model) {
  setSectionsClickable(false);
  setHighlightSections(false);
}

void ComparisonHeader::paintSection(QPainter* painter, const QRect& rect, int section) const {
  painter->save();
  const QRectF box = rect;
  painter->fillRect(box, ink(palette::kPaper));
  painter->setPen(QPen(ink(palette::kInk), 1));
  painter->drawLine(QPointF(box.left(), box.bottom() - 1), QPointF(box.right(), box.bottom() - 1));
  const QRectF inner = box.adjusted(section == 0 ? 4 : kPad, 2, -kPad, -6);
  const QRectF first(inner.left(), inner.top(), inner.width(), 18);
  const QRectF second(inner.left(), inner.top() + 19, inner.width(), 16);
  const QString title = model_->headerData(section, Qt::Horizontal, Qt::DisplayRole).toString();
  draw(painter, first, Qt::AlignLeft | Qt::AlignVCenter, title, palette::font(12, true), ink(palette::kInk));
  if (section > 0) {
    const Measure& measure = model_->scenario().measures[section - 1];
    QString line = unit_text(measure);
    if (!line.isEmpty()) line += QStringLiteral(", ");
    line += QStringLiteral("%1 is better; margin %2").arg(measure.better, QString::number(measure.margin));
    draw(painter, second, Qt::AlignLeft | Qt::AlignVCenter, line, palette::font(11), ink(palette::kQuiet));
  }
  painter->restore();
}

}  // namespace homing::gui
