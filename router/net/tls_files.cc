// SPDX-License-Identifier: Apache-2.0
#include "router/net/tls_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "router/core/check.h"

namespace homing::net {
namespace {

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

constexpr std::size_t kMaxFile = 1 << 20;
constexpr int kExpiresSoonDays = 14;
constexpr const char* kSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kOldSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

struct FileBytes {
  std::string bytes;
  unsigned mode = 0;
  ~FileBytes() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

// `what` is the file's part, e.g. "the key of a certificate".
std::optional<FileBytes> read_file(const std::string& file, std::string_view what, TlsNotes& notes) {
  const auto fail = [&](const std::string& why) {
    notes.errors.push_back(
        fmt::format("{}: {} cannot be read ({}); check the path and who may read it", file, what, why));
    return std::nullopt;
  };
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(std::generic_category().message(errno));
  struct stat info{};
  FileBytes out;
  out.bytes.resize(kMaxFile + 1);
  std::size_t size = 0;
  bool good = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  while (good && size < out.bytes.size()) {
    const ssize_t got = ::read(fd, out.bytes.data() + size, out.bytes.size() - size);
    if (got <= 0) {
      good = got == 0;
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  ::close(fd);
  if (!good) return fail("no regular file");
  if (size > kMaxFile) return fail("longer than 1 MiB");
  out.bytes.resize(size);
  out.mode = static_cast<unsigned>(info.st_mode & 07777);
  return out;
}

// A group that may read it is Debian's way (ssl-cert); others, or a group that may write, are too many.
void note_open_mode(const std::string& file, unsigned mode, TlsNotes& notes) {
  if ((mode & 027) == 0) return;
  notes.warnings.push_back(
      fmt::format("{}: more people than needed may read or change this key (mode {:04o}); chmod {} {}", file, mode,
                  (mode & 040) != 0 ? "0640" : "0600", file));
}

BioPtr memory(std::string_view bytes) {
  BioPtr bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  CHECK(bio != nullptr);
  return bio;
}

std::vector<X509Ptr> read_certificates(const std::string& file, std::string_view what, TlsNotes& notes) {
  std::vector<X509Ptr> all;
  const auto text = read_file(file, what, notes);
  if (!text) return all;
  ERR_clear_error();
  const BioPtr bio = memory(text->bytes);
  while (X509* cert = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) all.emplace_back(cert);
  const unsigned long last = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const std::string reason = take_openssl_errors();
  if (!at_end) {
    notes.errors.push_back(
        fmt::format("{}: certificate {} in it is damaged ({}); copy it again, from -----BEGIN "
                    "CERTIFICATE----- to -----END CERTIFICATE-----",
                    file, all.size() + 1, reason));
    all.clear();
  } else if (all.empty()) {
    notes.errors.push_back(
        fmt::format("{}: holds no certificate (-----BEGIN CERTIFICATE-----); if it is DER: openssl "
                    "x509 -inform der -in {} -out FILE",
                    file, file));
  }
  return all;
}

int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

PrivateKeyPtr read_key(const std::string& file, std::string_view what, TlsNotes& notes) {
  const auto text = read_file(file, fmt::format("the key of the {}", what), notes);
  if (!text) return nullptr;
  note_open_mode(file, text->mode, notes);
  ERR_clear_error();
  bool asked = false;
  const BioPtr bio = memory(text->bytes);
  PrivateKeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked));
  const std::string reason = take_openssl_errors();
  if (key != nullptr) return key;
  if (asked) {
    notes.errors.push_back(
        fmt::format("{}: is sealed with a passphrase, and nobody is there to type it; openssl pkey -in "
                    "{} -out FILE",
                    file, file));
  } else {
    notes.errors.push_back(
        fmt::format("{}: holds no private key (-----BEGIN PRIVATE KEY-----; OpenSSL says: {})", file, reason));
  }
  return nullptr;
}

std::string day_of(const ASN1_TIME* time) {
  std::tm day{};
  if (ASN1_TIME_to_tm(time, &day) != 1) return "an unreadable date";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday, day.tm_hour,
                     day.tm_min);
}

void note_dates(const std::string& file, const X509* cert, std::string_view what, TlsNotes& notes) {
  const ASN1_TIME* from = X509_get0_notBefore(cert);
  const ASN1_TIME* until = X509_get0_notAfter(cert);
  if (X509_cmp_current_time(from) > 0) {
    notes.warnings.push_back(fmt::format("{}: the {} is valid only from {}", file, what, day_of(from)));
  }
  if (X509_cmp_current_time(until) < 0) {
    notes.warnings.push_back(fmt::format("{}: the {} expired on {}; get a new one", file, what, day_of(until)));
    return;
  }
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, until) == 1 && days < kExpiresSoonDays) {
    notes.warnings.push_back(fmt::format("{}: the {} expires on {}, in {} days", file, what, day_of(until), days));
  }
}

