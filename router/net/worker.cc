// SPDX-License-Identifier: Apache-2.0
#include "router/net/worker.h"

#include "router/net/crypto.h"

namespace homing::net {

std::unique_ptr<io::Stream> IdleStreams::take(const PoolKey& key) {
  const auto it = idle_.find(key);
  if (it == idle_.end()) return nullptr;
  auto& kept = it->second;
  while (!kept.empty()) {
    auto stream = std::move(kept.back());
    kept.pop_back();
    --count_;
    if (!stream->is_quiet()) continue;
    stream->read_whenever();
    return stream;  // the emptied list stays: it is about to be filled again
  }
  idle_.erase(it);
  return nullptr;
}

void IdleStreams::give(const PoolKey& key, std::unique_ptr<io::Stream> stream) {
  if (count_ >= kMax) purge();
  if (count_ >= kMax) clear();
  auto& kept = idle_[key];
  if (kept.size() >= kMaxPerKey) return;
  stream->input().release();
  stream->read_within(kIdleMs);
  kept.push_back(std::move(stream));
  ++count_;
}

// Takes out what ran out of time, and the keys that hold nothing.
void IdleStreams::purge() {
  for (auto it = idle_.begin(); it != idle_.end();) {
    count_ -= std::erase_if(it->second, [](const auto& stream) { return !stream->is_open(); });
    if (it->second.empty()) {
      idle_.erase(it++);
    } else {
      ++it;
    }
  }
}

void IdleStreams::clear() {
  idle_.clear();
  count_ = 0;
}

void Access::clear() {
  for (std::string* text : {&id, &client_address, &session, &hop, &detail}) text->clear();
  kind = node = {};
  ended(EndedBy::kNobody, EndPhase::kAnswerBody);
  status = retries = 0;
  bytes_up = bytes_down = 0;
  began_ns = head_ns = ready_ns = connected_ns = first_byte_ns = 0;
}

std::uint64_t Worker::random_start() {
  std::uint64_t value = 0;
  random_bytes(&value, sizeof value);
  return value;
}

std::unique_ptr<Workspace> Worker::take_workspace() {
  if (spares.empty()) return std::make_unique<Workspace>();
  auto workspace = std::move(spares.back());
  spares.pop_back();
  return workspace;
}

void Worker::give_workspace(std::unique_ptr<Workspace> workspace) {
  if (spares.size() >= kSpares) return;
  workspace->request.reset();
  workspace->answer.reset();
  workspace->access.clear();
  spares.push_back(std::move(workspace));
}

}  // namespace homing::net
