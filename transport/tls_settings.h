// SPDX-License-Identifier: MIT
// What TLS is set up from, as the options tls-* of a server or the flags of a tool have it. Empty texts: not given.
#pragma once

#include <cstdint>
#include <string>

namespace ringkv::transport {

// The values of tls-auth-clients, in the order of their words.
enum class ClientCertificates : uint8_t { kNotAsked, kRequired, kOptional };

// A certificate (with its chain) and its private key, as PEM files.
struct KeyPair {
  std::string certificate_file;
  std::string key_file;
  std::string key_passphrase;
};

struct TlsSettings {
  KeyPair own;          // tls-cert-file, tls-key-file, tls-key-file-pass
  KeyPair as_client;    // tls-client-*: of connections to others; not given: those of `own`
  std::string ca_file;  // whose certificates peers are verified against
  std::string ca_directory;
  std::string dh_parameters_file;
  std::string protocols;      // words; empty for TLS 1.2 and 1.3
  std::string ciphers;        // up to TLS 1.2
  std::string cipher_suites;  // from TLS 1.3 on
  bool prefers_own_ciphers = false;
  bool caches_sessions = true;
  int64_t session_cache_size = 20 * 1024;
  int64_t session_cache_seconds = 300;
  bool verifies_peers = true;   // with which this side connects
  bool needs_authority = true;  // of a server: there must be CA certificates
};

}  // namespace ringkv::transport
