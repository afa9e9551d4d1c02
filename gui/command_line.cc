// SPDX-License-Identifier: GPL-3.0-only
#include "gui/command_line.h"

#include "gui/model/load.h"
#include "gui/pages/export_picture.h"

namespace homing::gui {
namespace {

// The value of "--name VALUE" or "--name=VALUE" at `i`; moves `i` past it.
std::expected<QString, QString> value_of(const QString& name, const QStringList& arguments, qsizetype& i) {
  const QString& argument = arguments[i];
  if (argument.startsWith(name + QLatin1Char('='))) return argument.mid(name.size() + 1);
  if (i + 1 < arguments.size()) return arguments[++i];
  return std::unexpected(
      QStringLiteral("%1 needs a value, for example %1 %2")
          .arg(name, name == QStringLiteral("--export") ? QStringLiteral("out.png") : QStringLiteral("ordinary-day")));
}

bool is_option(const QString& argument, const QString& name) {
  return argument == name || argument.startsWith(name + QLatin1Char('='));
}

}  // namespace

std::expected<CommandLine, QString> parse_command_line(const QStringList& arguments) {
  CommandLine command;
  bool only_files = false;
  for (qsizetype i = 0; i < arguments.size(); ++i) {
    const QString& argument = arguments[i];
    const bool option = !only_files && argument.startsWith(QLatin1Char('-')) && argument.size() > 1;
    if (!option) {
      command.files.append(argument);
    } else if (argument == QStringLiteral("--")) {
      only_files = true;
    } else if (argument == QStringLiteral("--help") || argument == QStringLiteral("-h")) {
      command.help = true;
    } else if (argument == QStringLiteral("--version")) {
      command.version = true;
    } else if (is_option(argument, QStringLiteral("--export")) || is_option(argument, QStringLiteral("--scenario"))) {
      const bool exports = is_option(argument, QStringLiteral("--export"));
      const auto value = value_of(exports ? QStringLiteral("--export") : QStringLiteral("--scenario"), arguments, i);
      if (!value) return std::unexpected(value.error());
      (exports ? command.export_file : command.scenario) = *value;
    } else {
      return std::unexpected(
          QStringLiteral("unknown option %1; homing-gui knows --export OUT.png, --scenario NAME and --help")
              .arg(argument));
    }
  }
  if (command.help || command.version || command.export_file.isEmpty()) return command;
  if (!command.export_file.endsWith(QStringLiteral(".png"), Qt::CaseInsensitive)) {
    return std::unexpected(QStringLiteral("%1: pictures are written as PNG; give --export a name that ends in .png")
                               .arg(command.export_file));
  }
  if (command.files.isEmpty()) {
    return std::unexpected(
        QStringLiteral("--export needs a results file: homing-gui RESULT.sqlite --export %1").arg(command.export_file));
  }
  return command;
}

QString usage_text() {
  return QStringLiteral(
      "homing-gui [FILE...] [--export OUT.png [--scenario NAME]]\n"
      "\n"
      "Shows results of homing-sim: who is best for what, and the sessions on each node over time.\n"
      "\n"
      "  FILE              results files (SQLite) written by homing-sim run --out FILE\n"
      "  --export OUT.png  write the page as a picture and end; needs no display; several scenarios\n"
      "                    stand below each other in one tall picture\n"
      "  --scenario NAME   with --export: only this scenario\n"
      "\n"
      "Exit codes: 0 done, 2 bad command line or unreadable file (nothing is written).\n");
}

bool wants_offscreen(const CommandLine& command, bool has_display) {
  return !command.export_file.isEmpty() || !has_display;
}

std::expected<void, QString> run_export(const CommandLine& command) {
  QList<ScenarioView> chosen;
  QStringList known;
  for (const QString& file : command.files) {
    const auto document = load_document(file);
    if (!document) return std::unexpected(document.error());
    for (const ScenarioView& scenario : document->scenarios) {
      known.append(scenario.name);
      if (command.scenario.isEmpty() || scenario.name == command.scenario) chosen.append(scenario);
    }
  }
  if (chosen.isEmpty()) {
    return std::unexpected(
        QStringLiteral("%1: no scenario named \"%2\"; it has %3; give --scenario one of these")
            .arg(command.files.join(QStringLiteral(", ")), command.scenario, known.join(QStringLiteral(", "))));
  }
  return export_picture(chosen, command.export_file);
}

}  // namespace homing::gui
