// SPDX-License-Identifier: MIT
#include "server/replication/dropped_groups.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "storage/disk/file_header.h"

namespace ringkv::server {

using storage::Backlog;
using storage::Result;
using storage::Status;

namespace {

constexpr size_t kBytesAtOnce = size_t{256} * 1024;

// A name that no other moment gives, and that sorts by time.
std::string NameOf(storage::Lsn first, int64_t now) {
  char name[64] = {};
  std::snprintf(name, sizeof name, "dropped-%013lld-%020llu.log", static_cast<long long>(now),
                static_cast<unsigned long long>(first));
  return name;
}

}  // namespace

Result<DroppedGroups> KeepDroppedGroups(storage::FileSystem& files, storage::LogTail& tail, storage::Lsn last,
                                        uint64_t hash_seed, int64_t now) {
  DroppedGroups kept{.file = NameOf(tail.next(), now), .first = tail.next(), .last = tail.next() - 1};
  Result<std::unique_ptr<storage::File>> file = files.Open(kept.file, storage::OpenMode::kReplace);
  if (!file) return tl::unexpected(file.error());
  const std::string header =
      storage::EncodeFileHeader(storage::kLogMagic, {.hash_seed = hash_seed, .lsn = kept.first, .created = now});
  if (Status written = (*file)->Append(header); !written) return tl::unexpected(written.error());
  storage::FrameList frames;
  while (kept.last < last && tail.Read(kBytesAtOnce, &frames) == Backlog::ReadResult::kFrames) {
    for (const auto& frame : frames) {
      if (Status written = (*file)->Append(*frame); !written) return tl::unexpected(written.error());
      kept.bytes += frame->size();
    }
    kept.last = tail.next() - 1;
  }
  if (Status synced = (*file)->Sync(); !synced) return tl::unexpected(synced.error());
  if (Status synced = files.SyncDirectory(""); !synced) return tl::unexpected(synced.error());
  return kept;
}

}  // namespace ringkv::server
