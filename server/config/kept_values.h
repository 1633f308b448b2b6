// SPDX-License-Identifier: MIT
// Values of options that nothing uses: kept for CONFIG GET and REWRITE.
//
// Threads: guarded.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/mutex.h"

namespace ringkv::server {

class KeptValues {
 public:
  // Nothing if the option was given no value.
  std::optional<std::string> Get(std::string_view name) const {
    storage::MutexLock lock(mutex_);
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional<std::string>(found->second);
  }
  // `name`: that of a row, which lives as long as the program.
  void Set(std::string_view name, std::string value) {
    storage::MutexLock lock(mutex_);
    values_[name] = std::move(value);
  }
  void Clear() {
    storage::MutexLock lock(mutex_);
    values_.clear();
  }

 private:
  mutable storage::Mutex mutex_;
  std::map<std::string_view, std::string> values_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
