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

bool SnapshotStream::NextBlock(std::string* section) {
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
  const std::string body = EncodeEnd(sum_);
  return Seal({.kind = SectionKind::kEnd, .raw_bytes = body.size(), .body_checksum = Checksum(body)}, body);
}

}  // namespace ringkv::storage
