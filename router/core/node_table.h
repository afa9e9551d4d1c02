// SPDX-License-Identifier: Apache-2.0
//
// A table by node number that takes room only for the nodes it has been asked to write.
//
// Most cores of a large cluster serve nobody and know one node, themselves; with a plain vector the thousandth of them
// kept a thousand rows for it (a simulated cluster of n machines n^2/2). Rows lie in blocks of sixteen, which are made
// when somebody writes there; what was never written reads as a row as it is at birth.
//
// Invariants: reading makes nothing; a row never moves, so references hold while the table grows; written to an archive
// it is a vector of all its rows. Thread class: value; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "router/core/archive.h"

namespace homing::core {

template <class Row>
class NodeTable {
 public:
  std::size_t size() const { return size_; }
  // REQUIRES: size >= size().
  void grow(std::size_t size) {
    size_ = size;
    blocks_.resize((size + kBlock - 1) / kBlock);
  }

  // REQUIRES for both: i < size().
  const Row& operator[](std::size_t i) const {
    const std::vector<Row>& block = blocks_[i / kBlock];
    return block.empty() ? at_birth() : block[i % kBlock];
  }
  Row& operator[](std::size_t i) {
    std::vector<Row>& block = blocks_[i / kBlock];
    if (block.empty()) block.resize(kBlock);
    return block[i % kBlock];
  }

  // Every row that is not as at birth, and some that are, in the order of their numbers.
  template <class F>
  void for_each_written(F&& act) {
    for (std::vector<Row>& block : blocks_) {
      for (Row& row : block) act(row);
    }
  }
  template <class F>
  bool any_of(F&& holds) const {
    for (std::size_t i = 0; i < size_; ++i) {
      if (holds((*this)[i])) return true;
    }
    return false;
  }

  template <class A>
  void archive(A& a) {
    if constexpr (std::is_same_v<A, Reader>) {
      std::vector<Row> rows;
      a(rows);
      blocks_.clear();
      grow(rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) (*this)[i] = std::move(rows[i]);
    } else {
      a(static_cast<std::uint64_t>(size_));
      for (std::size_t i = 0; i < size_; ++i) a(std::as_const(*this)[i]);
    }
  }

 private:
  static constexpr std::size_t kBlock = 16;
  static const Row& at_birth() {
    static const Row row{};
    return row;
  }

  std::vector<std::vector<Row>> blocks_;  // empty: nothing was written there
  std::size_t size_ = 0;
};

}  // namespace homing::core
