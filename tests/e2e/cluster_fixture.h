// SPDX-License-Identifier: Apache-2.0
//
// Three real nodes on loopback addresses with one SQLite store, and people in front of them.
// Thread class: single-owner.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/net/credentials.h"
#include "router/net/demo_cluster.h"
#include "router/net/demo_person.h"

namespace homing::testing {

// What a router says of a session to its owner.
struct SessionFacts {
  int status = 0;
  std::string state, node, reason;
  std::int64_t epoch = 0;
};

class ClusterFixture : public ::testing::Test {
 protected:
  void SetUp() override { set_up({}); }
  // Starts the cluster; the port is chosen here.
  void set_up(net::DemoClusterOptions options);
  void TearDown() override;

  const std::vector<net::DemoCluster::Node>& nodes() const { return cluster_->nodes(); }
  const base::Endpoint& at(std::size_t node) const { return nodes()[node].address; }
  std::size_t index_of(const std::string& node) const;

  // Made through router `node`; ready when it returns. "" on failure.
  std::string new_session(net::Person& person, std::size_t node);
  SessionFacts facts(net::Person& person, std::size_t node, const std::string& session);
  bool becomes(net::Person& person, std::size_t node, const std::string& session, const std::string& state);
  // Of the process that answers: a member of api/who as text, "" when nobody does.
  std::string who(net::Person& person, std::size_t node, const std::string& session, const std::string& member);
  // A session on node `wanted`: people are asked to start some until one lands there.
  std::string session_on(std::size_t wanted, net::Person& person);

  // All live processes of a session on all nodes.
  std::vector<pid_t> processes_of(const std::string& prefix) const;
  std::string logs() const;

  std::optional<net::DemoCluster> cluster_;
  std::optional<net::Credentials> credentials_;
  std::string directory_;
};

bool eventually(const std::function<bool()>& condition);

}  // namespace homing::testing
