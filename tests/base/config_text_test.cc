// SPDX-License-Identifier: Apache-2.0
#include "router/base/config_text.h"

#include <gtest/gtest.h>

#include "tests/base/temp_dir.h"

namespace homing::base {
namespace {

using namespace std::chrono_literals;

TEST(ConfigTextTest, ValuesOfEveryTypeAreRead) {
  Document file = Document::parse(R"(
name = "n1"
empty = ""
flag = true
count = 7
ratio = 0.25
percent = "40 %"
wait = "1.5 s"
size = "64 GiB"
words = ["a", "b"]
)",
                                  "f.toml");
  const Section root = file.root();
  EXPECT_EQ(root.need("name").as_string(), "n1");
  EXPECT_EQ(root.find("empty").as_any_string(), "");
  EXPECT_EQ(root.find("flag").as_bool(), true);
  EXPECT_EQ(root.find("count").as_integer(), 7);
  EXPECT_EQ(root.find("count").as_number(), 7.0);
  EXPECT_EQ(root.find("ratio").as_fraction(), 0.25);
  EXPECT_EQ(root.find("percent").as_fraction(), 0.4);
  EXPECT_EQ(root.find("wait").as_duration(), 1500ms);
  EXPECT_EQ(root.find("size").as_bytes(), 68'719'476'736);
  EXPECT_EQ(root.find("words").as_strings(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(root.find("absent").as_integer(), std::nullopt);
  EXPECT_TRUE(file.finish()) << file.report();
}

TEST(ConfigTextTest, EveryErrorIsReportedAtOnceInFileOrder) {
  Document file = Document::parse(R"(format = "one"
title = 3
heartbeat = 5
grace = "-3 s"
zero = "0 s"
huge = "3 h"
size = 12
small = "-1 B"
flag = "yes"
ratio = 1.5
percent = "140 %"
weight = 70000
words = ["a", 3]
table = 4
list = "x"
empty = ""
colour = "grean"
)",
                                  "bad.toml");
  const Section root = file.root();
  root.find("format").as_integer();
  root.find("title").as_string();
  root.find("heartbeat").as_duration();
  root.find("grace").as_duration();
  root.find("zero").as_duration();
  root.find("huge").as_duration({.least = 1s, .most = 1h});
  root.find("size").as_bytes();
  root.find("small").as_bytes();
  root.find("flag").as_bool();
  root.find("ratio").as_fraction();
  root.find("percent").as_fraction();
  root.find("weight").as_integer(1, 65535);
  root.find("words").as_strings();
  root.section("table");
  root.find("list").as_list();
  root.find("empty").as_string();
  root.find("colour").as_choice<int>({{"red", 1}, {"green", 2}});
  root.need("owner");
  EXPECT_FALSE(file.finish());
  EXPECT_EQ(file.report(),
            R"(bad.toml:1:1: owner: is missing; it must be given
bad.toml:1:10: format: expected a whole number, found "one"
bad.toml:2:9: title: expected a text in quotes, found 3
bad.toml:3:13: heartbeat: 5 has no unit; write a unit, e.g. "5 s"
bad.toml:4:9: grace: "-3 s" is negative; expected a duration above 0 s
bad.toml:5:8: zero: "0 s" is too short; expected a duration above 0 s
bad.toml:6:8: huge: "3 h" is too long; expected 1 h or less
bad.toml:7:8: size: 12 has no unit; write a unit, e.g. "12 MiB"
bad.toml:8:9: small: "-1 B" is negative; expected 1 B or more
bad.toml:9:8: flag: expected true or false, found "yes"
bad.toml:10:9: ratio: 1.5 is out of range; expected 0 to 1
bad.toml:11:11: percent: "140 %" is out of range; expected 0 to 1, or "0 %" to "100 %"
bad.toml:12:10: weight: 70000 is out of range; expected 1 to 65535
bad.toml:13:15: words[2]: expected a text in quotes, found 3
bad.toml:14:9: table: expected a table, e.g. { key = value }, found 4
bad.toml:15:8: list: expected a list in brackets, found "x"
bad.toml:16:9: empty: is empty; expected a text
bad.toml:17:10: colour: unknown value "grean"; expected "red" or "green"; did you mean "green"?
)");
}

TEST(ConfigTextTest, AnUnknownKeyNamesTheNearestThatWasAskedForInThatTable) {
  Document file = Document::parse(R"([cluster]
hartbeat = "1 s"
[[node]]
name = "a"
nmae = "b"
zzz = { deep = 1 }
[typo]
x = 1
)",
                                  "f.toml");
  const Section root = file.root();
  root.section("cluster").find("heartbeat");
  for (const Section& node : root.sections("node")) node.need("name").as_string();
  file.finish();
  EXPECT_EQ(file.report(),
            R"(f.toml:2:1: cluster.hartbeat: unknown key; did you mean "heartbeat"?
f.toml:5:1: node[1].nmae: unknown key; did you mean "name"?
f.toml:6:1: node[1].zzz: unknown key; expected "name"
f.toml:7:2: typo: unknown key; expected "cluster" or "node"
)");
}

TEST(ConfigTextTest, KeysThatAreLegalButUnreadAreNotUnknown) {
  Document file = Document::parse("a = 1\nb = { c = 1 }\n", "f.toml");
  file.root().also_known({"a", "b"});
  EXPECT_TRUE(file.finish()) << file.report();
}

TEST(ConfigTextTest, AWholeValueTakenAsItStandsHasNoUnknownKeys) {
  Document file = Document::parse("params = { epsilon = 0.25, floor = 4 }\n", "f.toml");
  EXPECT_EQ(file.root().find("params").text(), "{ epsilon = 0.25, floor = 4 }");
  EXPECT_TRUE(file.finish()) << file.report();
}

TEST(ConfigTextTest, FreeKeysComeInFileOrderWithTheirPlaces) {
  Document file = Document::parse(R"([kind.zebra]
memory = "1 B"
[kind.ape]
memory = "2 B"
[users]
kinds = { jupyter = 0.6, apple = 0.4 }
[sweep]
"cluster.report-every" = ["5 s", "15 s"]
)",
                                  "f.toml");
  const Section root = file.root();
  std::vector<std::string> names;
  for (const Entry& kind : root.named("kind")) {
    names.push_back(kind.name);
    EXPECT_TRUE(kind.section().need("memory").as_bytes().has_value());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"zebra", "ape"}));
  const std::vector<Entry> kinds = root.section("users").named("kinds");
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds[0].name, "jupyter");
  EXPECT_EQ(kinds[0].where, (Where{6, 11}));
  EXPECT_EQ(kinds[0].value.as_fraction(), 0.6);
  const std::vector<Entry> sweep = root.named("sweep");
  ASSERT_EQ(sweep.size(), 1U);
  EXPECT_EQ(sweep[0].name, "cluster.report-every");
  EXPECT_EQ(sweep[0].value.key(), "sweep.\"cluster.report-every\"");
  EXPECT_EQ(sweep[0].value.as_list()->at(1).as_duration(), 15s);
  EXPECT_TRUE(file.finish()) << file.report();
}

