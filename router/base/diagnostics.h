// SPDX-License-Identifier: Apache-2.0
//
// Diagnostics: what is wrong with a file, all of it at once, each with the place and the fix.
//
//   FILE:LINE:COLUMN: KEY: what is wrong; expected ...; did you mean "..."?
//
// A reader never stops at the first error: it records it and goes on with a default, so that a person repairs a file in
// one round. Programs print the report on stderr and leave with exit code 2 (kBadInputExit), having written nothing.
// Thread class: thread-compatible.
#pragma once

#include <compare>
#include <string>
#include <vector>

namespace homing::base {

inline constexpr int kBadInputExit = 2;

// A place in a file; line 0 means the file as a whole. Lines and columns count from 1.
struct Where {
  unsigned line = 0;
  unsigned column = 0;
  friend auto operator<=>(const Where&, const Where&) = default;
};

struct Diagnostic {
  std::string file;
  Where where;
  std::string key;   // full dotted path, e.g. "kind.jupyter.listen" or "node[2].address"; may be empty
  std::string text;  // "what is wrong; expected ...; did you mean "..."?"

  std::string render() const;
};

// Every diagnostic on a line of its own, in order of place, ending with a newline; empty for none.
std::string render_report(std::vector<Diagnostic> diagnostics);

}  // namespace homing::base
