// SPDX-License-Identifier: MIT
// Files that tell passwords.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace ringkv::storage {

enum class FileOwner : uint8_t {
  kThisUser,  // who alone may read it
  kAsBefore,  // and with the mode of the file which is replaced, if there is one
};

// Replaces the file, or makes it. The new one is written beside it, which nobody else may read meanwhile, and then gets
// its name: so no link is followed, and whoever had the old one open does not see the new text.
Status ReplaceSecretFile(const std::string& path, std::string_view text, FileOwner owner);

}  // namespace ringkv::storage
