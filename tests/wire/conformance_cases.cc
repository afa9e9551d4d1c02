// SPDX-License-Identifier: Apache-2.0
#include "tests/wire/conformance_cases.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "router/wire/text.h"

namespace homing::wire::test {

namespace {

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder, std::string_view extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

bool starts_with(std::string_view text, std::size_t at, std::string_view what) {
  return text.substr(std::min(at, text.size())).starts_with(what);
}

int hex(char c) {
  const char low = lower(c);
  return is_digit(c) ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// As llhttp's own harness does: one end of line at the end goes, an escaped end of line goes, the others become CRLF,
// then escapes become bytes.
std::string unescape_llhttp(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      out += "\r\n";
    } else if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else if (text[i + 1] == '\n') {
      ++i;
    } else if (const std::size_t known = std::string_view("rntf").find(text[i + 1]); known != std::string_view::npos) {
      out += "\r\n\t\f"[known];
      ++i;
    } else if (text[i + 1] == 'x' && i + 3 < text.size() && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 2]) * 16 + hex(text[i + 3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The text of the next block that begins with ```KIND, and where it ends.
std::string_view block(std::string_view text, std::string_view kind, std::size_t& at) {
  const std::size_t fence = text.find("```" + std::string(kind) + "\n", at);
  if (fence == std::string_view::npos) {
    at = text.size();
    return {};
  }
  const std::size_t begin = fence + 4 + kind.size();
  const std::size_t end = std::min(text.find("\n```\n", begin), text.size() - 1);
  at = end + 1;
  return text.substr(begin, end + 1 - begin);
}

std::string_view quoted_behind(std::string_view line, std::string_view key) {
  std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  at = line.find('"', at + key.size()) + 1;
  return line.substr(at, line.find('"', at) - at);
}

int error_of(std::string_view log) {
  const std::size_t at = log.find(" error code=");
  return at == std::string_view::npos ? 0 : std::atoi(std::string(log.substr(at + 12, 4)).c_str());
}

std::string unquote_yaml(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'')
    return std::string(text.substr(1, text.size() - 2));
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else if (text[i + 1] == 'x' && i + 3 < text.size()) {
      out += static_cast<char>(hex(text[i + 2]) * 16 + hex(text[i + 3]));
      i += 3;
    } else {
      const char c = text[++i];
      const std::size_t known = std::string_view("rnt0").find(c);
      out += known == std::string_view::npos ? c : "\r\n\t\0"[known];
    }
  }
  return out;
}

// The value when `line` is `key: value`.
std::optional<std::string> value_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key) || !starts_with(line, key.size(), ":")) return std::nullopt;
  return unquote_yaml(line.substr(key.size() + 1));
}

// One line of a case, without its indentation.
void take_line(std::string_view line, DesyncCase& one, bool in_headers) {
  if (in_headers) {
    if (auto name = value_of(line, "- name")) one.fields.emplace_back(*name, "");
    if (auto value = value_of(line, "value"); value && !one.fields.empty()) one.fields.back().second = *value;
    return;
  }
  if (auto uri = value_of(line, "uri")) one.uri = *uri;
  if (auto method = value_of(line, "method")) one.method = *method;
  if (auto version = value_of(line, "version")) one.version = *version;
  if (auto tier = value_of(line, "tier")) one.tier = *tier;
}

}  // namespace

std::optional<std::filesystem::path> conformance_folder() {
  const char* shared = std::getenv("HOMING_SHARED");
  const std::filesystem::path folder = std::filesystem::path(shared != nullptr ? shared : "../shared") / "conformance";
  if (!std::filesystem::exists(folder)) return std::nullopt;
  return folder;
}

std::vector<LlhttpCase> llhttp_cases(const std::filesystem::path& folder) {
  std::vector<LlhttpCase> cases;
  for (const auto& file : files_below(folder, ".md")) {
    const std::string text = read(file);
    constexpr std::string_view kMeta = "<!-- meta=";
    for (std::size_t at = text.find(kMeta); at != std::string::npos; at = text.find(kMeta, at)) {
      LlhttpCase one;
      const std::size_t heading = text.rfind("\n#", at);
      const std::size_t name = text.find(' ', heading) + 1;
      one.name = file.stem().string() + ": " + text.substr(name, text.find('\n', name) - name);
      one.type = quoted_behind(std::string_view(text).substr(at, text.find('\n', at) - at), "\"type\":");
      one.bytes = unescape_llhttp(block(text, "http", at));
      one.log = block(text, "log", at);
      one.error = error_of(one.log);
      if (!one.log.empty()) cases.push_back(std::move(one));
    }
  }
  return cases;
}

std::vector<DesyncCase> desync_cases(const std::filesystem::path& folder) {
  std::vector<DesyncCase> cases;
  for (const auto& file : files_below(folder, ".yaml")) {
    const std::string text = read(file);
    bool in_headers = false;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = std::string_view(text).substr(at, end - at);
      at = end + 1;
      const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
      if (const auto name = value_of(line, "- name")) {
        cases.emplace_back().name = *name;
        in_headers = false;
      } else if (!cases.empty() && indent == 2 && line.substr(2, 1) != "-") {
        in_headers = line.starts_with("  headers");
        take_line(line.substr(indent), cases.back(), false);
      } else if (!cases.empty()) {
        take_line(line.substr(indent), cases.back(), in_headers);
      }
    }
  }
  return cases;
}

std::string wire_bytes(const DesyncCase& one) {
  std::string out = one.method + " " + one.uri + (one.version.empty() ? "" : " " + one.version) + "\r\n";
  const bool has_host =
      std::ranges::any_of(one.fields, [](const auto& field) { return same_text(field.first, "Host"); });
  if (!has_host) out += "Host: h\r\n";
  for (const auto& [name, value] : one.fields) out += name + ": " + value + "\r\n";
  return out + "\r\n";
}

}  // namespace homing::wire::test
