// SPDX-License-Identifier: MIT
#include "transport/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <sstream>
#include <utility>

#include "transport/tls_error.h"

namespace ringkv::transport {
namespace {

using storage::Fail;
using storage::Result;
using storage::Status;

// A session is resumed only where it would have been begun the same way: one without a client's certificate must not
// come in where certificates have become required.
void LimitResumption(SSL* ssl, ClientCertificates certificates) {
  const unsigned char context[] = {'r', 'i', 'n', 'g', 'k', 'v', static_cast<unsigned char>(certificates)};
  SSL_set_session_id_context(ssl, context, sizeof context);
}

// Without one OpenSSL would ask for a passphrase at the terminal.
int GivePassphrase(char* room, int size, int, void* text) {
  const std::string& passphrase = *static_cast<const std::string*>(text);
  if (passphrase.empty() || passphrase.size() > static_cast<size_t>(size)) return -1;
  passphrase.copy(room, passphrase.size());
  return static_cast<int>(passphrase.size());
}

struct Protocol {
  const char* name;
  uint64_t off;
};
constexpr Protocol kProtocols[] = {{"TLSv1", SSL_OP_NO_TLSv1},
                                   {"TLSv1.1", SSL_OP_NO_TLSv1_1},
                                   {"TLSv1.2", SSL_OP_NO_TLSv1_2},
                                   {"TLSv1.3", SSL_OP_NO_TLSv1_3}};

// The options that turn all others off; none if a word is unknown.
std::optional<uint64_t> ProtocolsOff(const std::string& words) {
  uint64_t off = 0;
  for (const Protocol& protocol : kProtocols) off |= protocol.off;
  std::istringstream in(words.empty() ? "TLSv1.2 TLSv1.3" : words);
  for (std::string word; in >> word;) {
    const auto* const known = std::find_if(std::begin(kProtocols), std::end(kProtocols), [&](const Protocol& protocol) {
      return ::strcasecmp(protocol.name, word.c_str()) == 0;
    });
    if (known == std::end(kProtocols)) return std::nullopt;
    off &= ~known->off;
  }
  return off;
}

int64_t EndOf(const X509& certificate) {
  std::tm broken_down{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &broken_down) != 1) return 0;
  return ::timegm(&broken_down);
}

bool IsAddress(const std::string& host) {
  unsigned char room[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), room) == 1 || ::inet_pton(AF_INET6, host.c_str(), room) == 1;
}

}  // namespace

void TlsContext::Free::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

Result<std::shared_ptr<const TlsContext>> TlsContext::Load(const TlsSettings& settings) {
  if (settings.own.certificate_file.empty()) return Fail("No tls-cert-file configured!");
  if (settings.own.key_file.empty()) return Fail("No tls-key-file configured!");
  if (settings.needs_authority && settings.ca_file.empty() && settings.ca_directory.empty()) {
    return Fail(
        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or "
        "tls-auth-clients are enabled!");
  }
  Result<Context> accepting = Make(settings, settings.own);
  if (!accepting) return tl::unexpected(accepting.error());
  if (Status prepared = PrepareToAccept(**accepting, settings); !prepared) return tl::unexpected(prepared.error());
  auto loaded = std::make_shared<TlsContext>();
  loaded->accepting_ = std::move(*accepting);
  if (!settings.as_client.certificate_file.empty() && !settings.as_client.key_file.empty()) {
    Result<Context> connecting = Make(settings, settings.as_client);
    if (!connecting) return tl::unexpected(connecting.error());
    loaded->connecting_ = std::move(*connecting);
  }
  loaded->NoteEnds(settings);
  return loaded;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::LoadForTool(const TlsSettings& settings) {
  Result<Context> connecting = Make(settings, settings.own);
  if (!connecting) return tl::unexpected(connecting.error());
  if (settings.ca_file.empty() && settings.ca_directory.empty() && settings.verifies_peers &&
      SSL_CTX_set_default_verify_paths(connecting->get()) != 1) {
    return Fail("Failed to use the system's CA certificates: " + TakeTlsError());
  }
  auto loaded = std::make_shared<TlsContext>();
  loaded->connecting_ = std::move(*connecting);
  return loaded;
}

Result<TlsContext::Context> TlsContext::Make(const TlsSettings& settings, const KeyPair& pair) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return Fail("Failed to set up TLS: " + TakeTlsError());
  // A peer that closes without saying so in TLS is at its end: requests and replies tell themselves whether they are
  // whole.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A write may be repeated from another place in memory. Buffers of idle connections are freed; a read takes what the
  // socket has, not the length of a record first.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_verify(context.get(), settings.verifies_peers ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  for (const Status& step : {SetProtocols(*context, settings.protocols), UseKeyPair(*context, pair),
                             TrustAuthorities(*context, settings), SetCiphers(*context, settings)}) {
    if (!step) return tl::unexpected(step.error());
  }
  CompleteChain(*context);
  return context;
}

