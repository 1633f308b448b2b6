// SPDX-License-Identifier: MIT
// The option load-file: one "<key> <value>" line per key.
//
// The key ends at the first space or tab; the value is the rest of the line, byte for byte, and may be empty. A later
// line wins over an earlier one. Empty lines are skipped.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/base/result.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

struct LoadSummary {
  uint64_t lines = 0;    // keys put
  uint64_t skipped = 0;  // invalid lines, if not strict
};

struct LoadFileOptions {
  bool strict = true;  // an invalid line is an error with its number
  // Called about once a second with bytes read and the file's size.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

storage::Result<LoadSummary> LoadFile(const std::string& path, const LoadFileOptions& options, storage::Txn& txn);

}  // namespace ringkv::server
