// SPDX-License-Identifier: Apache-2.0
//
// The simulator with the real core in it against exact values: `homing-sim validate --quick` guards every merge, and a
// wrong rate must be noticed.
#include "sim/validate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "sim/validate_command.h"
#include "sim/validate_report.h"

namespace homing::sim {
namespace {

std::string described(const std::vector<Row>& rows, const ValidationResult& result) {
  std::string text;
  for (const RowResult& found : result.rows) {
    if (found.good()) continue;
    for (const Row& row : rows) {
      if (row.name == found.name) text += table_lines(row, found);
    }
  }
  return text;
}

void expect_good(const ValidationOptions& options) {
  const std::vector<Row> rows = validation_rows();
  const ValidationResult result = run_validation(rows, options);
  ASSERT_FALSE(result.rows.empty());
  EXPECT_TRUE(result.good()) << described(rows, result);
}

TEST(Validate, EveryQuickRowAgrees) {
#ifndef NDEBUG
  GTEST_SKIP() << "only in optimised builds";
#endif
  expect_good({.jobs = 2, .quick = true});
}

TEST(Validate, ARateFivePercentOffIsNoticed) {
#ifndef NDEBUG
  GTEST_SKIP() << "only in optimised builds";
#endif
  for (const char* row : {"jsq-n2", "mmc-2-1", "killed-9h"}) {
    expect_good({.jobs = 2, .quick = true, .mutate = true, .only = row});
  }
}

TEST(Validate, LittlesLawIsAnIdentity) {
  expect_good({.jobs = 2, .quick = true, .only = "little"});
}

TEST(ValidateLongTest, EveryRowAgreesAndNoticesAWrongRate) {
#ifndef NDEBUG
  GTEST_SKIP() << "only in optimised builds";
#endif
  expect_good({.jobs = 2, .mutate = true});
}

// ---- the machinery -------------------------------------------------------------------------------------------------

TEST(Validate, RowsHaveDifferentNamesAndSaySourceAndFormula) {
  std::set<std::string> names;
  for (const Row& row : validation_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.formula.empty()) << row.name;
    EXPECT_FALSE(row.source.empty()) << row.name;
    EXPECT_GE(row.replications, 20) << row.name;
    EXPECT_TRUE(row.quick == 0 || row.quick >= 7) << row.name << ": 20 replications at least";
    EXPECT_FALSE(row.predict().empty()) << row.name;
  }
  for (const Uncovered& row : uncovered_rows()) EXPECT_FALSE(row.reason.empty()) << row.title;
}

// "-80" after `mm1-ps-50` stands for mm1-ps-80, and "..." for what lies between.
TEST(Validate, TheDocumentHasAFormulaForEveryRow) {
  std::ifstream file("sim/VALIDATION.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_FALSE(text.empty());
  for (const Row& row : validation_rows()) {
    const bool by_family = text.find("`" + row.name.substr(0, row.name.find_last_of('-'))) != std::string::npos ||
                           text.find("`" + row.name.substr(0, row.name.find('-'))) != std::string::npos;
    EXPECT_TRUE(by_family) << row.name << ": VALIDATION.md has no line for it";
  }
}

TEST(Validate, AgreementNeedsFourStandardErrorsAndPrecision) {
  Quantity quantity{.name = "q", .predicted = 10};
  EXPECT_EQ(compare(quantity, {10.3, 0.1}), Agreement::kAgrees);
  EXPECT_EQ(compare(quantity, {10.5, 0.1}), Agreement::kDiffers);
  EXPECT_EQ(compare(quantity, {10.5, 0.2}), Agreement::kImprecise);
  quantity.own_error = 0.2;  // both errors combined
  EXPECT_EQ(compare(quantity, {10.5, 0.1}), Agreement::kAgrees);
  quantity.check = Check::kVariance;
  EXPECT_EQ(compare(quantity, {10.5, 0.3}), Agreement::kAgrees);
  EXPECT_EQ(compare(quantity, {10.5, 0.4}), Agreement::kImprecise);
  quantity.check = Check::kAbove;
  EXPECT_EQ(compare(quantity, {12, 0.1}), Agreement::kAgrees);
  EXPECT_EQ(compare(quantity, {10.5, 0.1}), Agreement::kDiffers);
  quantity.check = Check::kShown;
  EXPECT_EQ(compare(quantity, {99, 0.1}), Agreement::kShown);
}

TEST(Validate, EstimatesWorkedByHand) {
  const Numbers numbers = {{1, 2}, {2, 5}, {3, 10}};
  const Estimate mean = estimate({.name = "m"}, numbers);
  EXPECT_DOUBLE_EQ(mean.value, 2);
  EXPECT_DOUBLE_EQ(mean.standard_error, std::sqrt(1.0 / 3));
  // Mean squares about the mean of all, 2: 2-4+4, 5-8+4, 10-12+4 = 2, 1, 2.
  const Estimate variance = estimate({.name = "v", .reads = Reads::kVariance, .first = 0, .second = 1}, numbers);
  EXPECT_DOUBLE_EQ(variance.value, 5.0 / 3);
  const Estimate ratio = estimate({.name = "r", .reads = Reads::kRatio, .first = 0, .second = 1}, numbers);
  EXPECT_DOUBLE_EQ(ratio.value, 6.0 / 17);
}

// A row of our own whose answer is known, right or wrong.
Row toy(double truth) {
  Row row;
  row.name = "toy";
  row.formula = row.source = "made up";
  row.quick = 7;
  row.predict = [truth] { return std::vector<Quantity>{{.name = "q", .predicted = truth}}; };
  row.replicate = [](std::uint64_t seed, double off) {
    return std::vector<double>{off * (10 + 0.1 * (static_cast<double>(seed % 7) - 3))};
  };
  return row;
}

TEST(Validate, ARowThatIsWrongFailsAndAWrongRateIsNoticed) {
  const ValidationResult right = run_validation({toy(10)}, {.jobs = 2, .quick = true, .mutate = true});
  EXPECT_TRUE(right.good());
  ASSERT_EQ(right.rows.at(0).mutations.size(), 2u);
  EXPECT_TRUE(right.rows[0].mutations[0].noticed);
  EXPECT_FALSE(run_validation({toy(10.5)}, {.jobs = 2, .quick = true}).good());
}

TEST(Validate, ThreadsDoNotChangeTheTable) {
  const std::vector<Row> rows = {toy(10)};
  const ValidationResult one = run_validation(rows, {.jobs = 1, .quick = true});
  const ValidationResult four = run_validation(rows, {.jobs = 4, .quick = true});
  EXPECT_EQ(validation_json(rows, one, {}), validation_json(rows, four, {}));
}

TEST(Validate, StoppingSaysSo) {
  const ValidationResult stopped =
      run_validation({toy(10)}, {.jobs = 1, .quick = true, .pulse = [](double, const std::string&) { return false; }});
  EXPECT_TRUE(!stopped.interrupted || !stopped.good());
}

// ---- the command ---------------------------------------------------------------------------------------------------

struct Ran {
  int exit = 0;
  std::string out, err;
};

Ran validate(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int exit =
      validate_command(arguments, out, err, [](double, const std::string&, const std::string&) { return true; });
  return {exit, out.str(), err.str()};
}

TEST(ValidateCommand, WrongArgumentsSayWhatWasMeant) {
  EXPECT_EQ(validate({"--quik"}).exit, 2);
  EXPECT_NE(validate({"--quik"}).err.find("did you mean --quick?"), std::string::npos);
  EXPECT_EQ(validate({"--jobs", "none"}).exit, 2);
  EXPECT_EQ(validate({"--jobs"}).exit, 2);
  EXPECT_EQ(validate({"-o", "yaml"}).exit, 2);
  const Ran unknown = validate({"--only", "jsq-n22"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_NE(unknown.err.find("did you mean jsq-n2?"), std::string::npos) << unknown.err;
}

TEST(ValidateCommand, JsonHasEveryFieldOfTheTable) {
  const Ran ran = validate({"--quick", "--only", "little", "--jobs", "2", "-o", "json"});
  EXPECT_EQ(ran.exit, 0) << ran.out;
  const boost::json::object text = boost::json::parse(ran.out).as_object();
  EXPECT_EQ(text.at("format").as_int64(), 1);
  EXPECT_TRUE(text.at("good").as_bool());
  EXPECT_FALSE(text.at("interrupted").as_bool());
  const boost::json::object& row = text.at("rows").as_array().at(0).as_object();
  for (const char* key : {"row", "section", "title", "formula", "source"}) {
    EXPECT_FALSE(row.at(key).as_string().empty()) << key;
  }
  EXPECT_EQ(row.at("replications").as_int64(), 21);
  EXPECT_TRUE(row.at("good").as_bool());
  EXPECT_TRUE(row.at("mutations").is_array());
  const boost::json::object& quantity = row.at("quantities").as_array().at(0).as_object();
  EXPECT_EQ(quantity.at("check").as_string(), "identity");
  EXPECT_EQ(quantity.at("verdict").as_string(), "agrees");
  EXPECT_TRUE(quantity.at("predicted").is_number());
  EXPECT_TRUE(quantity.at("predicted_error").is_number());
  EXPECT_TRUE(quantity.at("simulated").is_number());
  EXPECT_TRUE(quantity.at("standard_error").is_number());
  EXPECT_EQ(quantity.at("seeds").as_array().size(), 3u);
  EXPECT_TRUE(text.at("not_covered").is_array());
}

}  // namespace
}  // namespace homing::sim
