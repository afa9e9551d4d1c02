// SPDX-License-Identifier: Apache-2.0
//
// The jupyter kind as router/dist/homing.example.toml ships it, with the real program.
#include <unistd.h>

#include <string>

#include "tests/launcher/launcher_fixture.h"

namespace homing::testing {
namespace {

class JupyterTest : public LauncherFixture {};

// The example's table without its labels, which this one-node configuration has no node for.
std::string shipped_kind() {
  const std::string example = read_file("router/dist/homing.example.toml");
  std::string kind = example.substr(std::min(example.size(), example.find("[kind.jupyter]")));
  const std::size_t labels = kind.find("\nlabels = ");
  if (labels != std::string::npos) kind.erase(labels, kind.find('\n', labels + 1) - labels);
  return kind;
}

std::string cookie_of(const std::string& answer) {
  const std::size_t at = answer.find("_xsrf=");
  return at == std::string::npos ? "" : answer.substr(at + 6, answer.find(';', at) - at - 6);
}

TEST_F(JupyterTest, StartsOnItsUnixSocketKeepsItsXsrfCheckAndTakesItsKernelsAlongWhenItEnds) {
  if (::access("/usr/bin/jupyter-notebook", X_OK) != 0) GTEST_SKIP() << "jupyter-notebook is not installed";
  configure(shipped_kind());
  run_launcher();
  hold_lease();
  const auto up = started(1, 1, "jupyter");
  ASSERT_TRUE(up.has_value());
  EXPECT_FALSE(up->endpoint.unix_path.empty());
  EXPECT_NE(http(up->endpoint, "GET", "/s/1/api/status").find("200 OK"), std::string::npos);

  EXPECT_NE(http(up->endpoint, "POST", "/s/1/api/kernels", "Content-Length: 0\r\n").find(" 403 "), std::string::npos);
  const std::string xsrf = cookie_of(http(up->endpoint, "GET", "/s/1/tree"));
  ASSERT_FALSE(xsrf.empty());
  const std::string made = http(up->endpoint, "POST", "/s/1/api/kernels",
                                "Content-Length: 0\r\nCookie: _xsrf=" + xsrf + "\r\nX-XSRFToken: " + xsrf + "\r\n");
  ASSERT_NE(made.find(" 201 "), std::string::npos) << made;
  ASSERT_TRUE(eventually([&] { return processes_of(1).size() >= 2; })) << "no kernel process";

  peer_->send(launcher::Kill{.session = up->session, .epoch = up->epoch, .reason = "closed by its owner"});
  ASSERT_TRUE(peer_->next_of<launcher::Ended>().has_value());
  EXPECT_TRUE(processes_of(1).empty());
}

}  // namespace
}  // namespace homing::testing
