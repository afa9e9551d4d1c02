// SPDX-License-Identifier: Apache-2.0
//
// The story that the demo tells is a test: every line that is not as promised makes it fail.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "router/net/demo.h"

namespace homing::testing {
namespace {

int tell(const std::string& kind) {
  net::DemoClusterOptions options;
  options.port = static_cast<std::uint16_t>(10'000 + ::getpid() % 8'000 * 4);
  auto cluster = net::DemoCluster::make(options);
  if (!cluster) return -1;
  const std::string directory = cluster->directory();
  cluster->start_all();
  if (!cluster->wait_ready(std::chrono::seconds(60))) return -2;
  const int status = net::tell_demo_story(*cluster, kind);
  cluster->end();
  for (std::size_t i = 0; i < cluster->nodes().size(); ++i) EXPECT_LT(cluster->nodes()[i].router, 0);
  std::filesystem::remove_all(directory);
  return status;
}

TEST(DemoTest, TheStoryGoesAsPromisedWithNotepads) {
  EXPECT_EQ(tell("notepad"), 0);
}

TEST(DemoTest, TheStoryGoesAsPromisedWithJupyter) {
  if (::access("/usr/bin/jupyter-notebook", X_OK) != 0) GTEST_SKIP() << "jupyter-notebook is not installed";
  EXPECT_EQ(tell("jupyter"), 0);
}

}  // namespace
}  // namespace homing::testing
