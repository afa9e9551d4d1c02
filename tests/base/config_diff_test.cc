// SPDX-License-Identifier: Apache-2.0
#include "router/base/config_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "tests/base/example_config.h"

namespace homing::base {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum Takes;

const RouterConfigOptions kOptions{.node = "n1", .strategies = {"sessions", "user-hash", "p2c-sessions"}};

Document example() {
  return Document::parse(whole_example().text, "/etc/homing/homing.toml");
}

RouterConfig read(Document document) {
  auto config = read_router_config(document, kOptions);
  EXPECT_TRUE(config.has_value()) << config.error();
  return config ? *config : RouterConfig{};
}

// The example with `value` (as TOML) in the place of `path`.
Document with(const std::string& path, const std::string& value) {
  Document changed = example();
  Document written = Document::parse("value = " + value + "\n", "written");
  EXPECT_TRUE(changed.replace(path, written.root().find("value"))) << path;
  return changed;
}

struct Change {
  const char* path;
  const char* value;
  const char* line;  // begins with the key
  Takes takes = kNothing;
};

// Every key of the example, and those of [cluster] that it leaves out.
const Change kChanges[] = {
    {"access-log", "\"combined\"", "access-log: json -> combined"},
    {"cluster-tls.ca", "\"/ca\"", "cluster-tls.ca: /etc/homing/tls/cluster-ca.pem -> /ca"},
    {"cluster-tls.cert", "\"/c\"", "cluster-tls.cert: /etc/homing/tls/n1.pem -> /c"},
    {"cluster-tls.key", "\"/k\"", "cluster-tls.key: /etc/homing/tls/n1.key -> /k"},
    {"cluster.accept-max", "\"6 s\"", "cluster.accept-max: 5 s -> 6 s"},
    {"cluster.dead", "\"11 s\"", "cluster.dead: 10 s -> 11 s", kCluster},
    {"cluster.fence-max", "\"3 s\"", "cluster.fence-max: 2 s -> 3 s"},
    {"cluster.heartbeat", "\"1100 ms\"", "cluster.heartbeat: 1 s -> 1100 ms", kCluster},
    {"cluster.lease-margin", "\"900 ms\"", "cluster.lease-margin: 1 s -> 900 ms", kCluster},
    {"cluster.lease-ttl", "\"7 s\"", "cluster.lease-ttl: 8 s -> 7 s", kCluster},
    {"cluster.max-attempts", "4", "cluster.max-attempts: 3 -> 4"},
    {"cluster.max-misfits", "4", "cluster.max-misfits: 8 -> 4"},
    {"cluster.max-nodes", "4", "cluster.max-nodes: 16384 -> 4"},
    {"cluster.max-queue", "4", "cluster.max-queue: 10000 -> 4"},
    {"cluster.max-routes", "4", "cluster.max-routes: 1000000 -> 4"},
    {"cluster.max-sessions-per-user", "0", "cluster.max-sessions-per-user: 20 -> 0"},
    {"cluster.max-wishes", "4", "cluster.max-wishes: 10000 -> 4"},
    {"cluster.queue-ask-max", "\"31 s\"", "cluster.queue-ask-max: 30 s -> 31 s"},
    {"cluster.report-every", "\"2 s\"", "cluster.report-every: 1 s -> 2 s"},
    {"cluster.seed", "7", "cluster.seed: 1 -> 7"},
    {"cluster.suspect", "\"4 s\"", "cluster.suspect: 3 s -> 4 s"},
    {"kind.jupyter.command", "[\"jupyter\", \"{socket}\"]", "kind.jupyter.command: \"/usr/bin/jupyter-notebook\", ",
     kNewSessions},
    {"kind.jupyter.environment.JUPYTER_RUNTIME_DIR", "\"/x\"",
     "kind.jupyter.environment: \"JUPYTER_RUNTIME_DIR={state-dir}\" -> \"JUPYTER_RUNTIME_DIR=/x\"", kNewSessions},
    {"kind.jupyter.expect.cpu", "2", "kind.jupyter.expect.cpu: 0.5 -> 2", kNewSessions},
    {"kind.jupyter.expect.memory", "\"1 GiB\"", "kind.jupyter.expect.memory: 180 MiB -> 1 GiB", kNewSessions},
    {"kind.jupyter.labels", "[]", "kind.jupyter.labels: \"python\" -> (none)"},
    {"kind.jupyter.listen", "\"loopback\"", "kind.jupyter.listen: unix -> loopback", kNewSessions},
    {"kind.jupyter.prefix", "\"strip\"", "kind.jupyter.prefix: keep -> strip", kNewSessions},
    {"kind.jupyter.probe", "\"/\"", "kind.jupyter.probe: /api/status -> /", kNewSessions},
    {"kind.jupyter.start-timeout", "\"90 s\"", "kind.jupyter.start-timeout: 1 min -> 90 s", kNewSessions},
    {"kind.jupyter.title", "\"Lab\"", "kind.jupyter.title: Jupyter Notebook -> Lab"},
    {"kind.jupyter.wake", "\"any\"", "kind.jupyter.wake: navigation -> any"},
    {"kind.jupyter.without-store", "\"freeze\"", "kind.jupyter.without-store: keep -> freeze"},
    {"limits.answer-stall", "\"2 h\"", "limits.answer-stall: 1 h -> 2 h"},
    {"limits.body-grace", "\"1 s\"", "limits.body-grace: 20 s -> 1 s"},
    {"limits.body-min-rate", "\"0 B\"", "limits.body-min-rate: 500 B -> 0 B"},
    {"limits.body-stall", "\"1 s\"", "limits.body-stall: 1 min -> 1 s"},
    {"limits.connect", "\"1 s\"", "limits.connect: 3 s -> 1 s"},
    {"limits.connections-per-address", "9", "limits.connections-per-address: 0 -> 9"},
    {"limits.connections-per-user", "9", "limits.connections-per-user: 0 -> 9"},
    {"limits.first-byte", "\"90 s\"", "limits.first-byte: 10 min -> 90 s"},
    {"limits.header-deadline", "\"1 s\"", "limits.header-deadline: 30 s -> 1 s"},
    {"limits.keep-alive", "\"1 s\"", "limits.keep-alive: 75 s -> 1 s"},
    {"limits.max-connections", "9", "limits.max-connections: 20000 -> 9"},
    {"limits.tunnel-idle", "\"1 d\"", "limits.tunnel-idle: 8 h -> 1 d"},
    {"limits.upgrade-deadline", "\"1 h\"", "limits.upgrade-deadline: 8 h -> 1 h"},
    {"limits.write-stall", "\"1 s\"", "limits.write-stall: 1 min -> 1 s"},
    {"listen.proxy-protocol", "\"off\"", "listen.proxy-protocol: required -> off"},
    {"listen.trusted-header", "\"X-Me\"", "listen.trusted-header: X-Homing-User -> X-Me"},
    {"listen.workers", "3", "listen.workers: 4 -> 3", kRestart},
    {"listen.trusted-socket", "\"/s\"", "listen.trusted-socket: /run/homing/n1.sock -> /s", kRestart},
    {"node.n1.address", "\"127.0.0.11:9900\"", "node.n1.address: 127.0.0.11:8800 -> 127.0.0.11:9900", kRestart},
    {"node.n1.cores", "2", "node.n1.cores: 8 -> 2", kRestart},
    {"node.n1.http-address", "\"127.0.0.11:81\"", "node.n1.http-address: 127.0.0.11:80 -> 127.0.0.11:81", kRestart},
    {"node.n1.labels", "[\"python\", \"gpu\"]", "node.n1.labels: \"python\" -> \"python\", \"gpu\"", kRestart},
    {"node.n1.launcher-address", "\"127.0.0.11:9902\"", "node.n1.launcher-address: 127.0.0.11:8802 -> 127.0.0.11:9902",
     kRestart},
    {"node.n1.max-sessions", "3", "node.n1.max-sessions: 0 -> 3", kRestart},
    {"node.n1.memory", "\"1 GiB\"", "node.n1.memory: 32 GiB -> 1 GiB", kRestart},
    {"node.n1.name", "\"n9\"", "node: n1, n2, n3 -> n9, n2, n3", kCluster},
    {"node.n1.peer-address", "\"127.0.0.11:9901\"", "node.n1.peer-address: 127.0.0.11:8801 -> 127.0.0.11:9901",
     kRestart},
    {"node.n1.start-slots", "3", "node.n1.start-slots: 0 -> 3", kRestart},
    {"node.n1.weight", "3", "node.n1.weight: 100 -> 3", kRestart},
    {"secret-file", "\"/s\"", "secret-file: /etc/homing/secret -> /s", kCluster},
    {"state-dir", "\"/s\"", "state-dir: /var/lib/homing/n1 -> /s", kRestart},
    {"store.path", "\"/s\"", "store.path: /var/lib/homing/store.sqlite -> /s", kCluster},
    {"strategy.name", "\"user-hash\"", "strategy: sessions -> user-hash"},
    {"this-node", "\"n2\"", "this-node: n1 -> n2", kRestart},
    {"tls.certificates", "[{ cert = \"/c\", key = \"/k\" }]",
     "tls.certificates: \"/etc/homing/tls/site.pem with /etc/homing/tls/site.key\", "},
    {"tls.client-ca", "\"/c\"", "tls.client-ca: /etc/homing/tls/people-ca.pem -> /c"},
    {"tls.client-certificates", "\"required\"", "tls.client-certificates: optional -> required"},
    {"tls.hsts", "\"0 s\"", "tls.hsts: 180 d -> 0 s"},
    {"tls.https-port", "8443", "tls.https-port: 443 -> 8443"},
    {"tls.redirect-port", "81", "node.n2.http-address: 127.0.0.12:80 -> 127.0.0.12:81", kOtherNode},
    {"tls.ticket-keys", "\"/t\"", "tls.ticket-keys: /etc/homing/tls/tickets -> /t"},
    {"trace", "\"/t\"", "trace: /var/lib/homing/n1/trace -> /t", kRestart},
    {"trace-limit", "\"2 GiB\"", "trace-limit: 1 GiB -> 2 GiB", kRestart},
};

TEST(ConfigDiffTest, TheSameFileIsNoChange) {
  const auto changes = config_changes(read(example()), read(example()));
  EXPECT_THAT(changes, IsEmpty());
  EXPECT_EQ(changes_text(changes), "nothing changed\n");
  EXPECT_EQ(most_taken(changes), kNothing);
}

TEST(ConfigDiffTest, EveryKeyOfTheExampleIsSeenWhenItChanges) {
  const RouterConfig before = read(example());
  for (const Change& change : kChanges) {
    Document changed = with(change.path, change.value);
    // `this-node` is overridden by the options elsewhere; here the file says it. A renamed node needs a new name for
    // it.
    const std::string path = change.path;
    const RouterConfigOptions options{.node = path == "this-node"      ? "n2"
                                              : path == "node.n1.name" ? "n9"
                                                                       : "n1",
                                      .strategies = kOptions.strategies};
    if (path == "kind.jupyter.listen") {
      Document command = Document::parse("value = [\"a\", \"{port}\"]\n", "written");
      ASSERT_TRUE(changed.replace("kind.jupyter.command", command.root().find("value")));
    }
    const auto after = read_router_config(changed, options);
    ASSERT_TRUE(after.has_value()) << path << ": " << after.error();
    const auto changes = config_changes(before, *after);
    const auto seen =
        std::ranges::find_if(changes, [&](const ConfigChange& one) { return one.text().starts_with(change.line); });
    ASSERT_NE(seen, changes.end()) << path << " gave\n" << changes_text(changes);
    EXPECT_EQ(seen->takes, change.takes) << seen->text();
  }
}

// Whatever changes: what is taken over takes no restart, and what is left takes one.
TEST(ConfigDiffTest, WhatIsTakenOverIsExactlyWhatTakesNoRestart) {
  const RouterConfig before = read(example());
  for (const Change& change : kChanges) {
    Document changed = with(change.path, change.value);
    const std::string path = change.path;
    if (path == "this-node" || path == "node.n1.name") continue;  // another node's file
    if (path == "kind.jupyter.listen") {
      Document command = Document::parse("value = [\"a\", \"{port}\"]\n", "written");
      ASSERT_TRUE(changed.replace("kind.jupyter.command", command.root().find("value")));
    }
    const RouterConfig after = read(std::move(changed));
    const RouterConfig taken = taken_over(before, after);
    for (const ConfigChange& one : config_changes(before, taken)) EXPECT_LT(one.takes, kRestart) << one.text();
    for (const ConfigChange& one : config_changes(taken, after)) EXPECT_GE(one.takes, kRestart) << one.text();
    EXPECT_EQ(config_changes(before, taken).size() + config_changes(taken, after).size(),
              config_changes(before, after).size())
        << path;
  }
}

// The store knows nodes and kinds by their place: a list that was shuffled changes nobody's number.
TEST(ConfigDiffTest, PlacesStayWhereTheyWereUntilARestart) {
  const RouterConfig before = read(example());
  std::string text = whole_example().text;
  const std::string first = "[kind.jupyter]\n";
  text.replace(text.find(first), first.size(), "[kind.shiny]\ncommand = [\"shiny\", \"{socket}\"]\n" + first);
  const RouterConfig taken = taken_over(before, read(Document::parse(text, "f")));
  ASSERT_EQ(taken.kinds.size(), 1U);
  EXPECT_EQ(taken.kinds[0].name, "jupyter");
  EXPECT_EQ(taken.kinds[0].id, before.kinds[0].id);
  EXPECT_EQ(taken.core.kinds.size(), 1U);
  EXPECT_EQ(taken.core.kinds[0].name, "jupyter");
}

// A key that is added to the example without a row in the table above fails here.
TEST(ConfigDiffTest, TheTableOfThisTestHasEveryKeyOfTheExample) {
  std::set<std::string> tested;
  for (const Change& change : kChanges) tested.insert(change.path);
  std::istringstream keys(example().canonical_text());
  int seen = 0;
  for (std::string line; std::getline(keys, line);) {
    const std::string path = line.substr(0, line.find(" = "));
    if (path == "format" || path == "node") continue;
    ++seen;
    EXPECT_TRUE(tested.contains(path)) << path;
  }
  EXPECT_GT(seen, 50);
  Document document = example();
  for (const Section& node : document.root().sections("node")) {
    for (const Entry& key : node.entries()) EXPECT_TRUE(tested.contains("node.n1." + key.name)) << key.name;
  }
}

TEST(ConfigDiffTest, LinesSayWhatAChangeTakesAndWhy) {
  const auto lines = [](const Document& changed) {
    std::istringstream text(changes_text(config_changes(read(example()), read(changed))));
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  };
  EXPECT_THAT(
      lines(with("node.n1.address", "\"127.0.0.11:443\"")),
      ElementsAre("node.n1.address: 127.0.0.11:8800 -> 127.0.0.11:443 (needs a restart of this router; it listens "
                  "there)"));
  EXPECT_THAT(lines(with("node.n2.weight", "200")),
              ElementsAre("node.n2.weight: 100 -> 200 (when that node's router is restarted)"));
  EXPECT_THAT(lines(with("kind.jupyter.prefix", "\"strip\"")),
              ElementsAre("kind.jupyter.prefix: keep -> strip (sessions that start from now on; those that run were "
                          "started the other way: start them anew)"));
  Document several = with("state-dir", "\"/s\"");
  Document value = Document::parse("value = \"2 s\"\n", "written");
  ASSERT_TRUE(several.replace("limits.connect", value.root().find("value")));
  EXPECT_THAT(lines(several),
              ElementsAre("limits.connect: 3 s -> 2 s",
                          "state-dir: /var/lib/homing/n1 -> /s (needs a restart of this router; and of its launcher, "
                          "whose sessions end)"))
      << "what takes more comes last";
}

TEST(ConfigDiffTest, AHeartbeatShowsTheTimesItScales) {
  const auto config = [](const char* heartbeat) {
    Document document = Document::parse(std::string(R"(format = 1
this-node = "n1"
state-dir = "/s"
secret-file = "/f"
store = { path = "/x" }
node = [{ name = "n1", address = "127.0.0.1:1000" }]
kind.a.command = ["a", "{socket}"]
cluster.heartbeat = )") + heartbeat + "\n",
                                        "f");
    return read(std::move(document));
  };
  const auto changes = config_changes(config("\"1 s\""), config("\"2 s\""));
  std::vector<std::string> keys;
  for (const ConfigChange& change : changes) keys.push_back(change.key);
  EXPECT_THAT(keys, ElementsAre("cluster.heartbeat", "cluster.suspect", "cluster.lease-ttl", "cluster.dead"));
}

TEST(ConfigDiffTest, ADefaultThatIsWrittenDownIsNoChange) {
  EXPECT_THAT(config_changes(read(example()), read(with("cluster.max-misfits", "8"))), IsEmpty());
}

TEST(ConfigDiffTest, NodesAndKindsMayBeAddedAtTheEndAndNowhereElse) {
  const RouterConfig before = read(example());
  const auto lines = [&before](const std::string& what, const std::string& instead) {
    std::string text = whole_example().text;
    const std::size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos);
    text.replace(at, what.size(), instead);
    std::vector<std::string> all;
    for (const ConfigChange& change : config_changes(before, read(Document::parse(text, "f")))) {
      all.push_back(change.text());
    }
    return all;
  };
  const std::string n4 = "[[node]]\nname = \"n4\"\naddress = \"127.0.0.14:8800\"\n";
  const std::string shiny = "[kind.shiny]\ncommand = [\"shiny\", \"{socket}\"]\n";
  const char* why =
      " (not while the cluster runs; end every session and stop every router: the store knows them by their place in "
      "the file; add new ones at its end)";
  EXPECT_THAT(lines("[listen]\n", n4 + "[listen]\n"),
              ElementsAre("node.n4: added (needs a restart of this router; an upgrade is one, and closes nothing)"));
  EXPECT_THAT(lines("[[node]]\nname = \"n2\"", n4 + "[[node]]\nname = \"n2\""),
              ElementsAre("node: n1, n2, n3 -> n1, n4, n2, n3" + std::string(why)));
  EXPECT_THAT(
      lines("[[node]]\nname = \"n3\"\naddress = \"127.0.0.13:8800\"\nweight = 200\nlabels = [\"python\", \"gpu\"]\n",
            ""),
      ElementsAre("node: n1, n2, n3 -> n1, n2" + std::string(why),
                  "labels: \"python\", \"gpu\" -> \"python\" (not while the cluster runs; restart every router: "
                  "labels are numbered in the order in which the file names them)"));
  EXPECT_THAT(lines("wake = \"navigation\"", "wake = \"navigation\"\nlabels = [\"python\"]\n" + shiny),
              ElementsAre("kind.shiny: added (needs a restart of this router; and of the launchers, once no session is "
                          "left)"))
      << "the rest of that line, and jupyter's labels, went to the new kind";
  EXPECT_THAT(lines("[kind.jupyter]\n", shiny + "[kind.jupyter]\n"),
              ElementsAre("kind: jupyter -> shiny, jupyter" + std::string(why)));
}

TEST(ConfigDiffTest, TurningTlsOnIsMoreThanAnotherCertificate) {
  const RouterConfig with_tls = read(example());
  Document plain = example();
  ASSERT_TRUE(plain.remove("tls"));
  ASSERT_TRUE(plain.remove("cluster-tls"));
  ASSERT_TRUE(plain.remove("node.n1.http-address"));
  const auto changes = config_changes(with_tls, read(std::move(plain)));
  const auto find = [&](const std::string& key) {
    const auto at = std::ranges::find(changes, key, &ConfigChange::key);
    return at == changes.end() ? "" : at->text();
  };
  EXPECT_TRUE(
      find("tls.certificates").ends_with("(needs a restart of this router; its door speaks another protocol then)"));
  EXPECT_EQ(
      find("cluster-tls.ca"),
      "cluster-tls.ca: /etc/homing/tls/cluster-ca.pem -> (not set) (not while the cluster runs; restart every router: "
      "with and without it they cannot talk to each other)");
  EXPECT_EQ(most_taken(changes), kCluster);
}

}  // namespace
}  // namespace homing::base
