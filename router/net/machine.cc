// SPDX-License-Identifier: Apache-2.0
#include "router/net/machine.h"

#include <sched.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

namespace homing::net {

namespace {

std::string read_small_file(const char* path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), std::fclose);
  std::array<char, 4096> bytes{};
  return file ? std::string(bytes.data(), std::fread(bytes.data(), 1, bytes.size(), file.get())) : std::string();
}

// "1.25" -> 1250, without floating point.
std::uint32_t thousandths(std::string_view text) {
  std::uint64_t whole = 0;
  const auto [point, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || whole > 4'000'000) return 0;
  std::uint64_t fraction = 0;
  std::uint64_t unit = 100;
  const std::string_view rest(point, static_cast<std::size_t>(text.data() + text.size() - point));
  if (rest.starts_with('.')) {
    for (const char c : rest.substr(1)) {
      if (c < '0' || c > '9') break;
      fraction += static_cast<std::uint64_t>(c - '0') * unit;
      unit /= 10;
    }
  }
  return static_cast<std::uint32_t>(whole * 1000 + fraction);
}

std::uint64_t kibibytes_after(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = text.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::uint64_t value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value * 1024;
}

}  // namespace

core::Instant boot_time() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return core::Instant{core::seconds(now.tv_sec) + core::nanoseconds(now.tv_nsec)};
}

void read_loadavg(std::string_view text, core::NodeLoad& load) {
  for (std::uint32_t* figure : {&load.load1_milli, &load.load5_milli, &load.load15_milli}) {
    const std::size_t end = text.find(' ');
    *figure = thousandths(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

void read_meminfo(std::string_view text, core::NodeLoad& load) {
  load.memory_total = kibibytes_after(text, "MemTotal:");
  load.memory_available = kibibytes_after(text, "MemAvailable:");
}

core::NodeLoad measure_load() {
  core::NodeLoad load;
  read_loadavg(read_small_file("/proc/loadavg"), load);
  read_meminfo(read_small_file("/proc/meminfo"), load);
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  load.cores_milli = static_cast<std::uint32_t>(count > 0 ? count : 1) * 1000;
  return load;
}

}  // namespace homing::net
