// SPDX-License-Identifier: MIT
// How this server connects to others: from which address, and whether with TLS.
#pragma once

#include <memory>
#include <string>

#include "server/config/options.h"
#include "transport/tls_context.h"

namespace ringkv::server {

struct Outward {
  std::string source = {};  // the address to connect from, if it can be had (bind-source-addr)
  bool uses_tls = false;
  std::shared_ptr<const transport::TlsContext> tls = {};
};

// To a primary, of RingKV or Redis.
inline Outward ToPrimary(const Options& options) {
  return {options.bind_source_addr.Get(), options.tls_replication != 0, options.tls.Get()};
}
// To a node of the cluster, or to a target of MIGRATE.
inline Outward ToNode(const Options& options) {
  return {options.bind_source_addr.Get(), options.tls_cluster != 0, options.tls.Get()};
}

}  // namespace ringkv::server
