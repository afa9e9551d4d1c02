// SPDX-License-Identifier: Apache-2.0
//
// Reads test cases written by others, which lie outside the tree and are never copied into it: the Markdown of
// Node.js's llhttp (one `http` block and the expected log a case) and the YAML of AWS's http-desync-guardian. Thread
// class: pure functions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homing::wire::test {

struct LlhttpCase {
  std::string name;  // file: heading
  std::string type;  // request, response, request-finish, request-lenient-...
  std::string bytes;
  std::string log;
  int error = 0;  // its code; 0: none. 21 to 24 are pauses, not errors
  bool must_refuse() const { return error != 0 && (error < 21 || error > 24); }
};

struct DesyncCase {
  std::string name;
  std::string method;
  std::string uri;
  std::string version;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string tier;  // Compliant, Acceptable, Ambiguous, Severe
};

// The folder of the cases, when it is there: $HOMING_SHARED/conformance or ../shared/conformance.
std::optional<std::filesystem::path> conformance_folder();
std::vector<LlhttpCase> llhttp_cases(const std::filesystem::path& folder);  // all files below it
std::vector<DesyncCase> desync_cases(const std::filesystem::path& folder);
// As bytes on the wire; `Host: h` is put first when the case has none, as those cases are about other fields.
std::string wire_bytes(const DesyncCase& one);

}  // namespace homing::wire::test
