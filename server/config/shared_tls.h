// SPDX-License-Identifier: MIT
// The TLS context that new connections begin with, as the options tls-* were last set.
//
// Threads: synchronised.
#pragma once

#include <memory>
#include <utility>

#include "storage/base/mutex.h"
#include "transport/tls_context.h"

namespace ringkv::server {

class SharedTls {
 public:
  // Null while no option asks for TLS.
  std::shared_ptr<const transport::TlsContext> Get() const {
    storage::MutexLock lock(mutex_);
    return context_;
  }
  void Set(std::shared_ptr<const transport::TlsContext> context) {
    storage::MutexLock lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable storage::Mutex mutex_;
  std::shared_ptr<const transport::TlsContext> context_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
