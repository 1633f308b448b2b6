// SPDX-License-Identifier: MIT
#include "storage/snapshot/snapshot_stream.h"

#include "storage/base/checksum.h"

namespace ringkv::storage {

std::string SnapshotStream::Header(UnixMs now, Lsn begun) { return EncodeSnapshotHeader(store_, now, begun); }

std::string SnapshotStream::Seal(Section section, std::string_view body) {
  section.number = sections_++;
  section.stored_bytes = body.size();
  std::string bytes = EncodeSection(section);
  bytes.append(body);
  return bytes;
}

std::string SnapshotStream::SealStored(SectionKind kind, std::string_view body) {
  return Seal({.kind = kind, .raw_bytes = body.size(), .body_checksum = Checksum(body)}, body);
}

bool SnapshotStream::NextBlock(std::string* section) {
  if (!has_libraries_) {
    has_libraries_ = true;
    const std::string libraries = EncodeLibraries(*store_.CopyLibraries().set);
    if (!libraries.empty()) {
      *section = SealStored(SectionKind::kLibraries, libraries);
      return true;
    }
  }
  if (!has_ledger_) {
    has_ledger_ = true;
    if (const std::string ledger = store_.CopyLedger(); !ledger.empty()) {
      *section = SealStored(SectionKind::kLedger, ledger);
      return true;
    }
  }
  if (!blocks_.NextBlock(cursor_)) return false;
  std::string_view body;
  const Section sealed = cursor_.Seal(&body);
  sum_.keys += sealed.keys;
  sum_.raw_bytes += sealed.raw_bytes;
  *section = Seal(sealed, body);
  cursor_.Shrink();
  return true;
}

std::string SnapshotStream::End(Lsn last) {
  sum_.last = last;
  return SealStored(SectionKind::kEnd, EncodeEnd(sum_));
}

}  // namespace ringkv::storage
