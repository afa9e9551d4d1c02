// SPDX-License-Identifier: GPL-3.0-only
//
// The command line of homing-gui, apart from main() so that tests can call it: what was asked for, or one sentence that
// says what is wrong with it.
// Thread class: stateless.
#pragma once

#include <QString>
#include <QStringList>
#include <expected>

#include "gui/model/document.h"

namespace homing::gui {

struct CommandLine {
  QStringList files;
  QString export_file;  ///< empty: open the window
  QString scenario;     ///< only this scenario in the picture; empty: all
  bool help = false;
  bool version = false;
};

/// Reads the arguments after the program's name.
std::expected<CommandLine, QString> parse_command_line(const QStringList& arguments);

/// The text of --help.
QString usage_text();

/// True when nothing could show a window, or none is wanted: Qt's offscreen platform is used then.
bool wants_offscreen(const CommandLine& command, bool has_display);

/// Loads the files and writes the picture. The error is one sentence; the caller exits with 2.
std::expected<void, QString> run_export(const CommandLine& command);

}  // namespace homing::gui
