// SPDX-License-Identifier: GPL-3.0-only
#include "gui/charts/palette.h"

#include <array>

namespace homing::gui::palette {
namespace {

// Okabe & Ito, "Color Universal Design" (2008); yellow f0e442 became amber, black moved to the end.
constexpr std::array<QRgb, 8> kLines = {0xff0072b2, 0xffe69f00, 0xff009e73, 0xffcc79a7,
                                        0xff56b4e9, 0xffd55e00, 0xffb8860b, 0xff000000};

}  // namespace

QColor line_color(int index) {
  return QColor::fromRgb(kLines[static_cast<std::size_t>(index) % kLines.size()]);
}

QPen line_pen(int index, bool emphasised) {
  QPen pen(line_color(index), emphasised ? 2.0 : 1.3);
  pen.setCapStyle(Qt::FlatCap);
  pen.setJoinStyle(Qt::RoundJoin);
  const std::size_t round = static_cast<std::size_t>(index) / kLines.size();
  if (round % 3 == 1) pen.setDashPattern({4, 2});
  if (round % 3 == 2) pen.setDashPattern({1, 2});
  return pen;
}

QColor tone_color(Tone tone) {
  switch (tone) {
    case Tone::kBetter:
      return QColor::fromRgb(0xff00629b);
    case Tone::kWorse:
      return QColor::fromRgb(0xffb34700);
    case Tone::kBaseline:
    case Tone::kSame:
    case Tone::kUnknown:
      break;
  }
  return QColor::fromRgb(kQuiet);
}

QString tone_mark(const Cell& cell) {
  switch (cell.tone) {
    case Tone::kBetter:
      return QStringLiteral("✓");
    case Tone::kWorse:
      return QStringLiteral("✗");
    case Tone::kSame:
      return cell.word == QStringLiteral("identical") ? QStringLiteral("=") : QStringLiteral("≈");
    case Tone::kUnknown:
      return QStringLiteral("?");
    case Tone::kBaseline:
      break;
  }
  return {};
}

QColor band_ink(const QString& kind) {
  if (kind == QStringLiteral("crash")) return QColor::fromRgb(0xffa63d00);
  if (kind == QStringLiteral("drain")) return QColor::fromRgb(0xff1f5f8b);
  return QColor::fromRgb(kQuiet);
}

QColor band_tint(const QString& kind) {
  QColor tint = band_ink(kind);
  tint.setAlpha(22);
  return tint;
}

QBrush band_hatch(const QString& kind) {
  QColor ink = band_ink(kind);
  ink.setAlpha(60);
  if (kind == QStringLiteral("crash")) return {ink, Qt::BDiagPattern};
  if (kind == QStringLiteral("drain")) return {ink, Qt::Dense7Pattern};
  return {ink, Qt::FDiagPattern};
}

QString band_meaning(const QString& kind) {
  if (kind == QStringLiteral("crash")) return QStringLiteral("crash: the machine and its sessions are gone");
  if (kind == QStringLiteral("drain")) return QStringLiteral("drain: the machine takes no new sessions");
  return kind;
}

QFont font(int pixels, bool bold) {
  QFont font(QStringLiteral("DejaVu Sans"));
  font.setPixelSize(pixels);
  font.setBold(bold);
  font.setHintingPreference(QFont::PreferNoHinting);
  return font;
}

QPalette light() {
  QPalette colors(QColor::fromRgb(0xfff0f2f5));
  colors.setColor(QPalette::Base, QColor::fromRgb(kPaper));
  colors.setColor(QPalette::AlternateBase, QColor::fromRgb(kRowTint));
  for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
    colors.setColor(QPalette::Active, role, QColor::fromRgb(kText));
    colors.setColor(QPalette::Inactive, role, QColor::fromRgb(kText));
  }
  colors.setColor(QPalette::Highlight, QColor::fromRgb(0xff00629b));
  colors.setColor(QPalette::HighlightedText, QColor::fromRgb(kPaper));
  return colors;
}

}  // namespace homing::gui::palette
