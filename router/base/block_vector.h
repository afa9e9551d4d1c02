// SPDX-License-Identifier: Apache-2.0
//
// A vector that grows without moving what it holds and without room for twice as much.
//
// std::vector doubles: while it does, three times the old size is in memory, and half of the new one may stay empty.
// std::deque's blocks of 512 bytes hold four rows, and finding one takes a division. Here blocks hold kBlock elements,
// a power of two; only the first grows like a vector, so that what stays small costs little.
//
// Invariants: every block but the last is full; an element moves only while the first block grows, or the last block of
// a copy (which has room for no more than it holds). Thread class: value; thread-compatible.
#pragma once

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace homing::base {

template <class T, std::size_t kBlock>
class BlockVector {
  static_assert(kBlock > 0 && (kBlock & (kBlock - 1)) == 0, "blocks of a power of two");

 public:
  class const_iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    using pointer = const T*;
    using reference = const T&;
    const_iterator() = default;
    const_iterator(const BlockVector* of, std::size_t at) : of_(of), at_(at) {}
    reference operator*() const { return (*of_)[at_]; }
    const_iterator& operator++() {
      ++at_;
      return *this;
    }
    const_iterator operator++(int) { return {of_, at_++}; }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    const BlockVector* of_ = nullptr;
    std::size_t at_ = 0;
  };

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // REQUIRES for both: i < size().
  T& operator[](std::size_t i) { return blocks_[i / kBlock][i % kBlock]; }
  const T& operator[](std::size_t i) const { return blocks_[i / kBlock][i % kBlock]; }
  const_iterator begin() const { return {this, 0}; }
  const_iterator end() const { return {this, size_}; }

  void push_back(T value) {
    if (size_ % kBlock == 0) {
      blocks_.emplace_back();
      if (size_ > 0) blocks_.back().reserve(kBlock);
    }
    blocks_.back().push_back(std::move(value));
    ++size_;
  }

 private:
  std::vector<std::vector<T>> blocks_;
  std::size_t size_ = 0;
};

}  // namespace homing::base
