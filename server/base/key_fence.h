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
#include <utility>
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

  // Postponed writes go on. Returns whether a blocked client was held back meanwhile.
  bool Remove(const std::vector<std::string>& keys) {
    bool held_back = false;
    {
      storage::MutexLock lock(mutex_);
      for (const std::string& key : keys) keys_.erase(key);
      held_back = std::exchange(has_held_back_, false);
    }
    needs_.Update();
    links_.ResumePaused();
    return held_back;
  }

  bool Holds(std::string_view key) {
    storage::MutexLock lock(mutex_);
    return keys_.contains(key);
  }
  // A blocked client isn't served, because that would write to a fenced key.
  void NoteHeldBack() {
    storage::MutexLock lock(mutex_);
    has_held_back_ = true;
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
  bool has_held_back_ GUARDED_BY(mutex_) = false;
};

}  // namespace ringkv::server