void note_chain(const Identity& identity, TlsNotes& notes) {
  const X509* below = identity.cert.get();
  for (const X509Ptr& issuer : identity.chain) {
    if (X509_check_issued(issuer.get(), const_cast<X509*>(below)) != X509_V_OK) {
      notes.warnings.push_back(
          fmt::format("{}: \"{}\" is not signed by \"{}\", which follows it; expected the chain in order, the server's "
                      "own first",
                      identity.file, subject_text(below), subject_text(issuer.get())));
      return;
    }
    below = issuer.get();
  }
}

std::vector<std::string> alternative_names(const X509* cert, int type) {
  std::vector<std::string> found;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int kind = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
    if (kind != type) continue;
    const auto* text = static_cast<const ASN1_IA5STRING*>(value);
    const auto* bytes = ASN1_STRING_get0_data(text);
    std::string name(bytes, bytes + ASN1_STRING_length(text));
    const bool printable = std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f; });
    if (printable && !name.empty()) found.push_back(std::move(name));
  }
  GENERAL_NAMES_free(names);
  return found;
}

// The 80 bytes of a line in base 64, padded or not.
bool decode_ticket_key(std::string_view line, TicketKey& key) {
  std::array<unsigned char, 96> bytes{};
  std::string padded(line);
  while (!padded.empty() && padded.back() == '=') padded.pop_back();
  bool good = padded.size() == 107;  // 80 bytes: 26 groups of four and three digits
  padded += '=';
  good = good && EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(padded.data()),
                                 static_cast<int>(padded.size())) == 81;
  if (good) {
    std::memcpy(key.name.data(), bytes.data(), 16);
    std::memcpy(key.mac.data(), bytes.data() + 16, 32);
    std::memcpy(key.cipher.data(), bytes.data() + 48, 32);
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  OPENSSL_cleanse(padded.data(), padded.size());
  return good;
}

}  // namespace

std::string TlsNotes::error_text() const {
  std::string text;
  for (const std::string& error : errors) text += (text.empty() ? "" : "\n") + error;
  return text;
}

std::optional<Identity> read_identity(const std::string& cert_file, const std::string& key_file, std::string_view what,
                                      TlsNotes& notes) {
  std::vector<X509Ptr> certs = read_certificates(cert_file, fmt::format("the {}", what), notes);
  PrivateKeyPtr key = read_key(key_file, what, notes);
  if (certs.empty() || key == nullptr) return std::nullopt;
  Identity identity;
  identity.file = cert_file;
  identity.cert = std::move(certs.front());
  identity.key = std::move(key);
  identity.chain.assign(std::make_move_iterator(certs.begin() + 1), std::make_move_iterator(certs.end()));
  const auto fits = [&](const X509Ptr& cert) { return X509_check_private_key(cert.get(), identity.key.get()) == 1; };
  const bool good = fits(identity.cert);
  const bool order = !good && std::ranges::any_of(identity.chain, fits);
  ERR_clear_error();
  if (!good) {
    notes.errors.push_back(fmt::format("{}: is not the key of the {} in {}{}", key_file, what, cert_file,
                                       order ? ", but of one further down; put the server's own certificate first"
                                             : "; expected the pair that was made together"));
    return std::nullopt;
  }
  note_dates(cert_file, identity.cert.get(), what, notes);
  note_chain(identity, notes);
  return identity;
}

std::vector<X509Ptr> read_authorities(const std::string& file, TlsNotes& notes) {
  std::vector<X509Ptr> all = read_certificates(file, "the list of authorities", notes);
  for (const X509Ptr& cert : all) {
    if (X509_check_ca(cert.get()) == 0) {
      notes.errors.push_back(fmt::format("{}: \"{}\" is no authority (basicConstraints CA:TRUE is missing)", file,
                                         subject_text(cert.get())));
    }
    note_dates(file, cert.get(), "authority", notes);
  }
  return all;
}

TicketKey TicketKey::random() {
  TicketKey key;
  CHECK(RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1);
  CHECK(RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1);
  CHECK(RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1);
  return key;
}

TicketKey::~TicketKey() {
  OPENSSL_cleanse(mac.data(), mac.size());
  OPENSSL_cleanse(cipher.data(), cipher.size());
}

