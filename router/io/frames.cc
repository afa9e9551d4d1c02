// SPDX-License-Identifier: Apache-2.0
#include "router/io/frames.h"

#include <array>
#include <cstdint>
#include <new>

namespace homing::io {

namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 64;  // up to 4 KiB; larger frames are plain allocations
constexpr std::uint32_t kKept = 64;   // a class

struct Block {
  Block* next;
};

struct Lists {
  struct List {
    Block* first = nullptr;
    std::uint32_t count = 0;
  };
  std::array<List, kClasses> lists{};
  ~Lists() {
    for (List& list : lists) {
      while (list.first != nullptr) {
        Block* block = list.first;
        list.first = block->next;
        ::operator delete(block);
      }
      list.count = kKept;  // what is freed after this thread's end goes back to the heap
    }
  }
};

Lists& lists() {
  thread_local Lists mine;
  return mine;
}

constexpr std::size_t class_of(std::size_t size) {
  return (size + kStep - 1) / kStep - 1;
}

}  // namespace

void* allocate_frame(std::size_t size) {
  const std::size_t at = class_of(size);
  if (at >= kClasses) return ::operator new(size);
  Lists::List& list = lists().lists[at];
  if (list.first == nullptr) return ::operator new((at + 1) * kStep);
  Block* block = list.first;
  list.first = block->next;
  --list.count;
  return block;
}

void free_frame(void* frame, std::size_t size) noexcept {
  const std::size_t at = class_of(size);
  if (at >= kClasses) return ::operator delete(frame);
  Lists::List& list = lists().lists[at];
  if (list.count >= kKept) return ::operator delete(frame);
  list.first = new (frame) Block{list.first};
  ++list.count;
}

}  // namespace homing::io
