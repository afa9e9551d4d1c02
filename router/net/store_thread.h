// SPDX-License-Identifier: Apache-2.0
//
// Runs a blocking store on a thread of its own, in order, and brings each answer back to the driver.
//
// Intuition: a store that hangs must not stop the router. Each call has a time limit, counted by the driver from when
// it was handed over; when it passes, the driver hears Silent and whatever comes later is thrown away. While a call
// hangs, the ones behind it run into their own limits.
// Thread class: calls come from the driver's thread; callbacks arrive on its executor. stop() joins the thread, so it
// may last as long as the store's own busy time-out.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/base/sqlite_store.h"
#include "router/core/event.h"

namespace homing::net {

class StoreThread {
 public:
  // `answer` gets Rows, Won, Lost or Silent. `silence` says why when a store call was answered Silent.
  StoreThread(boost::asio::any_io_executor executor, std::unique_ptr<base::SqliteStore> store,
              std::chrono::milliseconds limit, std::function<void(core::Event)> answer,
              std::function<void(const std::string&)> silence);
  ~StoreThread();
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

  void read_since(core::ReadSince call);
  void compare_and_set(core::CompareAndSet call);
  // Before the claims that follow it in the queue.
  void remember_user(core::UserId user, std::string name);
  void user_name(core::UserId user, std::function<void(std::optional<std::string>)> then);

  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace homing::net
