// SPDX-License-Identifier: MIT
// Reads one log file, frame by frame, and distinguishes a torn tail from damage.
//
// After a power failure, frames that no sync had confirmed may be incomplete in any order. Each frame has the last
// durable LSN of the time when it was written. So a bad frame is damage if a later valid frame says that it was
// durable; else it is the torn tail of a crash.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/disk/file_system.h"
#include "storage/log/log_format.h"

namespace ringkv::storage {

class LogFileReader {
 public:
  // `expected_first`: the LSN in the file's name; 0 if it has none.
  static Result<std::unique_ptr<LogFileReader>> Open(FileSystem& files, const std::string& path, Lsn expected_first);

  // The file has an empty or torn header and no valid frame: it was being created during a power failure.
  bool is_stillborn() const { return is_stillborn_; }
  const FileHeader& header() const { return header_; }
  uint64_t file_bytes() const { return file_bytes_; }
  const std::string& path() const { return path_; }

  // The next valid frame, until the next call; false at the end of the readable part.
  Result<bool> Next(LogFrame* frame);
  // The offset of the next frame.
  uint64_t offset() const { return offset_; }
  // What follows the readable part; `last`: the last LSN read.
  enum class Rest : uint8_t {
    kNothing,  // or zeros, which are reserved space
    kTornTail,
    kDamage,  // a later frame says that this part was durable
  };
  Result<Rest> LookBehind(Lsn last);

  tl::unexpected<Error> Damaged(uint64_t offset, const std::string& what) const;

 private:
  explicit LogFileReader(std::string path) : path_(std::move(path)) {}

  // The bytes at `offset`; fewer than `size` only at the end of the file.
  Result<std::string_view> View(uint64_t offset, uint64_t size);
  Status Fill(uint64_t offset, uint64_t size);
  // Whether there are only zeros from there on.
  Result<bool> IsBlankFrom(uint64_t offset);

  const std::string path_;
  std::unique_ptr<File> file_;
  uint64_t file_bytes_ = 0;
  std::unique_ptr<char[]> window_;  // a part of the file
  size_t window_room_ = 0;
  size_t window_bytes_ = 0;
  uint64_t window_start_ = 0;
  FileHeader header_;
  uint64_t offset_ = kFileHeaderBytes;
  bool is_stillborn_ = false;
};

// Calls `visit` with the effects of each group of the frame. False if the frame's body is invalid.
bool ForEachGroup(const LogFrame& frame, const std::function<bool(Lsn, std::string_view)>& visit);

}  // namespace ringkv::storage
