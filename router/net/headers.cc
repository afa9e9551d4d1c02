// SPDX-License-Identifier: Apache-2.0
#include "router/net/headers.h"

#include <openssl/evp.h>

#include <cstdint>

#include "router/wire/text.h"

namespace homing::net {

namespace {

constexpr std::string_view kWebSocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string_view first_value(const wire::Fields& fields, std::string_view name) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (wire::same_text(fields.name(fields[i]), name)) return fields.value(fields[i]);
  }
  return {};
}

}  // namespace

std::size_t field_count(const wire::RequestHead& head, std::string_view name) {
  const wire::Fields& fields = head.fields();
  std::size_t count = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) count += wire::same_text(fields.name(fields[i]), name) ? 1 : 0;
  return count;
}

std::string_view field_value(const wire::RequestHead& head, std::string_view name) {
  return first_value(head.fields(), name);
}

std::string_view field_value(const wire::AnswerHead& head, std::string_view name) {
  return first_value(head.fields(), name);
}

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + std::string(kWebSocketGuid);
  std::array<unsigned char, 20> digest{};
  unsigned int size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1 && size == digest.size());
  std::array<unsigned char, 32> out{};
  const int written = EVP_EncodeBlock(out.data(), digest.data(), static_cast<int>(digest.size()));
  return {out.begin(), out.begin() + written};
}

bool accepts_html(const wire::RequestHead& head) {
  bool html = false;
  head.fields().for_each(wire::Name::kAccept, [&html](std::string_view list) {
    wire::for_each_item(list, [&html](std::string_view item) {
      html = html || wire::same_text(wire::trim(item.substr(0, item.find(';'))), "text/html");
    });
  });
  return html;
}

bool is_navigation(const wire::RequestHead& head) {
  if (!head.upgrade().empty()) return false;
  const std::string_view mode = head.fields().value_of(wire::Name::kSecFetchMode);
  if (!mode.empty()) return wire::same_text(mode, "navigate");
  return head.method() == wire::Method::kGet && accepts_html(head);
}

}  // namespace homing::net
