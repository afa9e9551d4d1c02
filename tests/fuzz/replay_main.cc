// SPDX-License-Identifier: Apache-2.0
//
// Replays inputs through a fuzz target without a fuzzer: every file, and every file of a folder, in order of name.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

int main(int argc, char** argv) {
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    std::error_code error;
    if (!std::filesystem::is_directory(argv[i], error)) files.emplace_back(argv[i]);
    for (const auto& entry : std::filesystem::directory_iterator(argv[i], error))
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const std::string bytes = homing::fuzz::read_file(file);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  std::printf("%zu inputs replayed\n", files.size());
  std::error_code ignored;
  if (homing::fuzz::scratch_folder() != "/tmp") std::filesystem::remove_all(homing::fuzz::scratch_folder(), ignored);
  return files.empty() ? 1 : 0;
}
