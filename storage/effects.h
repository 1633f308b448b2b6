// SPDX-License-Identifier: MIT
// Each kind of change as a struct: deterministic and complete, with chance and time resolved before. Whatever follows
// the data (a log, a replica) needs these and no commands.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/key_observer.h"
#include "storage/keyspace/entry.h"

namespace ringkv::storage {

// The key holds this string from now on, whatever it held before.
struct StringPut {
  std::string_view value;
  UnixMs expiry = kNoExpiry;
  StringForm form = StringForm::kPlain;
};

// Bytes are written into the string at `offset`; a missing key counts as an empty string, a gap is filled with zeros.
struct StringPatch {
  uint64_t offset = 0;
  std::string_view bytes;
};

// Whether the string is of at most `longest` bytes when it is patched.
constexpr bool IsWithin(const StringPatch& patch, uint64_t longest) {
  return patch.offset <= longest && patch.bytes.size() <= longest - patch.offset;
}

enum class EraseReason : uint8_t { kDeleted, kExpired, kEvicted, kMoved };

struct Erase {
  EraseReason reason = EraseReason::kDeleted;
};

// kNoExpiry makes the key live for ever.
struct ExpirySet {
  UnixMs expiry = kNoExpiry;
};

// All keys of the database are gone.
struct DatabaseFlush {};

// The two databases have changed places.
struct DatabaseSwap {
  DbIndex other = 0;
};

}  // namespace ringkv::storage