TEST(ConfigTextTest, ASingleTableWhereAListIsMeantSaysTwoBrackets) {
  Document file = Document::parse("[node]\nname = \"a\"\n", "f.toml");
  EXPECT_TRUE(file.root().sections("node").empty());
  EXPECT_EQ(file.report(), "f.toml:1:1: node: expected a list of tables; write [[node]] with two brackets\n");
}

TEST(ConfigTextTest, AnAbsentSectionComplainsAboutNothing) {
  Document file = Document::parse("", "f.toml");
  const Section burst = file.root().section("burst");
  EXPECT_FALSE(burst.present());
  EXPECT_EQ(burst.need("at").as_string(), std::nullopt);
  EXPECT_TRUE(burst.sections("deeper").empty());
  EXPECT_TRUE(file.finish()) << file.report();
}

TEST(ConfigTextTest, LaterChecksReportAtTheValuesTheyFoundWrong) {
  Document file = Document::parse("[[fault]]\ntarget = [\"n3\", \"n9\"]\n", "f.toml");
  const Value target = file.root().sections("fault")[0].need("target");
  target.as_list()->at(1).error("unknown node \"n9\"");
  file.error_at(Where{1, 1}, "fault", "a sentence");
  EXPECT_EQ(file.report(), "f.toml:1:1: fault: a sentence\nf.toml:2:17: fault[1].target[2]: unknown node \"n9\"\n");
}

TEST(ConfigTextTest, TextThatIsNoTomlHasThePlace) {
  Document file = Document::parse("format = 1\nkey = = 3\n", "f.toml");
  file.root().need("anything");
  file.finish();
  ASSERT_EQ(file.diagnostics().size(), 1U) << file.report();
  EXPECT_EQ(file.diagnostics()[0].where, (Where{2, 7}));
  EXPECT_NE(file.report().find("f.toml:2:7: not valid TOML: "), std::string::npos) << file.report();
}

TEST(ConfigTextTest, ALetterBeyondAsciiBelongsIntoAStringOrAComment) {
  Document file = Document::parse("a = \"\"\"\\\n\u00a7 \u0452\"\"\"  # \u0452\n", "f.toml");
  EXPECT_EQ(file.root().need("a").as_string(), "\u00a7 \u0452");
  EXPECT_TRUE(file.finish()) << file.report();
  for (const std::string text : {"\u0452", "a = 1 \u0452", "a = 1\n \u00e9b = 2", "a = [1,\u4e00 2]"}) {
    Document bad = Document::parse(text, "bad.toml");
    EXPECT_FALSE(bad.finish()) << text;
    EXPECT_NE(bad.report().find("not valid TOML"), std::string::npos) << text;
  }
}

