// SPDX-License-Identifier: GPL-3.0-only
//
// The tests' own main: one QApplication on the offscreen platform, with the palette and font of the program.
#include <gtest/gtest.h>

#include <QApplication>

#include "gui/charts/palette.h"

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  testing::InitGoogleTest(&argc, argv);
  QApplication application(argc, argv);
  QApplication::setStyle(QStringLiteral("Fusion"));
  QApplication::setPalette(homing::gui::palette::light());
  QApplication::setFont(homing::gui::palette::font(13));
  return RUN_ALL_TESTS();
}
