// SPDX-License-Identifier: GPL-3.0-only
#include "gui/command_line.h"

#include <gtest/gtest.h>

#include <QFile>
#include <QTemporaryDir>

namespace homing::gui {
namespace {

QStringList words(const char* line) {
  return QString::fromLatin1(line).split(QLatin1Char(' '));
}

TEST(CommandLineTest, FilesAndThePictureComeInAnyOrder) {
  for (const char* line : {"a.sqlite b.sqlite --export out.png", "--export=out.png a.sqlite b.sqlite",
                           "a.sqlite --export out.png -- b.sqlite"}) {
    const auto command = parse_command_line(words(line));
    ASSERT_TRUE(command.has_value()) << line;
    EXPECT_EQ(command->files, (QStringList{QStringLiteral("a.sqlite"), QStringLiteral("b.sqlite")})) << line;
    EXPECT_EQ(command->export_file, QStringLiteral("out.png")) << line;
  }
}

TEST(CommandLineTest, WhatIsWrongIsSaidWithTheFix) {
  const auto error = [](const char* line) {
    const auto command = parse_command_line(words(line));
    return command ? std::string() : command.error().toStdString();
  };
  EXPECT_EQ(error("a.sqlite --export out.bmp"),
            "out.bmp: pictures are written as PNG; give --export a name that ends in .png");
  EXPECT_EQ(error("--export out.png"), "--export needs a results file: homing-gui RESULT.sqlite --export out.png");
  EXPECT_EQ(error("a.sqlite --export"), "--export needs a value, for example --export out.png");
  EXPECT_EQ(error("--exprot"),
            "unknown option --exprot; homing-gui knows --export OUT.png, --scenario NAME and --help");
}

TEST(CommandLineTest, ThePictureNeedsNoDisplay) {
  CommandLine command;
  EXPECT_FALSE(wants_offscreen(command, true));
  EXPECT_TRUE(wants_offscreen(command, false));
  command.export_file = QStringLiteral("out.png");
  EXPECT_TRUE(wants_offscreen(command, true));
}

TEST(CommandLineTest, AMissingFileIsOneSentenceAndNothingIsWritten) {
  const QTemporaryDir folder;
  CommandLine command;
  command.files = {folder.filePath(QStringLiteral("missing.sqlite"))};
  command.export_file = folder.filePath(QStringLiteral("out.png"));
  const auto done = run_export(command);
  ASSERT_FALSE(done.has_value());
  EXPECT_TRUE(done.error().contains(QStringLiteral("missing.sqlite"))) << qPrintable(done.error());
  EXPECT_FALSE(done.error().contains(QLatin1Char('\n')));
  EXPECT_FALSE(QFile::exists(command.export_file));
}

}  // namespace
}  // namespace homing::gui