Status TlsContext::SetProtocols(SSL_CTX& context, const std::string& words) {
  const std::optional<uint64_t> off = ProtocolsOff(words);
  if (!off) {
    return Fail("Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.");
  }
  SSL_CTX_set_options(&context, *off);
  return {};
}

Status TlsContext::UseKeyPair(SSL_CTX& context, const KeyPair& pair) {
  if (pair.certificate_file.empty() && pair.key_file.empty()) return {};
  std::string passphrase = pair.key_passphrase;
  SSL_CTX_set_default_passwd_cb(&context, GivePassphrase);
  SSL_CTX_set_default_passwd_cb_userdata(&context, &passphrase);
  const bool has_certificate = SSL_CTX_use_certificate_chain_file(&context, pair.certificate_file.c_str()) == 1;
  const std::string why_not = has_certificate ? "" : TakeTlsError();
  const bool has_key =
      has_certificate && SSL_CTX_use_PrivateKey_file(&context, pair.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(&context, nullptr);
  if (!has_certificate) return Fail("Failed to load certificate: " + pair.certificate_file + ": " + why_not);
  if (!has_key) return Fail("Failed to load private key: " + pair.key_file + ": " + TakeTlsError());
  // One of another type was not compared with it yet.
  if (SSL_CTX_check_private_key(&context) != 1) {
    ERR_clear_error();
    return Fail("Failed to load private key: " + pair.key_file + ": it is not the key of the certificate " +
                pair.certificate_file);
  }
  return {};
}

// OpenSSL would look for the authority among the trusted ones, and verify its signature, in every handshake: a chain
// that is not in the file of the certificate is made once. It need not be complete, nor valid: peers judge it.
void TlsContext::CompleteChain(SSL_CTX& context) {
  STACK_OF(X509)* given = nullptr;
  SSL_CTX_get0_chain_certs(&context, &given);
  if (SSL_CTX_get0_certificate(&context) == nullptr || sk_X509_num(given) > 0) return;
  SSL_CTX_build_cert_chain(&context, SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR | SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR);
  ERR_clear_error();
}

Status TlsContext::TrustAuthorities(SSL_CTX& context, const TlsSettings& settings) {
  const auto given = [](const std::string& path) { return path.empty() ? nullptr : path.c_str(); };
  if (settings.ca_file.empty() && settings.ca_directory.empty()) return {};
  if (SSL_CTX_load_verify_locations(&context, given(settings.ca_file), given(settings.ca_directory)) == 1) return {};
  return Fail("Failed to configure CA certificate(s) file/directory: " +
              (settings.ca_file.empty() ? settings.ca_directory : settings.ca_file) + ": " + TakeTlsError());
}

Status TlsContext::SetCiphers(SSL_CTX& context, const TlsSettings& settings) {
  if (!settings.ciphers.empty() && SSL_CTX_set_cipher_list(&context, settings.ciphers.c_str()) != 1) {
    return Fail("Failed to configure ciphers: " + settings.ciphers);
  }
  if (!settings.cipher_suites.empty() && SSL_CTX_set_ciphersuites(&context, settings.cipher_suites.c_str()) != 1) {
    return Fail("Failed to configure ciphersuites: " + settings.cipher_suites);
  }
  return {};
}

Status TlsContext::PrepareToAccept(SSL_CTX& context, const TlsSettings& settings) {
  SSL_CTX_set_session_cache_mode(&context, settings.caches_sessions ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
  SSL_CTX_sess_set_cache_size(&context, settings.session_cache_size);
  SSL_CTX_set_timeout(&context, settings.session_cache_seconds);
  // A client takes one to its next connection, and gets another there.
  SSL_CTX_set_num_tickets(&context, 1);
  if (settings.prefers_own_ciphers) SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  const std::string& file = settings.dh_parameters_file;
  if (file.empty()) {
    SSL_CTX_set_dh_auto(&context, 1);
    return {};
  }
  errno = 0;
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_file(file.c_str(), "r"), &BIO_free);
  const int error = errno;
  if (in == nullptr) {
    ERR_clear_error();
    return Fail("Failed to load " + file + ": " + std::strerror(error));
  }
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parameters(PEM_read_bio_Parameters(in.get(), nullptr),
                                                                       &EVP_PKEY_free);
  if (parameters == nullptr) return Fail(file + ": failed to read DH params: " + TakeTlsError());
  if (EVP_PKEY_up_ref(parameters.get()) != 1 || SSL_CTX_set0_tmp_dh_pkey(&context, parameters.get()) != 1) {
    EVP_PKEY_free(parameters.get());  // the reference that the context has not taken
    return Fail("Failed to load DH params file: " + file + ": " + TakeTlsError());
  }
  return {};
}

void TlsContext::NoteEnds(const TlsSettings& settings) {
  if (const X509* own = SSL_CTX_get0_certificate(accepting_.get())) {
    ends_.push_back({"server", settings.own.certificate_file, EndOf(*own)});
  }
  if (connecting_ != nullptr) {
    if (const X509* client = SSL_CTX_get0_certificate(connecting_.get())) {
      ends_.push_back({"client", settings.as_client.certificate_file, EndOf(*client)});
    }
  }
  std::optional<int64_t> first;
  const STACK_OF(X509_OBJECT)* trusted = X509_STORE_get0_objects(SSL_CTX_get_cert_store(accepting_.get()));
  for (int i = 0; i < sk_X509_OBJECT_num(trusted); ++i) {
    const X509* authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(trusted, i));
    if (authority != nullptr) first = std::min(first.value_or(INT64_MAX), EndOf(*authority));
  }
  if (first) ends_.push_back({"ca", settings.ca_file, *first});
}

std::unique_ptr<TlsSession> TlsContext::Accept(int descriptor, ClientCertificates certificates) const {
  SSL* const ssl = SSL_new(accepting_.get());
  if (ssl == nullptr) return nullptr;
  switch (certificates) {
    case ClientCertificates::kNotAsked: SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr); break;
    case ClientCertificates::kOptional: SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr); break;
    case ClientCertificates::kRequired:
      SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      break;
  }
  LimitResumption(ssl, certificates);
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsSession>(ssl, descriptor);
}

std::unique_ptr<TlsSession> TlsContext::Connect(int descriptor, const std::string& host) const {
  SSL* const ssl = SSL_new(connecting_ == nullptr ? accepting_.get() : connecting_.get());
  if (ssl == nullptr) return nullptr;
  if (!host.empty() && !IsAddress(host)) SSL_set_tlsext_host_name(ssl, host.c_str());
  SSL_set_connect_state(ssl);
  return std::make_unique<TlsSession>(ssl, descriptor);
}

}  // namespace ringkv::transport
