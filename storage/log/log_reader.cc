// SPDX-License-Identifier: MIT
#include "storage/log/log_reader.h"

#include "storage/byte_codec.h"

namespace ringkv::storage {

Result<std::unique_ptr<LogFileReader>> LogFileReader::Open(FileSystem& files, const std::string& path,
                                                           Lsn expected_first) {
  Result<std::string> bytes = ReadWhole(files, path);
  if (!bytes) return tl::unexpected(bytes.error());
  std::unique_ptr<LogFileReader> reader(new LogFileReader(path));
  reader->bytes_ = std::move(*bytes);
  const Result<LogHeader> header = DecodeLogHeader(reader->bytes_);
  if (!header) {
    if (header.error().kind == ErrorKind::kNewerFormat) {
      return Fail("cannot read log file '" + path + "': " + header.error().text, ErrorKind::kNewerFormat);
    }
    if (FindFrame(reader->bytes_) != std::string_view::npos) return reader->Damaged(0, header.error().text);
    reader->is_stillborn_ = true;
    return reader;
  }
  if (header->first != expected_first) {
    return reader->Damaged(0, "it begins at LSN " + std::to_string(header->first) + ", and its name says " +
                                  std::to_string(expected_first));
  }
  reader->header_ = *header;
  return reader;
}

bool LogFileReader::Next(LogFrame* frame) {
  if (is_stillborn_ || !DecodeFrame(std::string_view(bytes_).substr(offset_), frame)) return false;
  offset_ += frame->TotalBytes();
  return true;
}

bool LogFileReader::IsDamage(Lsn last) const {
  std::string_view rest = std::string_view(bytes_).substr(std::min<size_t>(offset_, bytes_.size()));
  for (size_t at = FindFrame(rest); at != std::string_view::npos; at = FindFrame(rest)) {
    LogFrame frame;
    DecodeFrame(rest.substr(at), &frame);
    if (frame.durable > last) return true;
    rest.remove_prefix(at + frame.TotalBytes());
  }
  return false;
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
