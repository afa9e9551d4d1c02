// SPDX-License-Identifier: Apache-2.0
#include "router/io/buffer.h"

#include <cstring>

#include "router/core/check.h"

namespace homing::io {

namespace {
constexpr std::size_t kLeastRoom = 4 * 1024;
}  // namespace

BlockPool::~BlockPool() {
  for (auto& list : free_) {
    for (char* block : list) delete[] block;
  }
}

char* BlockPool::take(std::size_t size) {
  CHECK(size == kSmall || size == kLarge);
  auto& list = free_[size == kLarge ? 1 : 0];
  if (list.empty()) return new char[size];
  char* block = list.back();
  list.pop_back();
  return block;
}

void BlockPool::give(char* block, std::size_t size) {
  auto& list = free_[size == kLarge ? 1 : 0];
  if (list.size() >= kKept) {
    delete[] block;
  } else {
    list.push_back(block);
  }
}

void Buffer::consume(std::size_t size) {
  CHECK(size <= end_ - begin_);
  begin_ += size;
  if (begin_ == end_) begin_ = end_ = 0;
}

std::span<char> Buffer::room(bool large) {
  if (block_ == nullptr) {
    move_to(large ? BlockPool::kLarge : BlockPool::kSmall);
  } else if (large && capacity_ < BlockPool::kLarge) {
    move_to(BlockPool::kLarge);
  } else if (capacity_ - end_ < kLeastRoom) {
    // First the front, then the large block; of that, the last byte.
    if (begin_ >= kLeastRoom || (begin_ > 0 && capacity_ == BlockPool::kLarge)) {
      std::memmove(block_, block_ + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else if (capacity_ < BlockPool::kLarge) {
      move_to(BlockPool::kLarge);
    }
  }
  return {block_ + end_, capacity_ - end_};
}

void Buffer::move_to(std::size_t capacity) {
  char* block = pool_.take(capacity);
  const std::size_t held = end_ - begin_;
  if (held > 0) std::memcpy(block, block_ + begin_, held);
  if (block_ != nullptr) pool_.give(block_, capacity_);
  block_ = block;
  capacity_ = capacity;
  begin_ = 0;
  end_ = held;
}

void Buffer::drop() {
  if (block_ != nullptr) pool_.give(block_, capacity_);
  block_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

}  // namespace homing::io
