// SPDX-License-Identifier: Apache-2.0
#include "router/base/router_config.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/base/temp_dir.h"

namespace homing::base {
namespace {

using core::seconds;

constexpr const char* kSmall = R"(format = 1
this-node = "n1"
state-dir = "/tmp/{node}"
secret-file = "/etc/secret"
[store]
path = "/tmp/store"
[[node]]
name = "n1"
address = "127.0.0.11:8800"
[[node]]
name = "n2"
address = "127.0.0.12:8800"
[cluster]
heartbeat = "1 s"
[kind.notepad]
command = ["notepad", "{socket}"]
)";

// kSmall with one piece of text exchanged for another.
std::string with(const std::string& what, const std::string& instead) {
  std::string text = kSmall;
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), instead);
}

std::expected<RouterConfig, std::string> read(const std::string& text, RouterConfigOptions options = {}) {
  options.strategies = {"sessions", "system-load", "user-hash", "round-robin", "random", "p2c-sessions"};
  Document document = Document::parse(text, "/etc/homing/homing.toml");
  return read_router_config(document, options);
}

std::string error_of(const std::string& text, RouterConfigOptions options = {}) {
  const auto config = read(text, std::move(options));
  EXPECT_FALSE(config.has_value()) << text;
  return config ? "" : config.error();
}

TEST(RouterConfigTest, TheExampleParsesOnEachOfItsNodes) {
  for (const char* node : {"n1", "n2", "n3"}) {
    const auto config =
        load_router_config("router/dist/homing.example.toml", {.node = node, .strategies = {"sessions"}});
    ASSERT_TRUE(config.has_value()) << config.error();
    EXPECT_EQ(config->node, node);
    EXPECT_EQ(config->this_node().name, node);
    EXPECT_EQ(config->state_dir, std::string("/var/lib/homing/") + node);
    EXPECT_EQ(config->trusted_socket, std::string("/run/homing/") + node + ".sock");
  }
}

TEST(RouterConfigTest, TheExampleFillsEveryField) {
  const auto config = load_router_config("router/dist/homing.example.toml", {.strategies = {"sessions"}});
  ASSERT_TRUE(config.has_value()) << config.error();
  ASSERT_EQ(config->nodes.size(), 3U);
  EXPECT_EQ(config->nodes[0].address, (Endpoint{"127.0.0.11", 8800}));
  EXPECT_EQ(config->nodes[1].peer_address, (Endpoint{"127.0.0.12", 8801}));
  EXPECT_EQ(config->nodes[0].launcher_address, (Endpoint{"127.0.0.11", 8802}));
  EXPECT_EQ(config->nodes[1].launcher_address, (Endpoint{"127.0.0.12", 8802}));
  EXPECT_EQ(config->nodes[2].id, core::NodeId(2));
  EXPECT_EQ(config->nodes[2].weight, 200U);
  EXPECT_EQ(config->labels, (std::vector<std::string>{"python", "gpu"}));
  EXPECT_EQ(config->nodes[2].label_bits, 3U);
  const KindEntry* jupyter = config->find_kind("jupyter");
  ASSERT_NE(jupyter, nullptr);
  EXPECT_EQ(jupyter->command.front(), "/usr/bin/jupyter-notebook");
  EXPECT_EQ(jupyter->probe, "/api/status");
  EXPECT_EQ(jupyter->start_timeout, seconds(60));
  EXPECT_EQ(jupyter->expect_memory, 180U << 20);
  EXPECT_EQ(jupyter->expect_cpu, 0.5);
  ASSERT_EQ(jupyter->environment.size(), 1U);
  ASSERT_EQ(config->core.kinds.size(), 1U);
  EXPECT_EQ(config->core.kinds[0].labels, 1U);
  EXPECT_EQ(config->core.kinds[0].memory_bytes, 180U << 20);
  EXPECT_EQ(config->core.max_sessions_per_user, 20U);
  EXPECT_EQ(config->core.dead, seconds(10));
}

TEST(RouterConfigTest, DefaultsAreTheCoresOwn) {
  const auto config = read(kSmall);
  ASSERT_TRUE(config.has_value()) << config.error();
  const core::Config defaults;
  EXPECT_EQ(config->core.heartbeat, defaults.heartbeat);
  EXPECT_EQ(config->core.suspect, defaults.suspect);
  EXPECT_EQ(config->core.lease_margin, defaults.lease_margin);
  EXPECT_EQ(config->core.strategy, "sessions");
  EXPECT_FALSE(config->trace.has_value());
  EXPECT_EQ(config->kinds[0].listen, ListenOn::kUnix);
  EXPECT_EQ(config->kinds[0].without_store, core::WithoutStore::kKeep);
}

