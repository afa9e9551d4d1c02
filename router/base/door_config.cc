// SPDX-License-Identifier: Apache-2.0
#include "router/base/door_config.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <utility>

namespace homing::base {
namespace {

constexpr std::int64_t kMaxPort = 65535;
constexpr std::int64_t kMax32 = std::numeric_limits<std::int32_t>::max();
// Deadlines are kept by a wheel of about this step, and a shorter one could end before it began.
constexpr DurationLimits kDeadline{std::chrono::milliseconds(100), std::chrono::hours(365 * 24)};
constexpr DurationLimits kHsts{std::chrono::nanoseconds(0), std::chrono::hours(10 * 365 * 24)};

void read_certificates(const Section& section, const PathReader& path, TlsConfig& tls) {
  const Value list = section.need("certificates");
  const auto entries = section.sections("certificates");
  for (const Section& entry : entries) {
    CertificateFiles files{path(entry.need("cert")).value_or(""), path(entry.need("key")).value_or("")};
    for (const CertificateFiles& other : tls.certificates) {
      if (files.cert.empty() || files.cert != other.cert) continue;
      entry.find("cert").error(fmt::format("\"{}\" is listed twice; take one out", files.cert));
    }
    tls.certificates.push_back(std::move(files));
  }
  if (list.is_list() && entries.empty()) {
    list.error("is empty; expected e.g. [{ cert = \"site.pem\", key = \"site.key\" }], or no [tls] at all");
  }
}

}  // namespace

TlsConfig read_tls(const Section& section, const PathReader& path) {
  TlsConfig tls;
  if (!section) return tls;
  read_certificates(section, path, tls);
  tls.ticket_keys = path(section.find("ticket-keys"));
  const Value ca = section.find("client-ca");
  tls.client_ca = path(ca);
  const Value use = section.find("client-certificates");
  tls.client_certificates = use.as_choice<ClientCertificates>({{"off", ClientCertificates::kOff},
                                                               {"optional", ClientCertificates::kOptional},
                                                               {"required", ClientCertificates::kRequired}})
                                .value_or(ClientCertificates::kOff);
  if (tls.client_certificates != ClientCertificates::kOff && !ca) {
    use.error(fmt::format("\"{}\" needs client-ca, the authorities whose certificates are accepted",
                          to_string(tls.client_certificates)));
  } else if (ca && !use) {
    ca.error("is never used; write client-certificates = \"optional\" or \"required\" beside it");
  }
  tls.redirect_port = static_cast<std::uint16_t>(section.find("redirect-port").as_integer(1, kMaxPort).value_or(0));
  tls.https_port = static_cast<std::uint16_t>(section.find("https-port").as_integer(1, kMaxPort).value_or(0));
  tls.hsts = section.find("hsts").as_duration(kHsts).value_or(tls.hsts);
  return tls;
}

std::optional<ClusterTlsConfig> read_cluster_tls(const Section& section, const PathReader& path) {
  if (!section) return std::nullopt;
  ClusterTlsConfig tls;
  tls.cert = path(section.need("cert")).value_or("");
  tls.key = path(section.need("key")).value_or("");
  tls.ca = path(section.need("ca")).value_or("");
  return tls;
}

LimitsConfig read_limits(const Section& section) {
  LimitsConfig limits;
  const auto time = [&section](const char* key, core::Duration& field) {
    field = section.find(key).as_duration(kDeadline).value_or(field);
  };
  const auto count = [&section](const char* key, std::uint32_t& field, std::int64_t least) {
    field = static_cast<std::uint32_t>(section.find(key).as_integer(least, kMax32).value_or(field));
  };
  time("header-deadline", limits.header_deadline);
  time("keep-alive", limits.keep_alive);
  time("body-stall", limits.body_stall);
  time("body-grace", limits.body_grace);
  limits.body_min_rate = static_cast<std::uint64_t>(
      section.find("body-min-rate").as_bytes(0).value_or(static_cast<std::int64_t>(limits.body_min_rate)));
  time("connect", limits.connect);
  time("first-byte", limits.first_byte);
  time("answer-stall", limits.answer_stall);
  time("write-stall", limits.write_stall);
  time("tunnel-idle", limits.tunnel_idle);
  time("upgrade-deadline", limits.upgrade_deadline);
  count("max-connections", limits.max_connections, 1);
  count("connections-per-address", limits.connections_per_address, 0);
  count("connections-per-user", limits.connections_per_user, 0);
  return limits;
}

const char* to_string(ClientCertificates use) {
  switch (use) {
    case ClientCertificates::kOff:
      return "off";
    case ClientCertificates::kOptional:
      return "optional";
    case ClientCertificates::kRequired:
      return "required";
  }
  return "?";
}

const char* to_string(ProxyProtocol use) {
  return use == ProxyProtocol::kOff ? "off" : "required";
}

const char* to_string(AccessLog form) {
  switch (form) {
    case AccessLog::kJson:
      return "json";
    case AccessLog::kCombined:
      return "combined";
    case AccessLog::kOff:
      return "off";
  }
  return "?";
}

}  // namespace homing::base
