// SPDX-License-Identifier: MIT
#include "check/file_walk.h"

#include "storage/log/log_reader.h"
#include "storage/snapshot/snapshot_reader.h"

namespace ringkv::check {
namespace {

using storage::Lsn;
using storage::Result;
using storage::Status;

// False if the effects of the group make no sense; then none of them was shown.
bool ShowGroup(Lsn lsn, storage::UnixMs time, std::string_view effects, DataVisitor& visitor, FileReport* report) {
  std::vector<storage::EffectRecord> records;
  storage::ByteReader reader(effects);
  while (!reader.AtEnd()) {
    records.push_back(storage::DecodeEffect(&reader));
    if (!reader.ok()) return false;
  }
  visitor.BeginGroup(lsn, time, records.size());
  for (const storage::EffectRecord& record : records) {
    ++report->effects[record.effect.index()];
    visitor.Effect(record);
  }
  visitor.EndGroup();
  ++report->groups;
  report->last = lsn;
  return true;
}

bool ShowFrame(const storage::LogFrame& frame, DataVisitor& visitor, FileReport* report) {
  ++report->frames;
  report->latest = frame.time;
  return storage::ForEachGroup(
      frame, [&](Lsn lsn, std::string_view effects) { return ShowGroup(lsn, frame.time, effects, visitor, report); });
}

void NoteDamage(const storage::Error& error, FileReport* report) {
  report->state = FileState::kDamaged;
  report->problem = error.text;
}

// --- the log --------------------------------------------------------------------------------------------------------

Status WalkFrames(storage::LogFileReader& log, DataVisitor& visitor, FileReport* report) {
  storage::LogFrame frame;
  for (;;) {
    const uint64_t at = log.offset();
    const Result<bool> good = log.Next(&frame);
    if (!good) return tl::unexpected(good.error());
    if (!*good) break;
    if (frame.first != report->last + 1) {
      NoteDamage(log.Damaged(at, "LSN " + std::to_string(report->last + 1) + " should follow").value(), report);
      return {};
    }
    if (!ShowFrame(frame, visitor, report)) {
      NoteDamage(log.Damaged(at, "its effects are invalid").value(), report);
      return {};
    }
    report->good_bytes = log.offset();
  }
  const Result<storage::LogFileReader::Rest> rest = log.LookBehind(report->last);
  if (!rest) return tl::unexpected(rest.error());
  if (*rest == storage::LogFileReader::Rest::kDamage) {
    NoteDamage(log.Damaged(log.offset(), "a frame's checksum is wrong").value(), report);
  } else if (*rest == storage::LogFileReader::Rest::kTornTail) {
    report->state = FileState::kTornTail;
    report->problem = "log file '" + log.path() + "' has a torn tail of " +
                      std::to_string(log.file_bytes() - log.offset()) + " bytes at offset " +
                      std::to_string(log.offset());
  }
  return {};
}

// --- snapshots ------------------------------------------------------------------------------------------------------

bool ShowBlock(std::string_view body, DataVisitor& visitor, FileReport* report) {
  storage::ByteReader reader(body);
  while (!reader.AtEnd()) {
    storage::DecodeRun(&reader);
    for (uint64_t number = reader.Varint(); number != 0; number = reader.Varint()) {
      const uint64_t count = reader.Varint();
      for (uint64_t i = 0; i < count; ++i) {
        storage::BlockEntry key = storage::DecodeEntry(&reader);
        if (!reader.ok()) return false;
        key.db = static_cast<storage::DbIndex>(number - 1);
        visitor.Key(key);
        ++report->keys;
      }
    }
    if (!reader.ok()) return false;
  }
  return true;
}

bool ShowLibraries(std::string_view body, DataVisitor& visitor, FileReport* report) {
  storage::LibrarySet libraries;
  if (!storage::DecodeLibraries(body, &libraries)) return false;
  for (const auto& [name, code] : libraries) visitor.Library(name, *code);
  report->libraries += libraries.size();
  return true;
}

// False if the body is invalid.
bool ShowSection(storage::SectionKind kind, std::string_view body, DataVisitor& visitor, FileReport* report) {
  storage::LogFrame frame;
  switch (kind) {
    case storage::SectionKind::kBlock: return ShowBlock(body, visitor, report);
    case storage::SectionKind::kFrame: return storage::DecodeFrame(body, &frame) && ShowFrame(frame, visitor, report);
    case storage::SectionKind::kLibraries: return ShowLibraries(body, visitor, report);
    case storage::SectionKind::kLedger: visitor.Ledger(body); break;
    case storage::SectionKind::kEnd: break;
  }
  return true;
}

}  // namespace

Result<FileReport> WalkLog(storage::FileSystem& files, const std::string& path, DataVisitor& visitor) {
  FileReport report;
  Result<std::unique_ptr<storage::LogFileReader>> opened = storage::LogFileReader::Open(files, path, 0);
  if (!opened) {
    if (opened.error().kind != storage::ErrorKind::kDamaged) return tl::unexpected(opened.error());
    NoteDamage(opened.error(), &report);
    return report;
  }
  storage::LogFileReader& log = **opened;
  report.file_bytes = log.file_bytes();
  if (log.is_stillborn()) {
    report.state = FileState::kTornTail;
    report.problem = "log file '" + path + "' was created just before a power failure: it is empty";
    return report;
  }
  report.first = log.header().lsn;
  report.last = report.first - 1;
  report.earliest = report.latest = log.header().created;
  report.good_bytes = log.offset();
  if (Status walked = WalkFrames(log, visitor, &report); !walked) return tl::unexpected(walked.error());
  return report;
}

Result<FileReport> WalkSnapshot(storage::FileSystem& files, const std::string& path, DataVisitor& visitor) {
  FileReport report;
  report.kind = FileKind::kSnapshot;
  Result<std::unique_ptr<storage::SnapshotReader>> opened = storage::SnapshotReader::Open(files, path);
  if (!opened) {
    if (opened.error().kind != storage::ErrorKind::kDamaged) return tl::unexpected(opened.error());
    NoteDamage(opened.error(), &report);
    return report;
  }
  const storage::SnapshotReader& snapshot = **opened;
  report.file_bytes = snapshot.file_bytes();
  report.earliest = report.latest = snapshot.header().created;
  report.raw_bytes = snapshot.end().raw_bytes;
  storage::BlockDecompressor decompressor;
  for (const auto& each : snapshot.sections()) {
    const Result<std::string> body = snapshot.ReadBody(each, decompressor);
    if (!body) {
      if (body.error().kind != storage::ErrorKind::kDamaged) return tl::unexpected(body.error());
      NoteDamage(body.error(), &report);
      return report;
    }
    if (!ShowSection(each.section.kind, *body, visitor, &report)) {
      NoteDamage(snapshot.Damaged(each.offset, "the section's body is invalid").value(), &report);
      return report;
    }
  }
  report.last = snapshot.end().last;
  if (report.keys != snapshot.end().keys) {
    NoteDamage(snapshot
                   .Damaged(snapshot.file_bytes(), "it holds " + std::to_string(report.keys) +
                                                       " keys, and its end says " + std::to_string(snapshot.end().keys))
                   .value(),
               &report);
  }
  return report;
}

Result<FileReport> WalkFile(storage::FileSystem& files, const std::string& path, DataVisitor& visitor) {
  const Result<std::unique_ptr<storage::File>> file = files.Open(path, storage::OpenMode::kRead);
  if (!file) return tl::unexpected(file.error());
  std::string head(storage::kLogMagic.size(), '\0');
  const Result<size_t> read = (*file)->ReadAt(0, head.data(), head.size());
  if (!read) return tl::unexpected(read.error());
  if (head == storage::kSnapshotMagic) return WalkSnapshot(files, path, visitor);
  if (head == storage::kLogMagic || path.ends_with(".log")) return WalkLog(files, path, visitor);
  if (path.ends_with(".rkv") || path.ends_with(".previous")) return WalkSnapshot(files, path, visitor);
  return storage::Fail("'" + path + "' is neither a log file nor a snapshot of RingKV");
}

}  // namespace ringkv::check