TEST(RouterConfigTest, AHeartbeatScalesTheOtherTimes) {
  const auto config = read(with("heartbeat = \"1 s\"", "heartbeat = \"200 ms\""));
  ASSERT_TRUE(config.has_value()) << config.error();
  EXPECT_EQ(config->core.suspect, core::milliseconds(600));
  EXPECT_EQ(config->core.lease_ttl, core::milliseconds(1600));
  EXPECT_EQ(config->core.dead, core::milliseconds(2000));
  EXPECT_EQ(config->core.lease_margin, core::milliseconds(200));
}

TEST(RouterConfigTest, TheCommandLineNamesTheNode) {
  const auto config = read(kSmall, {.node = "n2", .strategies = {}});
  ASSERT_TRUE(config.has_value()) << config.error();
  EXPECT_EQ(config->self, core::NodeId(1));
  EXPECT_EQ(config->state_dir, "/tmp/n2");
}

TEST(RouterConfigTest, RelativePathsStartAtTheFilesDirectory) {
  const auto config = read(with("\"/tmp/store\"", "\"data/../store.sqlite\""));
  ASSERT_TRUE(config.has_value()) << config.error();
  EXPECT_EQ(config->store_path, "/etc/homing/store.sqlite");
}

struct BadInput {
  const char* what;
  const char* instead;
  const char* message;
};

class RouterConfigBadInputTest : public ::testing::TestWithParam<BadInput> {};

