// SPDX-License-Identifier: Apache-2.0
//
// Memory of coroutine frames: free lists by size, one set a thread, so that a request's coroutines cost no allocation
// once the thread has served one like it.
//
// Intuition: frames come and go in the same few sizes, last in, first out. A list keeps at most kKept blocks, so a
// burst does not hold its memory for ever. A frame freed on another thread than its own goes to that thread's list.
// Thread class: thread-safe (each thread has its own lists).
#pragma once

#include <cstddef>

namespace homing::io {

void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

}  // namespace homing::io