TEST(ConfigTextTest, AKeyWrittenTwiceIsRefused) {
  const Document file = Document::parse("a = 1\na = 2\n", "f.toml");
  ASSERT_EQ(file.diagnostics().size(), 1U);
  EXPECT_EQ(file.diagnostics()[0].where.line, 2U);
}

TEST(ConfigTextTest, AMissingFileAndADirectoryAreOneSentence) {
  const TempDir dir;
  EXPECT_EQ(Document::load(dir.file("none")).report(),
            dir.file("none") + ": cannot be read: No such file or directory\n");
  EXPECT_EQ(Document::load(dir.path()).report(), dir.path() + ": cannot be read: Is a directory\n");
  EXPECT_TRUE(Document::load(dir.write("empty", "")).ok());
  Document good = Document::load(dir.write("good", "a = 1\n"));
  EXPECT_EQ(good.root().find("a").as_integer(), 1);
}

TEST(ConfigTextTest, ACopyForgetsWhatWasReadAndFound) {
  Document file = Document::parse("a = 1\n", "f.toml");
  file.root().find("a").as_string();
  Document copy = file;
  EXPECT_FALSE(file.ok());
  EXPECT_TRUE(copy.ok());
  EXPECT_EQ(copy.root().section("x").present(), false);
  EXPECT_FALSE(copy.finish()) << "a was not asked for in the copy";
}

TEST(ConfigTextTest, AReplacedValueIsReadAndReportsTheReplacementsPlace) {
  Document file = Document::parse("[cluster]\nreport-every = \"1 s\"\n[sweep]\nvalues = [\"5 s\", 15]\n", "f.toml");
  Document source = file;
  const auto values = source.root().section("sweep").find("values").as_list();
  Document swept = file;
  ASSERT_TRUE(swept.replace("cluster.report-every", values->at(0)));
  EXPECT_EQ(swept.root().section("cluster").find("report-every").as_duration(), 5s);
  ASSERT_TRUE(swept.replace("cluster.fresh.deep", values->at(1)));
  swept.root().section("cluster").section("fresh").find("deep").as_duration();
  EXPECT_EQ(swept.report(), "f.toml:4:18: cluster.fresh.deep: 15 has no unit; write a unit, e.g. \"15 s\"\n");
  EXPECT_FALSE(swept.replace("cluster.report-every.x", values->at(0)));
}

TEST(ConfigTextTest, ElementsOfListsAreReplacedAndTakenOutByNumberOrName) {
  Document file = Document::parse("b = 9\n[[a]]\nname = \"x\"\nn = 1\n[[a]]\nname = \"y\"\nn = 2\n", "f.toml");
  Document source = file;
  const auto nine = source.root().find("b");
  ASSERT_TRUE(file.replace("a.y.n", nine));
  ASSERT_TRUE(file.replace("a.1.fresh.m", nine));
  EXPECT_EQ(file.canonical_text(),
            "a = [{ fresh = { m = 9 }, n = 1, name = \"x\" }, { n = 9, name = \"y\" }]\nb = 9\n");
  EXPECT_FALSE(file.replace("a.z.n", nine));
  EXPECT_FALSE(file.replace("a.0.n", nine));
  EXPECT_FALSE(file.replace("a.3.n", nine));
  EXPECT_FALSE(file.remove("a.x.m"));
  EXPECT_FALSE(file.remove("b.c"));
  ASSERT_TRUE(file.remove("a.x.fresh"));
  ASSERT_TRUE(file.remove("a.2"));
  EXPECT_EQ(file.canonical_text(), "a = [{ n = 1, name = \"x\" }]\nb = 9\n");
  const Document again = Document::parse(file.canonical_text(), "again.toml");
  EXPECT_EQ(again.canonical_text(), file.canonical_text());
}

TEST(ConfigTextTest, LayoutDoesNotChangeTheCanonicalText) {
  const Document one = Document::parse("b = { y = 2, x = [1, 2.5, \"q\\\"\"] } # why\na = 1\n", "f");
  const Document two = Document::parse("a = 1\n[b]\nx = [1,2.5,'q\"']\ny = 2\n", "g");
  EXPECT_EQ(one.canonical_text(), two.canonical_text());
  EXPECT_EQ(one.canonical_text(), "a = 1\nb.x = [1, 2.5, \"q\\\"\"]\nb.y = 2\n");
}

}  // namespace
}  // namespace homing::base