std::vector<TicketKey> read_ticket_keys(const std::string& file, TlsNotes& notes) {
  constexpr std::string_view kMake = "make one with: openssl rand -base64 80 | tr -d '\\n'";
  std::vector<TicketKey> keys;
  const auto text = read_file(file, "the file of ticket keys", notes);
  if (!text) return keys;
  note_open_mode(file, text->mode, notes);
  std::string_view rest = text->bytes;
  for (int number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    line = line.substr(0, line.find('#'));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
    TicketKey key;
    if (!decode_ticket_key(line, key)) {
      notes.errors.push_back(
          fmt::format("{}:{}: is no ticket key; expected 80 bytes in base 64 on one line; {}", file, number, kMake));
      continue;
    }
    const auto same = [&key](const TicketKey& other) { return other.name == key.name; };
    if (std::ranges::any_of(keys, same)) {
      notes.errors.push_back(fmt::format("{}:{}: this key is already above; take one out", file, number));
      continue;
    }
    if (keys.size() == kMaxTicketKeys) {
      notes.errors.push_back(fmt::format("{}:{}: is one more than {} keys; take out the oldest, at the end", file,
                                         number, kMaxTicketKeys));
      break;
    }
    keys.push_back(key);
  }
  if (keys.empty() && notes.errors.empty()) {
    notes.errors.push_back(fmt::format("{}: holds no ticket key; {}", file, kMake));
  }
  return keys;
}

std::vector<std::string> dns_names(const X509* cert) {
  std::vector<std::string> names = alternative_names(cert, GEN_DNS);
  for (std::string& name : names) {
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  }
  return names;
}

std::vector<std::string> uris(const X509* cert) {
  return alternative_names(cert, GEN_URI);
}

std::string subject_text(const X509* cert) {
  std::array<char, 128> name{};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name.data(), name.size()) > 0) {
    return name.data();
  }
  for (const auto& names : {dns_names(cert), uris(cert)}) {
    if (!names.empty()) return names.front();
  }
  return "a certificate without a name";
}

std::string digest_of(const std::vector<X509Ptr>& certificates) {
  std::string all;
  for (const X509Ptr& cert : certificates) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    CHECK(X509_digest(cert.get(), EVP_sha256(), digest.data(), &size) == 1);
    all.append(digest.begin(), digest.begin() + size);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  CHECK(EVP_Digest(all.data(), all.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  return {digest.begin(), digest.begin() + size};
}

SslContextPtr new_context(const SSL_METHOD* method, int least) {
  SslContextPtr made(SSL_CTX_new(method));
  CHECK(made != nullptr);
  SSL_CTX* context = made.get();
  CHECK(SSL_CTX_set_min_proto_version(context, least) == 1);
  CHECK(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
  CHECK(SSL_CTX_set_ciphersuites(context, kSuites) == 1);
  CHECK(SSL_CTX_set_cipher_list(context, kOldSuites) == 1);
  std::string curves = "X25519:P-256:P-384";  // not const: OpenSSL's macro casts
  CHECK(SSL_CTX_set1_groups_list(context, curves.data()) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  return made;
}

bool use_identity(SSL_CTX* context, const Identity& identity, TlsNotes& notes) {
  STACK_OF(X509)* chain = sk_X509_new_null();
  CHECK(chain != nullptr);
  for (const X509Ptr& cert : identity.chain) CHECK(sk_X509_push(chain, cert.get()) > 0);
  ERR_clear_error();
  const bool used = SSL_CTX_use_cert_and_key(context, identity.cert.get(), identity.key.get(), chain, 1) == 1;
  sk_X509_free(chain);
  if (!used) notes.errors.push_back(fmt::format("{}: OpenSSL refuses it: {}", identity.file, take_openssl_errors()));
  return used;
}

void trust(SSL_CTX* context, const std::vector<X509Ptr>& authorities) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& cert : authorities) CHECK(X509_STORE_add_cert(store, cert.get()) == 1);
}

std::string take_openssl_errors() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    if (!text.empty()) text += ", ";
    text += reason != nullptr ? std::string(reason) : fmt::format("error {:x}", error);
  }
  return text;
}

std::string tls_failure(const SSL* ssl, int result) {
  const int cause = SSL_get_error(ssl, result);
  const int system = errno;
  const long verdict = SSL_get_verify_result(ssl);
  std::string text = take_openssl_errors();
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH) {
    return "the other side's certificate names no node, or another one than expected";
  }
  if (verdict != X509_V_OK) {
    return fmt::format("the other side's certificate does not verify: {}", X509_verify_cert_error_string(verdict));
  }
  if (!text.empty()) return text;
  if (cause == SSL_ERROR_SYSCALL && system != 0) return std::generic_category().message(system);
  if (cause == SSL_ERROR_ZERO_RETURN || cause == SSL_ERROR_SYSCALL) return "the other side closed the connection";
  return fmt::format("TLS failed (code {})", cause);
}

}  // namespace homing::net
