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

#include "storage/file_system.h"
#include "storage/log/log_format.h"

namespace ringkv::storage {

class LogFileReader {
 public:
  // Reads the whole file. `expected_first` is what its name says.
  static Result<std::unique_ptr<LogFileReader>> Open(FileSystem& files, const std::string& path, Lsn expected_first);

  // An empty or torn header, with nothing good behind: the file was being made when the machine went down.
  bool is_stillborn() const { return is_stillborn_; }
  const LogHeader& header() const { return header_; }
  uint64_t file_bytes() const { return bytes_.size(); }
  const std::string& path() const { return path_; }

  // The next good frame; false at the end of what is good.
  bool Next(LogFrame* frame);
  // Where the next frame begins, or would.
  uint64_t offset() const { return offset_; }
  // At the end of what is good: is that the end of the file?
  bool AtEnd() const { return bytes_.find_first_not_of('\0', offset_) == std::string::npos; }  // zeros are reserved
  // At the end of what is good, with `last` the last LSN read: does a later frame say that more had been safe here?
  bool IsDamage(Lsn last) const;

  tl::unexpected<Error> Damaged(uint64_t offset, const std::string& what) const;

 private:
  explicit LogFileReader(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  std::string bytes_;
  LogHeader header_;
  uint64_t offset_ = kLogHeaderBytes;
  bool is_stillborn_ = false;
};

// Calls `visit` with the effects of each group of the frame. False if the frame's body is not made of groups.
bool ForEachGroup(const LogFrame& frame, const std::function<bool(Lsn, std::string_view)>& visit);

}  // namespace ringkv::storage