TEST_P(RouterConfigBadInputTest, IsOneLineWithPlaceKeyAndFix) {
  EXPECT_EQ(error_of(with(GetParam().what, GetParam().instead)),
            std::string("/etc/homing/homing.toml:") + GetParam().message + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Golden, RouterConfigBadInputTest,
    ::testing::Values(
        BadInput{"format = 1", "format = 2", "1:10: format: format 2 is not known to this version; expected 1"},
        BadInput{"format = 1\n", "", "1:1: format: is missing; it must be given"},
        BadInput{"this-node = \"n1\"", "this-node = \"n3\"",
                 "2:13: this-node: unknown node \"n3\"; expected \"n1\" or \"n2\"; did you mean \"n1\"?"},
        BadInput{"this-node = \"n1\"\n", "", "1:1: which node is this? write this-node = \"...\" or give --node NAME"},
        BadInput{"name = \"n2\"", "name = \"n1\"", "11:8: node[2].name: node \"n1\" is named twice; first at line 8"},
        BadInput{"127.0.0.12:8800", "127.0.0.11:8800",
                 "12:11: node[2].address: 127.0.0.11:8800 is taken by node \"n1\" at line 8"},
        BadInput{"\"127.0.0.12:8800\"", "\"127.0.0.12:8800\"\nlauncher-address = \"127.0.0.11:8802\"",
                 "13:20: node[2].launcher-address: 127.0.0.11:8802 (for the launcher, UDP) is taken by node \"n1\" at "
                 "line 8"},
        BadInput{"127.0.0.12:8800", "127.0.0.12:65534",
                 "12:11: node[2].address: port 65535 for peers leaves no next port for the launcher; write a "
                 "launcher-address"},
        BadInput{"127.0.0.12:8800", "127.0.0.12",
                 "12:11: node[2].address: \"127.0.0.12\" has no port; expected host:port, e.g. \"10.0.0.1:8800\" or "
                 "\"[::1]:8800\""},
        BadInput{"heartbeat = \"1 s\"", "heartbeat = 1",
                 "14:13: cluster.heartbeat: 1 has no unit; write a unit, e.g. \"1 s\""},
        BadInput{"heartbeat = \"1 s\"", "heartbeat = \"-1 s\"",
                 "14:13: cluster.heartbeat: \"-1 s\" is negative; expected a duration above 0 s"},
        BadInput{"heartbeat = \"1 s\"", "hartbeat = \"1 s\"",
                 "14:1: cluster.hartbeat: unknown key; did you mean \"heartbeat\"?"},
        BadInput{"heartbeat = \"1 s\"", "suspect = \"2 s\"",
                 "14:11: cluster.suspect: must be longer than 2 heartbeats (2 s), is 2 s; one late heartbeat must not "
                 "make a node suspect"},
        BadInput{"heartbeat = \"1 s\"", "dead = \"8 s\"",
                 "14:8: cluster.dead: must be longer than lease-ttl (8 s), is 8 s; use 10 heartbeats"},
        BadInput{
            "[cluster]", "[strategy]\nname = \"sesions\"\n[cluster]",
            "14:8: strategy.name: unknown value \"sesions\"; expected \"sessions\", \"system-load\", \"user-hash\", "
            "\"round-robin\", \"random\" or \"p2c-sessions\"; did you mean \"sessions\"?"},
        BadInput{"[cluster]", "[strategy]\nname = \"p2c-sessions\"\nparams = { d = 1 }\n[cluster]",
                 "15:16: strategy.params.d: 1 is out of range; expected 2 to 8"},
        BadInput{"[cluster]", "[strategy]\nname = \"sessions\"\nparams = { d = 3 }\n[cluster]",
                 "15:16: strategy.params.d: strategy \"sessions\" takes no parameters; take it out"},
        BadInput{"[cluster]", "[strategy]\nname = \"p2c-sessions\"\nparam = { d = 3 }\n[cluster]",
                 "15:1: strategy.param: unknown key; did you mean \"params\"?"},
        BadInput{"\"{socket}\"", "\"{sokcet}\"",
                 "16:23: kind.notepad.command[2]: unknown placeholder \"{sokcet}\"; expected \"socket\", \"port\", "
                 "\"secret-file\", \"prefix\", \"session\", \"user\" or \"state-dir\"; did you mean \"{socket}\"?"},
        BadInput{"\"{socket}\"", "\"{port}\"",
                 "16:11: kind.notepad.command: nothing tells the program where to listen; put {socket} in command or "
                 "environment or write listen = \"loopback\""},
        BadInput{"[\"notepad\", \"{socket}\"]", "\"notepad {socket}\"",
                 "16:11: kind.notepad.command: expected a list in brackets, found \"notepad {socket}\""},
        BadInput{"[\"notepad\", \"{socket}\"]", "[]",
                 "16:11: kind.notepad.command: is empty; expected a program and its arguments, e.g. "
                 "[\"/usr/bin/jupyter-notebook\"]"},
        BadInput{"[kind.notepad]", "[kind.notepad]\nstart-timeout = \"1 s\"",
                 "16:17: kind.notepad.start-timeout: must be longer than lease-margin (1 s), is 1 s"},
        BadInput{"[kind.notepad]", "[kind.notepad]\nidle = { after = \"1 h\" }",
                 "16:8: kind.notepad.idle: this router cannot carry out idle rules yet: it does not see when a session "
                 "was last used, and its launcher cannot suspend; take idle out (the simulator's scenarios have it)"},
        BadInput{"[kind.notepad]", "[kind.notepad]\nlabels = [\"gpu\"]",
                 "15:7: kind.notepad.labels: no node has all of these labels; this kind could never run"},
        BadInput{"[kind.notepad]", "[kind.notepad]\nlisten = \"unixx\"",
                 "16:10: kind.notepad.listen: unknown value \"unixx\"; expected \"unix\" or \"loopback\"; did you mean "
                 "\"unix\"?"},
        BadInput{"[kind.notepad]", "[kind.notepad]\nprobe = \"api\"",
                 "16:9: kind.notepad.probe: \"api\" is no path; expected e.g. \"/api\""},
        BadInput{"[kind.notepad]", "[kind.\"a b\"]",
                 "15:1: kind.\"a b\": is no name; expected up to 63 letters, digits, \"-\" and \"_\""},
        BadInput{"[kind.notepad]\ncommand = [\"notepad\", \"{socket}\"]\n", "",
                 "1:1: no [kind.NAME] table; at least one kind of session is needed"},
        BadInput{"/tmp/{node}", "/a/directory/whose/path/is/too/long/for/the/sockets/of/sessions",
                 "3:13: state-dir: \"/a/directory/whose/path/is/too/long/for/the/sockets/of/sessions\" has 63 bytes; "
                 "expected at most 55, since paths of Unix sockets are short"},
        BadInput{"[store]\npath = \"/tmp/store\"\n", "", "1:1: store: is missing; it must be given"},
        BadInput{"path = \"/tmp/store\"", "file = \"/tmp/store\"",
                 "5:1: store.path: is missing; it must be given\n/etc/homing/homing.toml:6:1: store.file: unknown key; "
                 "expected \"path\""}));

TEST(RouterConfigTest, ASixtyFifthLabelIsRefused) {
  std::string labels = "labels = [";
  for (int i = 0; i < 65; ++i) labels += (i > 0 ? ", \"l" : "\"l") + std::to_string(i) + "\"";
  const std::string text =
      error_of(with("address = \"127.0.0.11:8800\"", "address = \"127.0.0.11:8800\"\n" + labels + "]"));
  EXPECT_NE(text.find("node[1].labels: label \"l64\" is the 65th; at most 64 different labels"), std::string::npos)
      << text;
}

TEST(RouterConfigTest, TheNodeKeyWrittenAsATextIsExplained) {
  const std::string text =
      error_of("format = 1\nnode = \"n1\"\nstate-dir = \"/x\"\nsecret-file = \"/y\"\nstore = { path = \"/z\" }\n");
  EXPECT_NE(text.find("2:8: node: is the list of nodes; write this-node = \"...\""), std::string::npos) << text;
}

TEST(RouterConfigTest, AnUnknownNodeOnTheCommandLineIsRefused) {
  EXPECT_EQ(error_of(kSmall, {.node = "n7", .strategies = {}}),
            "/etc/homing/homing.toml: --node: unknown node \"n7\"; expected \"n1\" or \"n2\"; did you mean \"n1\"?\n");
}

TEST(RouterConfigTest, ADamagedFileIsRefusedOrReadButNeverACrash) {
  const std::string good = slurp("router/dist/homing.example.toml");
  ASSERT_FALSE(good.empty());
  constexpr char kLetters[] =
      "\"'[]{}=.,#\\ \n\0\xff"
      "09-azT:";
  std::mt19937_64 random(42);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string text = good;
    for (std::uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kLetters[random() % (sizeof kLetters - 1)];
          break;
        case 1:
          text.erase(at, 1 + random() % 40);
          break;
        default:
          text.insert(at, 1 + random() % 3, kLetters[random() % (sizeof kLetters - 1)]);
      }
    }
    const auto config = read(text);
    if (config) continue;
    ++refused;
    EXPECT_EQ(config.error().find("/etc/homing/homing.toml"), 0U) << config.error();
    EXPECT_EQ(config.error().back(), '\n');
  }
  EXPECT_GT(refused, 50);
  EXPECT_LT(refused, 300) << "damage in a comment is none";
}

