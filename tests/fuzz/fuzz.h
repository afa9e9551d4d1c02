// SPDX-License-Identifier: Apache-2.0
//
// What the fuzz targets share. A target is one function from bytes to nothing: it must neither crash nor hang, whatever
// the bytes. With HOMING_FUZZ it is a libFuzzer program; without, the same file with replay_main.cc replays its seeds.
//
// Files with checksums and structure (traces, SQLite) are not fuzzed as raw bytes, which would only try the checksum:
// a good file is made first, and the bytes say how to spoil it.
// Thread class: single-owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace homing::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes numbers and words from the front of the input; zeros and nothing when it is used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : left_(text_of(data, size)) {}
  bool empty() const { return left_.empty(); }
  std::uint32_t number(int bytes) {
    std::uint32_t value = 0;
    for (int i = 0; i < bytes && !left_.empty(); ++i) {
      value |= std::uint32_t{static_cast<std::uint8_t>(left_.front())} << (8 * i);
      left_.remove_prefix(1);
    }
    return value;
  }
  std::string_view word() {
    const std::size_t length = number(1);
    const std::string_view word = left_.substr(0, length);
    left_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view left_;
};

// One spoiling of `bytes`: a byte set, flipped, a piece cut out or doubled.
inline void spoil(std::string& bytes, Bytes& input) {
  if (bytes.empty()) return;
  const std::uint32_t how = input.number(1);
  const std::size_t at = input.number(3) % bytes.size();
  const auto value = static_cast<char>(input.number(1));
  const std::size_t length = static_cast<std::uint8_t>(value);
  if (how % 8 == 6) {
    bytes.erase(at, length);
  } else if (how % 8 == 7) {
    bytes.insert(at, bytes.substr(at, length));
  } else if (how % 8 < 3) {
    bytes[at] = value;
  } else {
    bytes[at] = static_cast<char>(bytes[at] ^ value);
  }
}

// A folder of this process, in memory where that is possible.
inline const std::string& scratch_folder() {
  static const std::string kFolder = [] {
    std::error_code error;
    const bool memory = std::filesystem::is_directory("/dev/shm", error);
    std::string pattern = std::string(memory ? "/dev/shm" : "/tmp") + "/homing-fuzz-XXXXXX";
    return std::string(mkdtemp(pattern.data()) == nullptr ? "/tmp" : pattern.c_str());
  }();
  return kFolder;
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace homing::fuzz
