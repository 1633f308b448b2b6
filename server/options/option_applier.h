// SPDX-License-Identifier: MIT
// Lets options act: each row says on which part of the server, and what it does there.
//
// Threads: own synchronisation. Not to be called under a lock that a part takes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/options/option_row.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class OptionApplier {
 public:
  // Both must outlive it.
  OptionApplier(const Options& options, OptionParts parts) : options_(options), parts_(parts) {}

  // After the option got its value.
  void Apply(const OptionRow& row);
  // Before the option gets the value, which has passed the check: gets from the system what it needs. Says why it
  // can't.
  std::string Obtain(const OptionRow& row, std::string_view value);
  // Likewise, for what the option's row gets for all pairs of a CONFIG SET together.
  std::string ObtainTogether(const OptionRow& row, std::span<const OptionChange> changes);
  // Whether to apply it may take as long as the disk does.
  static bool ActsOnFiles(const OptionRow& row);
  // At the start.
  void ApplyAll();

 private:
  const Options& options_;
  const OptionParts parts_;
  storage::Mutex mutex_;  // values are applied under it, so that the last value wins
};

}  // namespace ringkv::server
