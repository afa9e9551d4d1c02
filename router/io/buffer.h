// SPDX-License-Identifier: Apache-2.0
//
// Bytes that were read and not yet used, in a block borrowed from the thread's pool: a connection that waits holds
// none.
//
// Two sizes: small for heads and quiet streams, large while a body flows (fewer system calls). A pool keeps at most
// kKept blocks of each, so that a burst does not hold its memory for ever.
// Invariants: data() is contiguous; never more than kLarge bytes.
// Thread class: single-owner.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace homing::io {

class BlockPool {
 public:
  static constexpr std::size_t kSmall = 32 * 1024;
  static constexpr std::size_t kLarge = 256 * 1024;
  static constexpr std::size_t kKept = 64;

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  char* take(std::size_t size);  // kSmall or kLarge
  void give(char* block, std::size_t size);

 private:
  std::array<std::vector<char*>, 2> free_;
};

class Buffer {
 public:
  explicit Buffer(BlockPool& pool) : pool_(pool) {}
  ~Buffer() { drop(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::string_view data() const { return {block_ + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  // An empty buffer begins anew, and keeps its block until release().
  void consume(std::size_t size);
  // Room behind the data. `large`: the large block. Empty only when the largest block is full.
  std::span<char> room(bool large);
  void commit(std::size_t size) { end_ += size; }
  // Gives the block back when nothing is in it.
  void release() {
    if (empty()) drop();
  }
  void clear() { drop(); }

 private:
  void drop();
  void move_to(std::size_t capacity);

  BlockPool& pool_;
  char* block_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace homing::io
