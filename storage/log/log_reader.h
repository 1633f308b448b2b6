// SPDX-License-Identifier: MIT
// Reads one log file, frame by frame, and tells a torn tail from damage.
//
// A machine that crashes may leave the last frames in part, and of those that no sync had confirmed later ones whole
// and earlier ones not. Each frame says up to which LSN all was safe when it was written. So a bad frame is damage if
// any good frame behind it says that its place was safe already; else it is where a crash cut off.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/disk/file_system.h"
#include "storage/log/log_format.h"

namespace ringkv::storage {

class LogFileReader {
 public:
  // `expected_first` is what the file's name says; 0 if it says nothing.
  static Result<std::unique_ptr<LogFileReader>> Open(FileSystem& files, const std::string& path, Lsn expected_first);

  // An empty or torn header, with nothing good behind: the file was being made when the machine went down.
  bool is_stillborn() const { return is_stillborn_; }
  const FileHeader& header() const { return header_; }
  uint64_t file_bytes() const { return file_bytes_; }
  const std::string& path() const { return path_; }

  // The next good frame, valid until the next call; false at the end of what is good.
  Result<bool> Next(LogFrame* frame);
  // Where the next frame begins, or would.
  uint64_t offset() const { return offset_; }
  // What there is at the end of what is good, with `last` the last LSN read.
  enum class Rest : uint8_t {
    kNothing,  // but zeros, which are reserved space
    kTornTail,
    kDamage,  // a later frame says that more had been safe here
  };
  Result<Rest> LookBehind(Lsn last);

  tl::unexpected<Error> Damaged(uint64_t offset, const std::string& what) const;

 private:
  explicit LogFileReader(std::string path) : path_(std::move(path)) {}

  // So many bytes at `offset`, or what there is of them.
  Result<std::string_view> View(uint64_t offset, uint64_t size);

  const std::string path_;
  std::unique_ptr<File> file_;
  uint64_t file_bytes_ = 0;
  std::string window_;  // a part of the file
  uint64_t window_start_ = 0;
  FileHeader header_;
  uint64_t offset_ = kFileHeaderBytes;
  bool is_stillborn_ = false;
};

// Calls `visit` with the effects of each group of the frame. False if the frame's body is not made of groups.
bool ForEachGroup(const LogFrame& frame, const std::function<bool(Lsn, std::string_view)>& visit);

}  // namespace ringkv::storage
