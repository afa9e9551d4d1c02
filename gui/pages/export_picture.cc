// SPDX-License-Identifier: GPL-3.0-only
#include "gui/pages/export_picture.h"

#include <QPainter>
#include <QSaveFile>
#include <algorithm>

#include "gui/charts/palette.h"
#include "gui/pages/comparison_page.h"
#include "router/core/check.h"

namespace homing::gui {

QImage render_scenario(const ScenarioView& scenario) {
  ComparisonPage page(scenario);
  page.setAttribute(Qt::WA_DontShowOnScreen);
  page.setFixedWidth(kExportWidth);
  page.ensurePolished();
  const int height = std::max(page.heightForWidth(kExportWidth), page.sizeHint().height());
  page.setFixedHeight(height);
  page.show();  // lays out every child; nothing appears on a screen
  QImage image(kExportWidth * kExportScale, height * kExportScale, QImage::Format_RGB32);
  image.setDevicePixelRatio(kExportScale);
  image.fill(palette::kPaper);
  QPainter painter(&image);
  painter.setRenderHints(QPainter::Antialiasing | QPainter::TextAntialiasing);
  page.render(&painter, {}, {}, QWidget::DrawChildren | QWidget::DrawWindowBackground);
  return image;
}

std::expected<void, QString> export_picture(const QList<ScenarioView>& scenarios, const QString& file) {
  CHECK(!scenarios.isEmpty());
  QList<QImage> images;
  int height = 0;
  for (const ScenarioView& scenario : scenarios) {
    images.append(render_scenario(scenario));
    height += images.last().height();
  }
  QImage all(images.first().width(), height, QImage::Format_RGB32);
  int y = 0;
  for (QImage& image : images) {
    image.setDevicePixelRatio(1);
    QPainter painter(&all);
    painter.drawImage(0, y, image);
    y += image.height();
  }
  QSaveFile out(file);
  if (!out.open(QIODevice::WriteOnly) || !all.save(&out, "PNG") || !out.commit()) {
    return std::unexpected(
        QStringLiteral("%1: cannot write the picture (%2); choose a folder that exists and that you may write to")
            .arg(file, out.errorString()));
  }
  return {};
}

}  // namespace homing::gui
