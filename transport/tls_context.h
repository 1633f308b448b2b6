// SPDX-License-Identifier: MIT
// Certificates, keys and rules that TLS sessions begin with: OpenSSL's contexts, one for accepted connections and one
// for those to others. Sessions keep what they have begun with, so a context may be replaced at any time.
//
// Threads: immutable after Load.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "transport/tls_session.h"
#include "transport/tls_settings.h"

namespace ringkv::transport {

// A certificate in use, and when it ends.
struct CertificateEnd {
  std::string use;  // server, client, ca
  std::string file;
  int64_t seconds = 0;  // since 1970
};

class TlsContext {
 public:
  // The context of a server. An error names the file, or the setting, and the reason, in the words of redis-server.
  static storage::Result<std::shared_ptr<const TlsContext>> Load(const TlsSettings& settings);
  // The context of a tool, which accepts no connections and may have no certificate. Without CA certificates it trusts
  // those of the system.
  static storage::Result<std::shared_ptr<const TlsContext>> LoadForTool(const TlsSettings& settings);

  // A session over a connected, non-blocking descriptor, which must outlive it. The handshake is still to come.
  std::unique_ptr<TlsSession> Accept(int descriptor, ClientCertificates certificates) const;
  // `host`: as it was asked for; a name is told to the peer (SNI).
  std::unique_ptr<TlsSession> Connect(int descriptor, const std::string& host) const;

  // The one that ends first, for each use.
  const std::vector<CertificateEnd>& ends() const { return ends_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  using Context = std::unique_ptr<SSL_CTX, Free>;

  // Each returns what is wrong, or nothing.
  static storage::Result<Context> Make(const TlsSettings& settings, const KeyPair& pair);
  static storage::Status SetProtocols(SSL_CTX& context, const std::string& words);
  static storage::Status SetCiphers(SSL_CTX& context, const TlsSettings& settings);
  static storage::Status UseKeyPair(SSL_CTX& context, const KeyPair& pair);
  static void CompleteChain(SSL_CTX& context);
  static storage::Status TrustAuthorities(SSL_CTX& context, const TlsSettings& settings);
  static storage::Status PrepareToAccept(SSL_CTX& context, const TlsSettings& settings);
  void NoteEnds(const TlsSettings& settings);

  Context accepting_;   // null in a tool
  Context connecting_;  // null if it is the same
  std::vector<CertificateEnd> ends_;
};

}  // namespace ringkv::transport
