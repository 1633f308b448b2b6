// SPDX-License-Identifier: MIT
// ACL LOG: requests that were denied, and failed authentications.
//
// Threads: guarded.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "server/users/acl_check.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

enum class DenialContext : uint8_t { kTopLevel, kTransaction, kScript };

struct DenialEntry {
  uint64_t count = 1;
  DenialReason reason = DenialReason::kNone;
  DenialContext context = DenialContext::kTopLevel;
  std::string object = {};  // the command, key or channel
  std::string username = {};
  std::string client = {};  // its line of CLIENT LIST
  int64_t created_ms = 0;
};

class DenialLog {
 public:
  // Counts an entry that equals a recent one of the last minute there. `most`: acllog-max-len.
  void Add(DenialEntry entry, size_t most);
  // Newest first.
  std::vector<DenialEntry> Newest(size_t count) const;
  void Reset();

 private:
  mutable storage::Mutex mutex_;
  std::list<DenialEntry> entries_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
