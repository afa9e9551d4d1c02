// SPDX-License-Identifier: Apache-2.0
//
// Links: what lies between the ends of the simulated network, each direction for itself.
//
// The ends are the users' site (with the front balancer), every machine (router and launcher together) and the store.
// Between machines a partition is kept as a set and two directions, not as a square of links, so that a thousand
// machines cost nothing while the network is whole. Faults overlap: everything is counted up and down, and what one
// fault ends another may still hold.
//
//   users -- machine     user(m, way)      store -- machine     store(m, way)
//   machine -- machine   peer(m, way) of both ends, and every partition that separates them
//
// Thread class: value; single-owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "router/core/instant.h"

namespace homing::sim {

// As the machine sees it.
enum class Way : std::uint8_t { kOut = 0, kIn = 1 };

struct Link {
  std::int32_t cuts = 0;   // faults that cut it
  core::Duration delay{};  // on top of the scenario's
  std::int64_t loss = 0;   // millionths of the messages
  bool up() const { return cuts == 0; }
};

class Links {
 public:
  explicit Links(std::size_t machines) : ends_(machines) {}

  Link& user(std::uint32_t machine, Way way) { return ends_[machine].user[place(way)]; }
  Link& store(std::uint32_t machine, Way way) { return ends_[machine].store[place(way)]; }
  Link& peer(std::uint32_t machine, Way way) { return ends_[machine].peer[place(way)]; }
  const Link& user(std::uint32_t machine, Way way) const { return ends_[machine].user[place(way)]; }
  const Link& store(std::uint32_t machine, Way way) const { return ends_[machine].store[place(way)]; }

  // Both ways.
  bool users_reach(std::uint32_t machine) const { return both(ends_[machine].user); }
  bool sees_store(std::uint32_t machine) const { return both(ends_[machine].store); }
  bool peers_talk(std::uint32_t a, std::uint32_t b) const { return peer_up(a, b) && peer_up(b, a); }

  // Does a message of machine `from` arrive at `to`?
  bool peer_up(std::uint32_t from, std::uint32_t to) const {
    if (from == to) return true;
    if (!ends_[from].peer[0].up() || !ends_[to].peer[1].up()) return false;
    for (const Partition& cut : partitions_) {
      if (cut.side[from] != cut.side[to] && (cut.side[from] ? cut.out : cut.in)) return false;
    }
    return true;
  }
  core::Duration peer_delay(std::uint32_t from, std::uint32_t to) const {
    return from == to ? core::Duration{} : ends_[from].peer[0].delay + ends_[to].peer[1].delay;
  }

  // Cuts the messages of `side` to the other machines (`out`) and theirs to it (`in`), until heal() of the same name.
  void part(std::uint32_t name, const std::vector<std::uint32_t>& side, bool out, bool in) {
    Partition cut{name, std::vector<bool>(ends_.size(), false), out, in};
    for (const std::uint32_t machine : side) cut.side[machine] = true;
    partitions_.push_back(std::move(cut));
  }
  void heal(std::uint32_t name) {
    std::erase_if(partitions_, [name](const Partition& cut) { return cut.name == name; });
  }

 private:
  struct Ends {
    Link user[2];
    Link store[2];
    Link peer[2];
  };
  struct Partition {
    std::uint32_t name;
    std::vector<bool> side;
    bool out;
    bool in;
  };
  static constexpr std::size_t place(Way way) { return static_cast<std::size_t>(way); }
  static bool both(const Link (&link)[2]) { return link[0].up() && link[1].up(); }

  std::vector<Ends> ends_;
  std::vector<Partition> partitions_;
};

}  // namespace homing::sim
