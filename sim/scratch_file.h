// SPDX-License-Identifier: Apache-2.0
//
// A result file that nobody asked to keep: in a folder of its own that goes when this object goes.
// Thread class: single-owner.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace homing::sim {

class ScratchFile {
 public:
  // Nothing is made unless `wanted`.
  explicit ScratchFile(bool wanted) {
    std::error_code error;
    const std::filesystem::path place = std::filesystem::temp_directory_path(error);
    if (!wanted || error) return;
    std::string pattern = (place / "homing-sim-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  std::string path() const { return folder_ + "/result.sqlite"; }

 private:
  std::string folder_;
};

}  // namespace homing::sim
