// SPDX-License-Identifier: Apache-2.0
#include "sim/validate_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/json_text.h"

namespace homing::sim {
namespace {

const char* name_of(Check check) {
  switch (check) {
    case Check::kMean:
      return "mean";
    case Check::kVariance:
      return "variance";
    case Check::kIdentity:
      return "identity";
    case Check::kAbove:
      return "above";
    case Check::kBelow:
      return "below";
    case Check::kShown:
      return "shown";
  }
  return "";
}

std::string prediction_text(const Quantity& quantity) {
  const char* sign = quantity.check == Check::kAbove ? "> " : quantity.check == Check::kBelow ? "< " : "";
  const std::string own = quantity.own_error > 0 ? fmt::format("±{:.2g}", quantity.own_error) : "";
  return fmt::format("{}{:.6g}{}", sign, quantity.predicted, own);
}

// Columns count characters, not bytes: "±" is one.
std::string padded_left(const std::string& text, std::size_t width) {
  std::size_t shown = 0;
  for (const char c : text) shown += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u ? 1 : 0;
  return std::string(width > shown ? width - shown : 0, ' ') + text;
}

std::string json_of(const QuantityResult& result) {
  std::string seeds;
  for (const Estimate& seed : result.by_seed) {
    seeds += fmt::format("{}{{\"value\":{},\"standard_error\":{}}}", seeds.empty() ? "" : ",", json_number(seed.value),
                         json_number(seed.standard_error));
  }
  return fmt::format(
      R"({{"name":{},"check":"{}","predicted":{},"predicted_error":{},"simulated":{},"standard_error":{},"verdict":"{}","seeds":[{}]}})",
      json_quoted(result.quantity.name), name_of(result.quantity.check), json_number(result.quantity.predicted),
      json_number(result.quantity.own_error), json_number(result.found.value), json_number(result.found.standard_error),
      words(result.agreement), seeds);
}

std::string json_of(const Row& row, const RowResult& result) {
  std::string quantities, mutations;
  for (const QuantityResult& quantity : result.quantities) {
    quantities += (quantities.empty() ? "" : ",") + json_of(quantity);
  }
  for (const MutationResult& mutation : result.mutations) {
    mutations += fmt::format("{}{{\"rate_times\":{},\"noticed\":{},\"by\":{}}}", mutations.empty() ? "" : ",",
                             mutation.off, mutation.noticed, json_quoted(mutation.by));
  }
  return fmt::format(
      R"({{"row":{},"section":{},"title":{},"formula":{},"source":{},"replications":{},"good":{},"quantities":[{}],"mutations":[{}]}})",
      json_quoted(row.name), json_quoted(row.section), json_quoted(row.title), json_quoted(row.formula),
      json_quoted(row.source), result.replications, result.good(), quantities, mutations);
}

}  // namespace

std::string table_header() {
  return fmt::format("{:<34}{:>20}{:>14}{:>12}  {}\n", "", "predicted", "simulated", "std error", "verdict");
}

std::string table_lines(const Row& row, const RowResult& result) {
  std::string text = fmt::format("{}  {} [{}]\n", row.name, row.title, row.source);
  for (const QuantityResult& q : result.quantities) {
    text +=
        fmt::format("  {:<32}{}{:>14.6g}{:>12.2g}  {}\n", q.quantity.name, padded_left(prediction_text(q.quantity), 20),
                    q.found.value, q.found.standard_error, words(q.agreement));
  }
  for (const MutationResult& m : result.mutations) {
    text += m.noticed ? fmt::format("  rate x {:.2f}: noticed ({})\n", m.off, m.by)
                      : fmt::format("  rate x {:.2f}: NOT NOTICED\n", m.off);
  }
  return text;
}

std::string table_footer(const ValidationResult& result, std::span<const Uncovered> uncovered) {
  std::string text = uncovered.empty() ? "" : "\nnot covered:\n";
  for (const Uncovered& row : uncovered) text += fmt::format("  {}: {}\n", row.title, row.reason);
  std::size_t asserted = 0, agreeing = 0, shown = 0, mutations = 0, noticed = 0;
  for (const RowResult& row : result.rows) {
    for (const QuantityResult& q : row.quantities) {
      shown += q.agreement == Agreement::kShown ? 1 : 0;
      asserted += q.agreement == Agreement::kShown ? 0 : 1;
      agreeing += q.agreement == Agreement::kAgrees ? 1 : 0;
    }
    mutations += row.mutations.size();
    noticed += static_cast<std::size_t>(
        std::count_if(row.mutations.begin(), row.mutations.end(), [](const MutationResult& m) { return m.noticed; }));
  }
  text += fmt::format("\n{} rows: {} of {} asserted quantities agree, {} shown only", result.rows.size(), agreeing,
                      asserted, shown);
  if (mutations > 0) text += fmt::format("; {} of {} wrong rates noticed", noticed, mutations);
  return text + (result.interrupted ? "; interrupted\n" : "\n");
}

std::string validation_json(const std::vector<Row>& rows, const ValidationResult& result,
                            std::span<const Uncovered> uncovered) {
  std::string done, missing;
  for (const RowResult& found : result.rows) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.name == found.name; });
    done += (done.empty() ? "" : ",\n") + json_of(*row, found);
  }
  for (const Uncovered& row : uncovered) {
    missing += fmt::format("{}{{\"section\":{},\"title\":{},\"reason\":{}}}", missing.empty() ? "" : ",\n",
                           json_quoted(row.section), json_quoted(row.title), json_quoted(row.reason));
  }
  return fmt::format("{{\"format\":1,\"good\":{},\"interrupted\":{},\"rows\":[\n{}],\n\"not_covered\":[\n{}]}}\n",
                     result.good(), result.interrupted, done, missing);
}

}  // namespace homing::sim
