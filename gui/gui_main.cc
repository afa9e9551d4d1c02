// SPDX-License-Identifier: GPL-3.0-only
//
// homing-gui: the dashboard and its headless twin. This file chooses Qt's platform and wires the pieces; it decides
// nothing else.
#include <QApplication>
#include <cstdio>

#include "gui/charts/palette.h"
#include "gui/command_line.h"
#include "gui/pages/main_window.h"

namespace {

constexpr int kUsageError = 2;

int fail(const QString& sentence) {
  std::fprintf(stderr, "homing-gui: %s\n", qPrintable(sentence));
  return kUsageError;
}

// Two remarks of Qt that mean nothing where no display is; everything else goes to stderr as always.
void drop_remarks(QtMsgType /*type*/, const QMessageLogContext& /*context*/, const QString& message) {
  if (message.startsWith(QStringLiteral("QStandardPaths:")) || message.contains(QStringLiteral("propagateSizeHints")))
    return;
  std::fprintf(stderr, "%s\n", qPrintable(message));
}

bool has_display() {
  return !qEnvironmentVariableIsEmpty("DISPLAY") || !qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace homing::gui;
  QStringList arguments;
  for (int i = 1; i < argc; ++i) arguments.append(QString::fromLocal8Bit(argv[i]));
  const auto command = parse_command_line(arguments);
  if (!command) return fail(command.error());
  if (command->help) {
    std::fputs(qPrintable(usage_text()), stdout);
    return 0;
  }
  if (command->version) {
    std::puts("homing-gui " HOMING_VERSION);
    return 0;
  }
  if (command->export_file.isEmpty() && !has_display() && qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) {
    return fail(
        QStringLiteral("there is no display here; write a picture instead: homing-gui RESULT.sqlite --export out.png"));
  }
  if (wants_offscreen(*command, has_display())) {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    qInstallMessageHandler(drop_remarks);
  }

  // Qt gets the program's name only: our options are not its options.
  int qt_argc = 1;
  QApplication application(qt_argc, argv);
  QApplication::setApplicationName(QStringLiteral("Homing"));
  QApplication::setStyle(QStringLiteral("Fusion"));
  QApplication::setPalette(palette::light());
  QApplication::setFont(palette::font(13));
  if (!command->export_file.isEmpty()) {
    const auto written = run_export(*command);
    if (!written) return fail(written.error());
    std::printf("wrote %s\n", qPrintable(command->export_file));
    return 0;
  }
  MainWindow window;
  window.show();
  for (const QString& file : command->files) window.open(file);
  return QApplication::exec();
}
