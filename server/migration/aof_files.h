// SPDX-License-Identifier: MIT
// The files of an append-only file of Redis, in the order in which they are loaded: those that the manifest of a
// multi-part one names (Redis 7), or the single file of earlier versions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/disk/file_system.h"

namespace ringkv::server {

// The names of the base, if there is one, and of what was appended to it. `path`: of the manifest, for errors, which
// name the line. The form is that of redis-server 7.0: lines of names and values, of which file, seq and type count.
storage::Result<std::vector<std::string>> ReadAofManifest(std::string_view text, const std::string& path);

// The paths of all files. `path`: the directory, which has `base_name`.manifest, or a single file `base_name`; or that
// single file itself, or the manifest.
storage::Result<std::vector<std::string>> FindAofFiles(storage::FileSystem& files, const std::string& path,
                                                       const std::string& base_name);

}  // namespace ringkv::server
