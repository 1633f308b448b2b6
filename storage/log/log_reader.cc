// SPDX-License-Identifier: MIT
#include "storage/log/log_reader.h"

#include <algorithm>
#include <cstring>

#include "storage/base/byte_codec.h"

namespace ringkv::storage {
namespace {

constexpr uint64_t kWindowBytes = 64 * 1024;

bool IsBlank(std::string_view bytes) {
  return bytes.empty() || (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

Result<std::unique_ptr<LogFileReader>> LogFileReader::Open(FileSystem& files, const std::string& path,
                                                           Lsn expected_first) {
  Result<std::unique_ptr<File>> file = files.Open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(file.error());
  const Result<uint64_t> size = (*file)->Size();
  if (!size) return tl::unexpected(size.error());
  std::unique_ptr<LogFileReader> reader(new LogFileReader(path));
  reader->file_ = std::move(*file);
  reader->file_bytes_ = *size;
  const Result<std::string_view> head = reader->View(0, kFileHeaderBytes);
  if (!head) return tl::unexpected(head.error());
  const Result<FileHeader> header = DecodeFileHeader(kLogMagic, *head);
  if (!header) {
    if (header.error().kind == ErrorKind::kNewerFormat) {
      return Fail("cannot read log file '" + path + "': " + header.error().text, ErrorKind::kNewerFormat);
    }
    const Result<std::string_view> all = reader->View(0, reader->file_bytes_);
    if (!all) return tl::unexpected(all.error());
    if (FindFrame(*all) != std::string_view::npos) return reader->Damaged(0, header.error().text);
    reader->is_stillborn_ = true;
    return reader;
  }
  if (expected_first != 0 && header->lsn != expected_first) {
    return reader->Damaged(
        0, "it begins at LSN " + std::to_string(header->lsn) + ", and its name says " + std::to_string(expected_first));
  }
  reader->header_ = *header;
  return reader;
}

Result<std::string_view> LogFileReader::View(uint64_t offset, uint64_t size) {
  size = std::min(size, file_bytes_ - std::min(offset, file_bytes_));
  if (offset < window_start_ || offset + size > window_start_ + window_bytes_) {
    if (Status filled = Fill(offset, size); !filled) return tl::unexpected(filled.error());
  }
  return std::string_view(window_.get(), window_bytes_).substr(offset - window_start_, size);
}

Status LogFileReader::Fill(uint64_t offset, uint64_t size) {
  const size_t wanted = std::min(std::max(size, kWindowBytes), file_bytes_ - offset);
  if (wanted > window_room_) {
    window_ = std::make_unique_for_overwrite<char[]>(wanted);
    window_room_ = wanted;
  }
  window_start_ = offset;
  window_bytes_ = 0;
  const Result<size_t> read = file_->ReadAt(offset, window_.get(), wanted);
  if (!read) return tl::unexpected(read.error());
  window_bytes_ = *read;
  return {};
}

Result<bool> LogFileReader::Next(LogFrame* frame) {
  if (is_stillborn_) return false;
  const Result<std::string_view> head = View(offset_, kFrameHeaderBytes);
  if (!head) return tl::unexpected(head.error());
  const uint64_t size = FrameBytes(*head);
  if (size == 0 || size > file_bytes_ - offset_) return false;
  const Result<std::string_view> bytes = View(offset_, size);
  if (!bytes) return tl::unexpected(bytes.error());
  if (!DecodeFrame(*bytes, frame)) return false;
  offset_ += size;
  return true;
}

Result<bool> LogFileReader::IsBlankFrom(uint64_t offset) {
  while (offset < file_bytes_) {
    const Result<std::string_view> piece = View(offset, kWindowBytes);
    if (!piece) return tl::unexpected(piece.error());
    if (piece->empty()) break;
    if (!IsBlank(*piece)) return false;
    offset += piece->size();
  }
  return true;
}

Result<LogFileReader::Rest> LogFileReader::LookBehind(Lsn last) {
  // Mostly it is space that was reserved, of which no more than a piece is to be in memory.
  const Result<bool> is_blank = IsBlankFrom(offset_);
  if (!is_blank) return tl::unexpected(is_blank.error());
  if (*is_blank) return Rest::kNothing;
  const Result<std::string_view> read = View(offset_, file_bytes_);
  if (!read) return tl::unexpected(read.error());
  std::string_view rest = *read;
  for (size_t at = FindFrame(rest); at != std::string_view::npos; at = FindFrame(rest)) {
    LogFrame frame;
    DecodeFrame(rest.substr(at), &frame);
    if (frame.durable > last) return Rest::kDamage;
    rest.remove_prefix(at + frame.TotalBytes());
  }
  return Rest::kTornTail;
}

tl::unexpected<Error> LogFileReader::Damaged(uint64_t offset, const std::string& what) const {
  return Fail("log file '" + path_ + "' is damaged at offset " + std::to_string(offset) + ": " + what,
              ErrorKind::kDamaged);
}

bool ForEachGroup(const LogFrame& frame, const std::function<bool(Lsn, std::string_view)>& visit) {
  ByteReader reader(frame.body);
  for (uint32_t i = 0; i < frame.groups; ++i) {
    const std::string_view effects = reader.Text();
    if (!reader.ok() || !visit(frame.first + i, effects)) return false;
  }
  return reader.AtEnd();
}

}  // namespace ringkv::storage
