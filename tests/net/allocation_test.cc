// SPDX-License-Identifier: Apache-2.0
//
// What a request costs the heap once its worker is warm. The program's operator new counts what worker threads ask for,
// which are known by their name.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "tests/net/test_cluster.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations{0};

bool on_a_worker() {
  char name[16] = {};
  return ::pthread_getname_np(::pthread_self(), name, sizeof name) == 0 && std::strncmp(name, "worker", 6) == 0;
}

}  // namespace

void* operator new(std::size_t size) {
  if (counting.load(std::memory_order_relaxed) && on_a_worker()) allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace homing::net {
namespace {

class AllocationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<TestCluster>(TestCluster::Options{.nodes = 2, .extra = {}, .limits = {}});
    session_ = cluster_->start(0, "anna");
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override { ASSERT_TRUE(cluster_ && session_.node >= 0); }

  // Per request of a keep-alive connection through this node.
  static double cost(int node, const std::string& method, const std::string& body = {}) {
    constexpr int kRequests = 1000;
    TestClient client = cluster_->client(node);
    const HeaderList headers = cluster_->as("anna");
    const auto ask = [&] {
      const Got got = client.request(method, session_.path(body.empty() ? "api/counter" : "api/sink"), headers, body);
      ASSERT_EQ(got.status, 200U) << got.body;
    };
    for (int i = 0; i < 100; ++i) ask();
    allocations = 0;
    counting = true;
    for (int i = 0; i < kRequests; ++i) ask();
    counting = false;
    const double each = static_cast<double>(allocations.load()) / kRequests;
    std::printf("%s %s: %.2f allocations a request\n", method.c_str(), node == session_.node ? "here" : "forwarded",
                each);
    return each;
  }

  static std::unique_ptr<TestCluster> cluster_;
  static TestCluster::Started session_;
};
std::unique_ptr<TestCluster> AllocationTest::cluster_;
TestCluster::Started AllocationTest::session_;

// Not nothing yet. Here: 20 are the line of the access log (a string a field, and the line as it grows), the rest the
// path of the session's socket and the room of a Way. Forwarded, at both routers together: two such lines, and the
// sealed head, which is put together, signed, opened and read as strings. Sockets, timers, tasks, heads and bodies take
// none.
TEST_F(AllocationTest, AWarmRequestCostsTheLineOfItsLogAndAFewMore) {
  EXPECT_LE(cost(session_.node, "GET"), 25);
  EXPECT_LE(cost(1 - session_.node, "GET"), 70);
  EXPECT_LE(cost(session_.node, "POST", std::string(1000, 'b')), 30);
}

}  // namespace
}  // namespace homing::net
