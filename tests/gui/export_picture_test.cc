// SPDX-License-Identifier: GPL-3.0-only
#include "gui/pages/export_picture.h"

#include <gtest/gtest.h>

#include <QDir>
#include <QFile>
#include <QImage>
#include <QTemporaryDir>
#include <cmath>

#include "gui/charts/palette.h"
#include "tests/gui/example.h"

namespace homing::gui {
namespace {

int pixels_equal(const QImage& image, const QColor& color) {
  int count = 0;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) count += image.pixelColor(x, y).rgb() == color.rgb() ? 1 : 0;
  }
  return count;
}

// What a translucent tint looks like on white.
QColor on_white(const QColor& tint) {
  const auto blend = [&](int part) { return static_cast<int>(std::lround(255 + (part - 255) * tint.alpha() / 255.0)); };
  return {blend(tint.red()), blend(tint.green()), blend(tint.blue())};
}

TEST(ExportPictureTest, ThePictureHasTheSizeOfThePageAndShowsBandsLinesAndVerdicts) {
  const QTemporaryDir folder;
  const QString file = folder.filePath(QStringLiteral("out.png"));
  ASSERT_TRUE(export_picture({example_scenario()}, file).has_value());
  const QImage image(file);
  ASSERT_FALSE(image.isNull());
  EXPECT_EQ(image.width(), kExportWidth * kExportScale);
  EXPECT_GT(image.height(), 1000 * kExportScale);
  EXPECT_GT(pixels_equal(image, on_white(palette::band_tint(QStringLiteral("crash")))), 2000);
  EXPECT_GT(pixels_equal(image, on_white(palette::band_tint(QStringLiteral("drain")))), 2000);
  for (int node = 0; node < 8; ++node) EXPECT_GT(pixels_equal(image, palette::line_color(node)), 500) << node;
  EXPECT_GT(pixels_equal(image, palette::tone_color(Tone::kBetter)), 200);
  EXPECT_GT(pixels_equal(image, palette::tone_color(Tone::kWorse)), 200);
  EXPECT_EQ(QDir(folder.path()).entryList(QDir::Files), QStringList{QStringLiteral("out.png")})
      << "nothing is left beside it";
}

TEST(ExportPictureTest, ThePictureIsTheSameEveryTime) {
  EXPECT_EQ(render_scenario(example_scenario()), render_scenario(example_scenario()));
}

TEST(ExportPictureTest, SeveralScenariosStandBelowEachOtherInOnePicture) {
  const QTemporaryDir folder;
  const QString one = folder.filePath(QStringLiteral("one.png"));
  const QString two = folder.filePath(QStringLiteral("two.png"));
  ASSERT_TRUE(export_picture({example_scenario()}, one).has_value());
  ASSERT_TRUE(export_picture({example_scenario(), example_scenario()}, two).has_value());
  const QImage first(one);
  const QImage both(two);
  ASSERT_EQ(both.height(), 2 * first.height());
  EXPECT_EQ(both.copy(0, 0, first.width(), first.height()), first);
  EXPECT_EQ(both.copy(0, first.height(), first.width(), first.height()), first);
}

TEST(ExportPictureTest, AFolderThatDoesNotExistIsOneSentence) {
  const auto written = export_picture({example_scenario()}, QStringLiteral("/nowhere/at/all/out.png"));
  ASSERT_FALSE(written.has_value());
  EXPECT_TRUE(written.error().startsWith(QStringLiteral("/nowhere/at/all/out.png: cannot write the picture")))
      << qPrintable(written.error());
}

TEST(ExportPictureTest, OneStrategyWithoutFaultsOrSeriesIsStillAPicture) {
  ScenarioView scenario = example_scenario();
  scenario.strategies = {scenario.strategies[0]};
  scenario.strategies[0].nodes.clear();
  scenario.strategies[0].faults.clear();
  EXPECT_FALSE(render_scenario(scenario).isNull());
}

}  // namespace
}  // namespace homing::gui