TEST(RouterConfigTest, AMissingFileIsOneSentence) {
  const auto config = load_router_config("/nonexistent/homing.toml", {.strategies = {"sessions"}});
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error(), "/nonexistent/homing.toml: cannot be read: No such file or directory\n");
}

TEST(SecretTest, AGoodSecretIsRead) {
  const TempDir dir;
  EXPECT_EQ(read_secret(dir.write("s", std::string(32, 'k'), 0600)), std::string(32, 'k'));
  EXPECT_EQ(read_secret(dir.write("t", std::string(64, 'k'), 0400)), std::string(64, 'k'));
}

TEST(SecretTest, ABadSecretIsRefusedWithTheFix) {
  const TempDir dir;
  const auto error = [](const std::string& path) {
    const auto secret = read_secret(path);
    EXPECT_FALSE(secret.has_value());
    return secret ? "" : secret.error().substr(path.size());
  };
  const std::string open = dir.write("open", std::string(32, 'k'), 0644);
  EXPECT_EQ(error(open), ": the secret file is open to others (mode 0644); chmod 600 " + open);
  EXPECT_EQ(error(dir.write("short", "abc", 0600)), ": the secret file holds 3 bytes; expected 32 or more");
  EXPECT_EQ(error(dir.path()), ": the secret file is no regular file");
  EXPECT_NE(error(dir.file("none")).find("cannot be read (No such file or directory); make one: (umask 077;"),
            std::string::npos);
}

TEST(EndpointTest, HostsAndPortsAreParsedAndPrintedBack) {
  for (const char* text : {"127.0.0.11:8800", "n1.example.org:1", "[::1]:65535"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint.has_value()) << endpoint.error();
    EXPECT_EQ(endpoint->text(), text);
  }
  EXPECT_EQ(parse_endpoint("[::1]:80")->host, "::1");
}

TEST(EndpointTest, WhatIsNoAddressIsRefused) {
  for (const char* text : {"", ":80", "host", "host:", "host:0", "host:65536", "host:8o", "::1:80", "[::1:80", "a b:80",
                           "host:-1", "[x]:80", "http://host:80"}) {
    EXPECT_FALSE(parse_endpoint(text).has_value()) << text;
  }
}

TEST(CommandTemplateTest, PlaceholdersAreFilledInAndNothingElseIs) {
  CommandValues values;
  values.socket = "/s/a b.sock";
  values.user = "{socket}";
  EXPECT_EQ(expand("--sock={socket}", values), "--sock=/s/a b.sock");
  EXPECT_EQ(expand("{user}", values), "{socket}") << "values are never templates";
  EXPECT_EQ(expand("{{x}} $HOME {secret-file}.", values), "{x} $HOME .");
}

TEST(CommandTemplateTest, BrokenTemplatesAreNamed) {
  EXPECT_EQ(template_error("plain {{}} {socket}"), std::nullopt);
  EXPECT_EQ(template_error("{socket"), "has a \"{\" without \"}\"; write \"{{\" for a brace");
  EXPECT_EQ(template_error("socket}"), "has a \"}\" without \"{\"; write \"}}\" for a brace");
  EXPECT_TRUE(uses_placeholder("a{port}b", "port"));
  EXPECT_FALSE(uses_placeholder("a{{port}}b", "port"));
}

}  // namespace
}  // namespace homing::base
