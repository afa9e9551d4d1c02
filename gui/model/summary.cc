// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/summary.h"

#include <QStringList>
#include <algorithm>
#include <array>

#include "gui/model/wording.h"

namespace homing::gui {
namespace {

QString join(const QStringList& words) {
  if (words.isEmpty()) return {};
  if (words.size() == 1) return words.first();
  return words.mid(0, words.size() - 1).join(QStringLiteral(", ")) + QStringLiteral(" and ") + words.last();
}

QString bold(const QString& name) {
  return QStringLiteral("<b>") + name.toHtmlEscaped() + QStringLiteral("</b>");
}

// "<b>a</b> is" or "<b>a</b> and <b>b</b> are".
QString they_are(const QStringList& names) {
  QStringList marked;
  for (const QString& name : names) marked.append(bold(name));
  return join(marked) + (names.size() == 1 ? QStringLiteral(" is") : QStringLiteral(" are"));
}

QString all_of(qsizetype count) {
  static constexpr std::array<const char*, 5> kWords = {"none", "it", "both", "all three", "all four"};
  if (count < static_cast<qsizetype>(kWords.size())) return QLatin1String(kWords[static_cast<std::size_t>(count)]);
  return QStringLiteral("all of them");
}

QString label_of(const ScenarioView& scenario, qsizetype measure) {
  return running_label(scenario.measures[measure]).toHtmlEscaped();
}

// What the verdicts of one measure say when they are taken together.
struct Finding {
  QString leader;    // the better one with the best mean; empty when nobody is better
  QStringList also;  // the other better ones
  QStringList worse;
  bool same = true;  // everybody is known to be no different
};

Finding find(const ScenarioView& scenario, qsizetype measure) {
  Finding finding;
  const bool higher = scenario.measures[measure].better == QStringLiteral("higher");
  double best = 0;
  for (const StrategyView& strategy : scenario.strategies) {
    if (strategy.is_baseline) continue;
    const Cell& cell = strategy.cells[measure];
    finding.same = finding.same && cell.tone == Tone::kSame;
    if (cell.tone == Tone::kWorse) finding.worse.append(strategy.name);
    if (cell.tone != Tone::kBetter) continue;
    if (!finding.leader.isEmpty() && (higher ? cell.mean <= best : cell.mean >= best)) {
      finding.also.append(strategy.name);
      continue;
    }
    if (!finding.leader.isEmpty()) finding.also.append(finding.leader);
    finding.leader = strategy.name;
    best = cell.mean;
  }
  return finding;
}

// Measures that have the same thing said about them share a clause.
struct Clause {
  QString before;
  QStringList labels;
  QString after;
};

void say(QList<Clause>& clauses, const QString& before, const QString& label, const QString& after) {
  const auto known = std::ranges::find_if(
      clauses, [&](const Clause& clause) { return clause.before == before && clause.after == after; });
  if (known == clauses.end()) {
    clauses.append({before, {label}, after});
  } else {
    known->labels.append(label);
  }
}

QStringList text_of(const QList<Clause>& clauses) {
  QStringList texts;
  for (const Clause& clause : clauses) texts.append(clause.before + join(clause.labels) + clause.after);
  return texts;
}

// "system-load is worse for all four": the strategies that are worse for the most measures, where that says more than
// the clauses about `told` did.
QString warning(const ScenarioView& scenario, const QStringList& told) {
  QStringList names;
  QStringList most;
  for (const StrategyView& strategy : scenario.strategies) {
    QStringList labels;
    for (qsizetype i = 0; i < strategy.cells.size(); ++i) {
      if (strategy.cells[i].tone == Tone::kWorse) labels.append(label_of(scenario, i));
    }
    if (labels.size() > most.size()) {
      most = labels;
      names = {strategy.name};
    } else if (!labels.isEmpty() && labels == most) {
      names.append(strategy.name);
    }
  }
  if (std::ranges::all_of(most, [&](const QString& label) { return told.contains(label); })) return {};
  const bool all = most.size() == scenario.measures.size() && most.size() > 1;
  return they_are(names) + QStringLiteral(" worse for ") + (all ? all_of(most.size()) : join(most));
}

}  // namespace

QString summary_html(const ScenarioView& scenario) {
  if (scenario.strategies.size() < 2) return QStringLiteral("There is only one strategy here, so nothing is compared.");
  QList<Clause> praise;
  QList<Clause> unbeaten;
  QList<Clause> open;
  QStringList told;  // labels whose worse strategies are named
  QList<Finding> findings;
  QStringList worse_of_unbeaten;
  bool one_group = true;  // all measures in which nobody is better have the same worse strategies
  for (qsizetype i = 0; i < scenario.measures.size(); ++i) {
    findings.append(find(scenario, i));
    const Finding& finding = findings.last();
    if (!finding.leader.isEmpty() || finding.worse.isEmpty()) continue;
    one_group = one_group && (worse_of_unbeaten.isEmpty() || worse_of_unbeaten == finding.worse);
    worse_of_unbeaten = finding.worse;
  }
  const QString baseline = bold(scenario.baseline);
  for (qsizetype i = 0; i < scenario.measures.size(); ++i) {
    const Finding& finding = findings[i];
    const QString label = label_of(scenario, i);
    if (!finding.leader.isEmpty()) {
      const QString also = finding.also.isEmpty()
                               ? QString()
                               : QStringLiteral(" (") + they_are(finding.also) + QStringLiteral(" better too)");
      say(praise, bold(finding.leader) + QStringLiteral(" is best for "), label, also);
    } else if (!finding.worse.isEmpty()) {
      say(unbeaten, QStringLiteral("nobody beats the baseline ") + baseline + QStringLiteral(" for "), label,
          one_group ? QStringLiteral(", where ") + they_are(finding.worse) + QStringLiteral(" worse") : QString());
      if (one_group) told.append(label);
    } else if (finding.same) {
      say(open, QStringLiteral("the choice makes no difference that matters for "), label, {});
    } else {
      say(open, QStringLiteral("there are too few runs to tell for "), label, {});
    }
  }
  QStringList clauses = text_of(praise) + text_of(unbeaten) + text_of(open);
  const QString worst = warning(scenario, told);
  if (!worst.isEmpty()) clauses.append(worst);
  QString text = clauses.join(QStringLiteral("; ")) + QLatin1Char('.');
  if (praise.isEmpty() && !unbeaten.isEmpty()) return text.replace(0, 1, text[0].toUpper());
  return QStringLiteral("Compared with ") + baseline + QStringLiteral(": ") + text;
}

QString plain_text(QString html) {
  html.remove(QStringLiteral("<b>")).remove(QStringLiteral("</b>"));
  html.replace(QStringLiteral("&lt;"), QStringLiteral("<")).replace(QStringLiteral("&gt;"), QStringLiteral(">"));
  return html.replace(QStringLiteral("&quot;"), QStringLiteral("\""))
      .replace(QStringLiteral("&amp;"), QStringLiteral("&"));
}

}  // namespace homing::gui
