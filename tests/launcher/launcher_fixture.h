// SPDX-License-Identifier: Apache-2.0
//
// One real homing-launcher with a configuration of its own, and a plain blocking client of its socket.
// Thread class: single-owner.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/launcher/protocol.h"
#include "tests/launcher/child.h"

namespace homing::testing {

core::Instant boottime();

// Speaks the protocol without the client library, so that the two ends check each other.
class Peer {
 public:
  explicit Peer(const std::string& socket_path, bool hello = true);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool connected() const { return fd_ >= 0; }
  void send(const launcher::Request& request) { send_bytes(launcher::encode(request)); }
  void send_bytes(const std::string& bytes);
  // The next event, or nothing: the connection ended, or nothing came in time.
  std::optional<launcher::Event> next(std::chrono::milliseconds patience = kPatience);
  // Skips events until one of type T that `fits`.
  template <class T>
  std::optional<T> next_of(const std::function<bool(const T&)>& fits = [](const T&) { return true; }) {
    while (const auto event = next()) {
      if (const T* found = std::get_if<T>(&*event); found != nullptr && fits(*found)) return *found;
    }
    return std::nullopt;
  }
  launcher::Inventory inventory() {
    send(launcher::AskInventory{});
    return next_of<launcher::Inventory>().value_or(launcher::Inventory{});
  }

 private:
  int fd_ = -1;
  launcher::FrameReader reader_{launcher::kMaxEventBytes};
};

class LauncherFixture : public ::testing::Test {
 protected:
  void TearDown() override;

  // Writes the configuration; `kinds` are whole [kind.NAME] tables. Call once, first.
  void configure(const std::string& kinds);
  // A kind that runs the notepad; `more` is added to its table.
  static std::string notepad_kind(const std::string& name = "notepad", const std::string& more = "");
  static std::string loopback_kind(const std::string& name);
  // Runs the launcher and connects; a connection that was there is replaced.
  void run_launcher();
  void connect();
  void kill_launcher() { launcher_.kill(); }
  void hold_lease(core::Duration time = core::seconds(3600));

  launcher::Start start_of(std::uint64_t session, std::uint32_t epoch, const std::string& kind = "notepad") const;
  // Starts it and waits for the answer.
  std::optional<launcher::Started> started(std::uint64_t session, std::uint32_t epoch,
                                           const std::string& kind = "notepad");
  std::optional<launcher::Failed> failed(std::uint64_t session, std::uint32_t epoch, const std::string& kind);
  std::vector<pid_t> processes_of(std::uint64_t session) const;

  std::string state_dir() const { return scratch_.path() + "/n1"; }
  std::string socket_path() const { return state_dir() + "/launcher.sock"; }
  std::string log() const { return read_file(scratch_.path() + "/launcher.log"); }

  Scratch scratch_;
  std::string config_;
  Child launcher_;
  std::unique_ptr<Peer> peer_;
};

// GET or POST at an endpoint; the answer with its head, or "".
std::string http(const launcher::Endpoint& endpoint, const std::string& method, const std::string& target,
                 const std::string& headers = "");

}  // namespace homing::testing
