// SPDX-License-Identifier: Apache-2.0
#include "router/base/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace homing::base {

std::string Diagnostic::render() const {
  std::string out = file;
  if (where.line > 0) out += fmt::format(":{}:{}", where.line, where.column);
  if (!out.empty()) out += ": ";
  if (!key.empty()) out += key + ": ";
  return out + text;
}

std::string render_report(std::vector<Diagnostic> diagnostics) {
  std::sort(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.where, a.key, a.text) < std::tie(b.where, b.key, b.text);
  });
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += diagnostic.render() + '\n';
  return out;
}

}  // namespace homing::base
