// SPDX-License-Identifier: MIT
// Reads a snapshot file. Open follows the chain of section headers to the end, so missing sections are found before
// loading starts; bodies are verified when they are read.
//
// Threads: ReadBody from several threads; other state is immutable once open.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/disk/file_system.h"
#include "storage/snapshot/block_codec.h"
#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

class SnapshotReader {
 public:
  struct IndexedSection {
    Section section;
    uint64_t offset = 0;  // of the body
  };

  // An error of kind kDamaged or kNewerFormat names the file and the offset.
  static Result<std::unique_ptr<SnapshotReader>> Open(FileSystem& files, const std::string& path);

  const FileHeader& header() const { return header_; }
  Placement placement() const { return {header_.hash_seed, header_.by_slot}; }
  const SnapshotEnd& end() const { return end_; }
  const std::vector<IndexedSection>& sections() const { return sections_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // The uncompressed body.
  Result<std::string> ReadBody(const IndexedSection& section, BlockDecompressor& decompressor) const;
  // An error with the problem and its offset in the file.
  tl::unexpected<Error> Damaged(uint64_t offset, const std::string& what) const;

 private:
  explicit SnapshotReader(std::string path) : path_(std::move(path)) {}
  Status Index();

  const std::string path_;
  std::unique_ptr<File> file_;
  uint64_t file_bytes_ = 0;
  FileHeader header_;
  SnapshotEnd end_;
  std::vector<IndexedSection> sections_;
};

}  // namespace ringkv::storage
