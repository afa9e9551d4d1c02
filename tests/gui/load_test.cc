// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/load.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <QCoreApplication>
#include <QFile>
#include <QImage>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>
#include <cmath>

#include "gui/pages/export_picture.h"
#include "sim/verdict.h"
#include "tests/gui/results_file.h"

namespace homing::gui {
namespace {

class LoadTest : public testing::Test {
 protected:
  QString path(const char* name) const { return folder_.filePath(QString::fromLatin1(name)); }

  // Runs one SQL statement on a file, past every check of the simulator.
  static void tamper(const QString& file, const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file.toUtf8().constData(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  QTemporaryDir folder_;
};

TEST_F(LoadTest, AResultsFileBecomesADocument) {
  write_results(path("r.sqlite"), {small_scenario()}, small_runs());
  const auto document = load_document(path("r.sqlite"));
  ASSERT_TRUE(document.has_value()) << qPrintable(document.error());
  ASSERT_EQ(document->scenarios.size(), 1);
  const ScenarioView& scenario = document->scenarios[0];
  EXPECT_EQ(scenario.title, QStringLiteral("A small test with one crash"));
  EXPECT_EQ(scenario.baseline, QStringLiteral("sessions"));
  EXPECT_EQ(scenario.seeds, kSeeds);
  EXPECT_EQ(scenario.node_count, 3);
  EXPECT_EQ(scenario.start_s, 8 * 3600);
  EXPECT_EQ(scenario.horizon_s, 2 * 3600);
  ASSERT_EQ(scenario.measures.size(), 4);
  ASSERT_EQ(scenario.strategies.size(), 3);
  for (const StrategyView& strategy : scenario.strategies) {
    EXPECT_EQ(strategy.shown_seed, 1);
    ASSERT_EQ(strategy.nodes.size(), 3);
    EXPECT_EQ(strategy.nodes[1].node, QStringLiteral("n2"));
    ASSERT_EQ(strategy.nodes[1].buckets.size(), 120);
    EXPECT_EQ(strategy.nodes[1].bucket_s, 60);
    EXPECT_TRUE(std::isnan(strategy.nodes[1].buckets[30].mean)) << "down is missing, not zero";
  }
}

TEST_F(LoadTest, BandsAreTheFaultTimesAndAnOpenOneEndsAtTheHorizon) {
  write_results(path("r.sqlite"), {small_scenario()}, small_runs());
  const auto document = load_document(path("r.sqlite"));
  ASSERT_TRUE(document.has_value());
  const QList<FaultBand>& faults = document->scenarios[0].strategies[0].faults;
  ASSERT_EQ(faults.size(), 2);
  EXPECT_EQ(faults[0].kind, QStringLiteral("crash"));
  EXPECT_EQ(faults[0].node, QStringLiteral("n2"));
  EXPECT_EQ(faults[0].begin_s, 1800);
  EXPECT_EQ(faults[0].end_s, 3600);
  EXPECT_EQ(faults[1].begin_s, 5400);
  EXPECT_EQ(faults[1].end_s, 7200);
}

TEST_F(LoadTest, NumbersAndWordsAreThoseOfTheSimulator) {
  write_results(path("r.sqlite"), {small_scenario()}, small_runs());
  const auto document = load_document(path("r.sqlite"));
  const auto reader = sim::ResultReader::open(path("r.sqlite").toStdString());
  ASSERT_TRUE(document.has_value() && reader.has_value());
  const auto compared = sim::compare_strategies(reader->scenarios()[0], reader->metric_rows(), reader->runs(), 0);
  ASSERT_TRUE(compared.has_value()) << compared.error().text;
  const ScenarioView& scenario = document->scenarios[0];
  QSet<QString> words;
  int checked = 0;
  for (const sim::Comparison& row : compared->rows) {
    for (int measure = 0; measure < scenario.measures.size(); ++measure) {
      if (scenario.measures[measure].name.toStdString() !=
          reader->metric_rows()[static_cast<std::size_t>(row.metric)].info.name)
        continue;
      const Cell& cell = scenario.strategies[row.strategy].cells[measure];
      EXPECT_EQ(cell.word.toStdString(), sim::words(row.judgement.verdict));
      EXPECT_EQ(cell.remark.contains(QStringLiteral("look again at 20")),
                row.judgement.verdict == sim::Verdict::kTooFewRuns);
      EXPECT_EQ(cell.tone == Tone::kBetter, row.judgement.verdict == sim::Verdict::kBetter);
      EXPECT_EQ(cell.tone == Tone::kWorse, row.judgement.verdict == sim::Verdict::kWorse);
      EXPECT_EQ(cell.tone == Tone::kUnknown, row.judgement.verdict == sim::Verdict::kTooFewRuns);
      EXPECT_EQ(cell.mean, row.mean);
      EXPECT_EQ(cell.n, row.judgement.summary.n);
      ASSERT_EQ(cell.has_interval, row.judgement.interval.has_value());
      EXPECT_EQ(cell.difference, row.judgement.summary.mean);
      EXPECT_EQ(cell.low, row.judgement.interval->low);
      EXPECT_EQ(cell.high, row.judgement.interval->high);
      words.insert(cell.word);
      ++checked;
    }
  }
  EXPECT_EQ(checked, 8);
  EXPECT_TRUE(words.contains(QStringLiteral("better")));
  EXPECT_TRUE(words.contains(QStringLiteral("worse")));
  EXPECT_TRUE(words.contains(QStringLiteral("identical")));
  EXPECT_TRUE(words.contains(QStringLiteral("no difference that matters")));
  EXPECT_EQ(scenario.strategies[0].cells[1].tone, Tone::kBaseline);
  EXPECT_EQ(scenario.strategies[2].cells[1].tone, Tone::kBetter);
  EXPECT_TRUE(scenario.sentence.contains(QStringLiteral("<b>p2c-sessions</b> is best for user-minutes lost")))
      << qPrintable(scenario.sentence);
}

TEST_F(LoadTest, RunsThatCannotBePairedAreShownWithoutAVerdict) {
  std::vector<sim::RunRecord> runs = small_runs();
  runs.back().plan_hash = "another plan";
  write_results(path("r.sqlite"), {small_scenario()}, runs);
  const auto document = load_document(path("r.sqlite"));
  ASSERT_TRUE(document.has_value()) << qPrintable(document.error());
  for (const StrategyView& strategy : document->scenarios[0].strategies) {
    for (const Cell& cell : strategy.cells) EXPECT_FALSE(cell.tone == Tone::kBetter || cell.tone == Tone::kWorse);
    EXPECT_EQ(strategy.nodes.size(), 3) << "the lines are still worth seeing";
  }
  EXPECT_FALSE(document->scenarios[0].sentence.isEmpty());
  EXPECT_FALSE(render_scenario(document->scenarios[0]).isNull());
}

TEST_F(LoadTest, AFileWithoutAFinishedRunSaysWhatToDo) {
  write_results(path("r.sqlite"), {small_scenario()}, {});
  const auto document = load_document(path("r.sqlite"));
  ASSERT_FALSE(document.has_value());
  EXPECT_TRUE(document.error().contains(QStringLiteral("it holds no finished run"))) << qPrintable(document.error());
}

TEST_F(LoadTest, TheWorkerAnswersInTheThreadThatAsked) {
  write_results(path("r.sqlite"), {small_scenario()}, small_runs());
  bool answered = false;
  const LoadJob job(path("r.sqlite"), [&](const LoadJob::Answer& answer) {
    answered = answer.has_value() && QThread::currentThread() == QCoreApplication::instance()->thread();
  });
  EXPECT_TRUE(QTest::qWaitFor([&] { return answered; }, 20000));
}

TEST_F(LoadTest, AJobThatIsGoneNeverCallsBack) {
  write_results(path("r.sqlite"), {small_scenario()}, small_runs());
  bool answered = false;
  {
    const LoadJob job(path("r.sqlite"), [&](const LoadJob::Answer&) { answered = true; });
  }
  QCoreApplication::processEvents();
  EXPECT_FALSE(answered);
}

// The program itself, without a display.
class ProgramTest : public LoadTest {
 protected:
  struct Ended {
    int code = -1;
    QString out;
    QString error;
  };
  static Ended run(const QStringList& arguments) {
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
      environment.remove(QString::fromLatin1(name));
    process.setProcessEnvironment(environment);
    process.start(QStringLiteral(HOMING_GUI_PROGRAM), arguments);
    if (!process.waitForFinished(60000)) process.kill();
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1,
            QString::fromUtf8(process.readAllStandardOutput()), QString::fromUtf8(process.readAllStandardError())};
  }
  static QString sentence(const QString& error) {
    for (const QString& line : error.split(QLatin1Char('\n'))) {
      if (line.startsWith(QStringLiteral("homing-gui: "))) return line;
    }
    return {};
  }
};

TEST_F(ProgramTest, WritesThePictureWithoutADisplay) {
  write_results(path("r.sqlite"), {small_scenario("one"), small_scenario("two")}, small_runs());
  const Ended ended = run({path("r.sqlite"), QStringLiteral("--export"), path("out.png"), QStringLiteral("--scenario"),
                           QStringLiteral("one")});
  EXPECT_EQ(ended.code, 0) << qPrintable(ended.error);
  EXPECT_TRUE(ended.out.contains(QStringLiteral("wrote "))) << qPrintable(ended.out);
  const QImage image(path("out.png"));
  EXPECT_EQ(image.width(), kExportWidth * kExportScale);
}

TEST_F(ProgramTest, AMissingFileEndsWithOneSentenceAndCode2) {
  const Ended ended = run({path("missing.sqlite"), QStringLiteral("--export"), path("out.png")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(sentence(ended.error).contains(QStringLiteral("missing.sqlite: there is no such file")))
      << qPrintable(ended.error);
  EXPECT_FALSE(QFile::exists(path("out.png")));
}

TEST_F(ProgramTest, ANewerSchemaEndsWithOneSentenceAndCode2) {
  write_results(path("new.sqlite"), {small_scenario()}, small_runs());
  tamper(path("new.sqlite"), "PRAGMA user_version = 99");
  const Ended ended = run({path("new.sqlite"), QStringLiteral("--export"), path("out.png")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(sentence(ended.error).contains(QStringLiteral("schema 99"))) << qPrintable(ended.error);
  EXPECT_FALSE(QFile::exists(path("out.png")));
}

TEST_F(ProgramTest, AFileThatIsNoResultEndsWithOneSentenceAndCode2) {
  QFile file(path("notes.txt"));
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  file.write("just some text that is long enough to be read as a header of something\n");
  file.close();
  const Ended ended = run({path("notes.txt"), QStringLiteral("--export"), path("out.png")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(sentence(ended.error).contains(QStringLiteral("notes.txt"))) << qPrintable(ended.error);
}

TEST_F(ProgramTest, AnUnknownScenarioNamesTheKnownOnes) {
  write_results(path("r.sqlite"), {small_scenario("one"), small_scenario("two")}, small_runs());
  const Ended ended = run({path("r.sqlite"), QStringLiteral("--export"), path("out.png"), QStringLiteral("--scenario"),
                           QStringLiteral("three")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(sentence(ended.error).contains(QStringLiteral("no scenario named \"three\"; it has one, two")))
      << qPrintable(ended.error);
}

TEST_F(ProgramTest, WithoutADisplayTheWindowIsRefusedWithTheFix) {
  const Ended ended = run({path("r.sqlite")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(sentence(ended.error).contains(QStringLiteral("--export out.png"))) << qPrintable(ended.error);
}

}  // namespace
}  // namespace homing::gui
