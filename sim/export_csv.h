// SPDX-License-Identifier: Apache-2.0
//
// A result file as a folder of CSV files, one a table and one a view, for spreadsheets and pandas.
//
// Every row of a run carries the run's key, scenario, strategy with base and parameters, and seed; values carry name
// and unit of their metric; series are written out, one row a bucket, a bucket without an observation with empty cells.
// columns.csv names the unit of every column of every file. UTF-8, RFC 4180 quoting, \n, the shortest digits that read
// back to the same number, empty for NULL.
// The folder is written beside its name and renamed when it is whole. Thread class: pure function over files.
#pragma once

#include <expected>
#include <iosfwd>
#include <span>
#include <string>

namespace homing::sim {

struct ExportCount {
  int files = 0;
  long long rows = 0;
};

// `folder` must not exist, or be empty; with `replace` it may hold an earlier export. The error is a sentence for
// people with the fix; nothing is left behind then.
std::expected<ExportCount, std::string> export_csv(const std::string& result, const std::string& folder, bool replace);

// export RESULT --csv DIR [--replace]
int export_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace homing::sim
