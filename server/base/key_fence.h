// SPDX-License-Identifier: MIT
// Keys that are being sent to another server (MIGRATE): writes to them are postponed until that has ended, and reads go
// on. A key is fenced in all databases, because commands may write to another database than that of their client.
//
// Threads: synchronised. The request path reads the word of UnmetNeeds; the mutex is taken only while keys are fenced.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class KeyFence {
 public:
  // Both must outlive the object. It is a source of `needs`.
  KeyFence(UnmetNeeds& needs, ClientLinks& links) : needs_(needs), links_(links) {
    needs.AddSource([this] { return IsEmpty() ? 0u : uint32_t{kNeedsNoFence}; });
  }

  // False, and nothing is fenced, if one of the keys is. Call without data locked. Writes that were admitted before may
  // still be under way: see ClientLinks::WaitForRound.
  bool Add(const std::vector<std::string>& keys) {
    {
      storage::MutexLock lock(mutex_);
      for (const std::string& key : keys) {
        if (keys_.contains(key)) return false;
      }
      keys_.insert(keys.begin(), keys.end());
    }
    needs_.Update();
    return true;
  }

  // Postponed writes go on.
  void Remove(const std::vector<std::string>& keys) {
    {
      storage::MutexLock lock(mutex_);
      for (const std::string& key : keys) keys_.erase(key);
    }
    needs_.Update();
    links_.ResumePaused();
  }

  // Whether one of the keys is fenced. `for_each` calls its argument with each key.
  template <typename ForEach>
  bool HoldsOneOf(const ForEach& for_each) {
    storage::MutexLock lock(mutex_);
    bool holds = false;
    for_each([&](std::string_view key) {
      mutex_.AssertHeld();
      holds = holds || keys_.contains(key);
    });
    return holds;
  }

 private:
  bool IsEmpty() {
    storage::MutexLock lock(mutex_);
    return keys_.empty();
  }

  UnmetNeeds& needs_;
  ClientLinks& links_;
  storage::Mutex mutex_;
  std::set<std::string, std::less<>> keys_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
