// SPDX-License-Identifier: MIT
#include "storage/log/log_tail.h"

#include "storage/log/log_files.h"

namespace ringkv::storage {

Backlog::ReadResult LogTail::Read(size_t most, FrameList* frames) {
  if (backlog_.lives() != life_) return Backlog::ReadResult::kGone;
  Lsn behind = next_;
  const Backlog::ReadResult found = backlog_.Read(next_, most, frames, &behind);
  if (found != Backlog::ReadResult::kGone) {
    next_ = behind;
    file_.reset();
    return found;
  }
  if (log_directory_.empty()) return found;
  // A file that is still being written may have grown since it was opened, or be followed by another.
  if (file_ != nullptr && ReadFiles(most, frames)) return Backlog::ReadResult::kFrames;
  return OpenFile() && ReadFiles(most, frames) ? Backlog::ReadResult::kFrames : Backlog::ReadResult::kGone;
}

bool LogTail::OpenFile() {
  file_.reset();
  const Result<std::vector<LogFileName>> logs = ListLogFiles(files_, log_directory_);
  if (!logs) return false;
  for (size_t i = 0; i < logs->size(); ++i) {
    const bool is_last = i + 1 == logs->size();
    file_end_ = is_last ? UINT64_MAX : (*logs)[i + 1].first;
    if ((*logs)[i].first > next_) return false;
    if (file_end_ <= next_) continue;
    Result<std::unique_ptr<LogFileReader>> opened =
        LogFileReader::Open(files_, JoinPath(log_directory_, (*logs)[i].name), (*logs)[i].first);
    if (!opened || (*opened)->is_stillborn()) return false;
    file_ = std::move(*opened);
    return true;
  }
  return false;
}

bool LogTail::ReadFiles(size_t most, FrameList* frames) {
  frames->clear();
  size_t taken = 0;
  LogFrame frame;
  while (taken < most && next_ < file_end_) {
    const Result<bool> good = file_->Next(&frame);
    if (!good || !*good) break;
    if (frame.last() < next_) continue;
    if (frame.first > next_ || frame.last() >= file_end_) break;
    std::string bytes;
    EncodeFrame(&bytes, frame);
    taken += bytes.size();
    frames->push_back(std::make_shared<const std::string>(std::move(bytes)));
    next_ = frame.last() + 1;
  }
  return !frames->empty();
}

}  // namespace ringkv::storage
