// SPDX-License-Identifier: Apache-2.0
//
// What the swarm has met: every transition of a session's row, every refusal a person or a node can be told, every
// reason of an end, every kind of fault. A run that has not met something has not tested it, so the table is printed
// and a full run demands a number of each. Thread class: value; sums add.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace homing::sim::swarm {

class Coverage {
 public:
  void hit(std::string_view group, std::string_view what, std::uint64_t times = 1);
  void add(const Coverage& other);
  // Lists everything that can be met, so that what never was is in the table with 0.
  void expect_all();
  // Aligned text, one line a counter; what is below `least` is marked, and so is what is excused.
  std::string table(std::uint64_t least) const;
  // Counters below `least` that no excuse covers, as "group: what (count)" lines; "" when there are none.
  std::string missing(std::uint64_t least) const;
  std::uint64_t count(std::string_view group, std::string_view what) const;

 private:
  std::map<std::string, std::map<std::string, std::uint64_t, std::less<>>, std::less<>> counts_;
};

}  // namespace homing::sim::swarm
