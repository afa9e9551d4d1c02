// SPDX-License-Identifier: Apache-2.0
//
// How many connections somebody has: by address, by user. One count for all workers; asked once a connection, never a
// request.
// Invariant: a name is kept only while somebody holds it.
// Thread class: thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace homing::net {

class Quota {
 public:
  // One of what `name` may have, given back when this ends. Empty: none was taken.
  class Hold {
   public:
    Hold() = default;
    Hold(Quota& quota, std::string_view name) : quota_(&quota), name_(name) {}
    Hold(Hold&& other) noexcept : quota_(std::exchange(other.quota_, nullptr)), name_(std::move(other.name_)) {}
    Hold& operator=(Hold&& other) noexcept {
      if (this != &other) {
        release();
        quota_ = std::exchange(other.quota_, nullptr);
        name_ = std::move(other.name_);
      }
      return *this;
    }
    ~Hold() { release(); }
    bool held() const { return quota_ != nullptr; }
    const std::string& name() const { return name_; }

   private:
    void release() {
      if (quota_ != nullptr) quota_->give_back(name_);
      quota_ = nullptr;
    }
    Quota* quota_ = nullptr;
    std::string name_;
  };

  // An empty hold when `name` has `most` already.
  Hold take(std::string_view name, std::int64_t most) {
    const std::lock_guard lock(mutex_);
    std::int64_t& count = counts_[std::string(name)];
    if (count >= most) return {};
    ++count;
    return {*this, name};
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  void give_back(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto it = counts_.find(name);
    if (--it->second == 0) counts_.erase(it);
  }
  mutable std::mutex mutex_;
  absl::flat_hash_map<std::string, std::int64_t> counts_;
};

}  // namespace homing::net
