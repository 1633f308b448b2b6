// SPDX-License-Identifier: MIT
#include "storage/snapshot/snapshot_reader.h"

#include "storage/base/checksum.h"
#include "storage/rdb/rdb_format.h"

namespace ringkv::storage {

Result<std::unique_ptr<SnapshotReader>> SnapshotReader::Open(FileSystem& files, const std::string& path) {
  Result<std::unique_ptr<File>> file = files.Open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(file.error());
  std::unique_ptr<SnapshotReader> reader(new SnapshotReader(path));
  reader->file_ = std::move(*file);
  if (Status indexed = reader->Index(); !indexed) return tl::unexpected(indexed.error());
  return reader;
}

tl::unexpected<Error> SnapshotReader::Damaged(uint64_t offset, const std::string& what) const {
  return Fail("snapshot '" + path_ + "' is damaged at offset " + std::to_string(offset) + ": " + what,
              ErrorKind::kDamaged);
}

Status SnapshotReader::Index() {
  const Result<uint64_t> size = file_->Size();
  if (!size) return tl::unexpected(size.error());
  file_bytes_ = *size;
  std::string head(kFileHeaderBytes, '\0');
  const Result<size_t> got = file_->ReadAt(0, head.data(), head.size());
  if (!got) return tl::unexpected(got.error());
  if (BeginsRdbFile(head)) {
    return Fail("cannot read snapshot '" + path_ +
                "': it is an RDB file of Redis; load it with '--load-rdb FILE' and give 'dbfilename' another name");
  }
  const Result<FileHeader> header = DecodeFileHeader(kSnapshotMagic, std::string_view(head).substr(0, *got));
  if (!header && header.error().kind == ErrorKind::kDamaged) return Damaged(0, header.error().text);
  if (!header) return Fail("cannot read snapshot '" + path_ + "': " + header.error().text, header.error().kind);
  header_ = *header;
  for (uint64_t at = kFileHeaderBytes;;) {
    head.resize(kSectionHeaderBytes);
    const Result<size_t> read = file_->ReadAt(at, head.data(), head.size());
    if (!read) return tl::unexpected(read.error());
    IndexedSection next;
    next.offset = at + kSectionHeaderBytes;
    if (*read < kSectionHeaderBytes) return Damaged(at, "it ends before its end section");
    if (!DecodeSection(head, &next.section)) return Damaged(at, "the checksum of a section's header is wrong");
    if (next.section.number != sections_.size()) return Damaged(at, "a section is missing before this one");
    if (next.section.stored_bytes > file_bytes_ - next.offset) return Damaged(at, "a section is cut short");
    sections_.push_back(next);
    at = next.offset + next.section.stored_bytes;
    if (next.section.kind != SectionKind::kEnd) continue;
    if (at != file_bytes_) return Damaged(at, "there are bytes after the end section");
    BlockDecompressor unused;
    const Result<std::string> body = ReadBody(next, unused);
    if (!body) return tl::unexpected(body.error());
    if (!DecodeEnd(*body, &end_)) return Damaged(next.offset, "the end section is too short");
    return {};
  }
}

Result<std::string> SnapshotReader::ReadBody(const IndexedSection& indexed, BlockDecompressor& decompressor) const {
  const Section& section = indexed.section;
  std::string stored(section.stored_bytes, '\0');
  const Result<size_t> read = file_->ReadAt(indexed.offset, stored.data(), stored.size());
  if (!read) return tl::unexpected(read.error());
  if (*read < stored.size()) return Damaged(indexed.offset, "a section is cut short");
  if (Checksum(stored) != section.body_checksum) return Damaged(indexed.offset, "the checksum of a section is wrong");
  if (section.codec == Codec::kStored) return stored;
  std::string raw;
  if (!decompressor.Decompress(section.codec, stored, section.raw_bytes, &raw)) {
    return Damaged(indexed.offset, "a block does not decompress");
  }
  return raw;
}

}  // namespace ringkv::storage
