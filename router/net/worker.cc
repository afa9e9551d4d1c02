// SPDX-License-Identifier: Apache-2.0
#include "router/net/worker.h"

namespace homing::net {

namespace {

bool fit(Stream& stream) {
  if (!stream.socket().is_open() || stream.buffer().size() != 0) return false;
  error_code error;
  stream.socket().non_blocking(true, error);
  char byte = 0;
  stream.socket().receive(asio::buffer(&byte, 1), Socket::message_peek, error);
  return error == asio::error::would_block;
}

}  // namespace

std::unique_ptr<Stream> IdleStreams::take(const std::string& key) {
  const auto it = idle_.find(key);
  if (it == idle_.end()) return nullptr;
  while (!it->second.empty()) {
    auto stream = std::move(it->second.back());
    it->second.pop_back();
    --count_;
    if (!fit(*stream)) continue;
    stream->read_whenever();
    return stream;
  }
  idle_.erase(it);
  return nullptr;
}

void IdleStreams::give(const std::string& key, std::unique_ptr<Stream> stream) {
  if (count_ >= kMax) clear();
  auto& kept = idle_[key];
  // Those that the reaper closed go now.
  count_ -= std::erase_if(kept, [](const auto& s) { return !s->socket().is_open(); });
  if (kept.size() >= kMaxPerKey) return;
  stream->read_within(kIdle);
  kept.push_back(std::move(stream));
  ++count_;
}

void IdleStreams::clear() {
  idle_.clear();
  count_ = 0;
}

}  // namespace homing::net
