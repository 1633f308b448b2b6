// SPDX-License-Identifier: MIT
#include "storage/durability/recovery.h"

#include <optional>
#include <string>
#include <string_view>

#include "storage/base/progress_lines.h"
#include "storage/log/log_files.h"
#include "storage/log/log_reader.h"
#include "storage/replay/effect_replay.h"
#include "storage/snapshot/snapshot_loader.h"

namespace ringkv::storage {
namespace {

constexpr const char* kWaysOn =
    "; restore the file from a backup, or return to the last good state with 'ringkv-check --fix' or by starting with "
    "'--recover-up-to-damage yes'";

class Recovery {
 public:
  Recovery(Store& store, FileSystem& files, const DataFiles& data, const RecoveryOptions& options)
      : store_(store), files_(files), data_(data), options_(options), progress_(store.clock()) {}

  Result<RecoverySummary> Run() {
    Result<std::vector<LogFileName>> logs = ListLogFiles(files_, data_.log_directory);
    if (!logs) return tl::unexpected(logs.error());
    logs_ = std::move(*logs);
    NoteTotal();
    if (Status loaded = LoadSnapshot(); !loaded) return tl::unexpected(loaded.error());
    if (Status replayed = ReplayLog(); !replayed) return tl::unexpected(replayed.error());
    return summary_;
  }

 private:
  // --- the snapshot ---

  Status LoadSnapshot() {
    const bool has_newest = files_.Exists(data_.SnapshotPath()) && !IsBeyondTarget(data_.SnapshotPath());
    const bool has_previous = files_.Exists(data_.PreviousPath()) && !IsBeyondTarget(data_.PreviousPath());
    if (!has_newest && !has_previous) return {};
    if (!has_newest) return Load(data_.PreviousPath());  // the machine went down while the names were changed
    Status newest = Load(data_.SnapshotPath());
    if (newest || newest.error().kind != ErrorKind::kDamaged) return newest;
    if (has_previous && LogReachesBackTo(data_.PreviousPath())) {
      Clear();
      if (Status previous = Load(data_.PreviousPath()); previous) {
        Warn(newest.error().text + "; fell back to '" + data_.PreviousPath() + "' and the log behind it");
        summary_.needs_snapshot = true;
        summary_.snapshot_is_damaged = true;
        return {};
      }
    }
    if (!options_.up_to_damage) return Fail(newest.error().text + kWaysOn, ErrorKind::kDamaged);
    // Keys before the damage stay. The log can't be applied, since it builds on the whole snapshot.
    Warn(newest.error().text + "; continuing with the keys read before it");
    summary_.needs_snapshot = true;
    summary_.snapshot_is_damaged = true;
    LeaveOut(0);
    logs_.clear();
    return {};
  }

  Status Load(const std::string& path) {
    Result<std::unique_ptr<SnapshotReader>> opened = SnapshotReader::Open(files_, path);
    if (!opened) return tl::unexpected(opened.error());
    const SnapshotReader& snapshot = **opened;
    if (snapshot.header().hash_seed != store_.placement().seed)
      return snapshot.Damaged(16, "it is of another data set");
    Result<RunMap> runs = LoadBlocks(snapshot, store_, options_.threads, [&](double share, uint64_t keys) {
      NoteLoaded(static_cast<uint64_t>(share * static_cast<double>(snapshot.file_bytes())));
      Say("loading snapshot '" + path + "'", share, keys, "keys");
    });
    if (!runs) return tl::unexpected(runs.error());
    runs_ = std::move(*runs);
    EffectReplay replay(store_, runs_, store_.clock().Now());
    BlockDecompressor decompressor;
    for (const auto& section : snapshot.sections()) {
      if (section.section.kind != SectionKind::kFrame) continue;
      const Result<std::string> body = snapshot.ReadBody(section, decompressor);
      if (!body) return tl::unexpected(body.error());
      LogFrame frame;
      const bool applied = DecodeFrame(*body, &frame) && ForEachGroup(frame, [&](Lsn lsn, std::string_view effects) {
                             return replay.Apply(lsn, effects);
                           });
      if (!applied) return snapshot.Damaged(section.offset, "a frame of effects is invalid");
    }
    summary_.snapshot = path;
    summary_.snapshot_created = snapshot.header().created;
    summary_.snapshot_last = snapshot.end().last;
    summary_.last = snapshot.end().last;
    NoteRead(snapshot.file_bytes());
    return {};
  }

  // Whether the snapshot holds changes from after the requested point in time.
  bool IsBeyondTarget(const std::string& path) {
    if (options_.last_lsn == UINT64_MAX && options_.last_time == INT64_MAX) return false;
    const Result<std::unique_ptr<SnapshotReader>> opened = SnapshotReader::Open(files_, path);
    if (!opened) return false;  // loading it reports the error
    const SnapshotReader& snapshot = **opened;
    if (snapshot.end().last > options_.last_lsn || snapshot.header().created > options_.last_time) return true;
    BlockDecompressor decompressor;
    for (auto section = snapshot.sections().rbegin(); section != snapshot.sections().rend(); ++section) {
      if (section->section.kind != SectionKind::kFrame) continue;
      const Result<std::string> body = snapshot.ReadBody(*section, decompressor);
      LogFrame frame;
      return body && DecodeFrame(*body, &frame) && frame.time > options_.last_time;
    }
    return false;
  }

  void Clear() {
    Random random(store_.placement().seed);
    Txn txn(store_, store_.clock().Now(), random);
    txn.LockAll();
    for (DbIndex db = 0; db < store_.databases(); ++db) txn.FlushDatabase(db);
    txn.Do(LibrariesFlush{});
    txn.Do(LedgerPut{});
    runs_ = RunMap();
  }

  bool LogReachesBackTo(const std::string& path) {
    const Result<std::unique_ptr<SnapshotReader>> snapshot = SnapshotReader::Open(files_, path);
    return snapshot && !logs_.empty() && logs_.front().first <= (*snapshot)->end().last + 1;
  }

  // --- the log ---

  Status ReplayLog() {
    const RunMap nothing_is_in_blocks;  // all that the snapshot's blocks and frames hold is behind us
    EffectReplay replay(store_, nothing_is_in_blocks, store_.clock().Now());
    for (size_t i = 0; i < logs_.size(); ++i) {
      const bool is_last = i + 1 == logs_.size();
      // A file's groups count up to where the next one begins: what failed to be written safely stands there again.
      const Lsn next_first = is_last ? UINT64_MAX : logs_[i + 1].first;
      if (next_first <= summary_.last + 1) {
        NoteRead(SizeOf(JoinPath(data_.log_directory, logs_[i].name)));
        continue;
      }
      if (logs_[i].first > summary_.last + 1) return HandleHole(i);
      Result<std::unique_ptr<LogFileReader>> opened =
          LogFileReader::Open(files_, JoinPath(data_.log_directory, logs_[i].name), logs_[i].first);
      if (!opened) return HandleDamage(i, tl::unexpected(opened.error()));
      LogFileReader& log = **opened;
      if (log.is_stillborn() && is_last) return RemoveStillborn(log);
      if (!log.is_stillborn() && log.header().hash_seed != store_.placement().seed) {
        return log.Damaged(16, "it is of another data set");
      }
      const Result<bool> go_on = ReplayFile(log, next_first, replay);
      if (!go_on) return HandleDamage(i, tl::unexpected(go_on.error()));
      NoteRead(log.file_bytes());
      if (!*go_on) return {};
      if (summary_.last + 1 >= next_first) continue;
      const Result<LogFileReader::Rest> rest = log.LookBehind(summary_.last);
      if (!rest) return tl::unexpected(rest.error());
      if (*rest == LogFileReader::Rest::kNothing) continue;
      if (!is_last || *rest == LogFileReader::Rest::kDamage) {
        return HandleDamage(i, log.Damaged(log.offset(), "a frame's checksum is wrong"));
      }
      return CutTail(log);
    }
    return {};
  }

  // False when the point in time was reached.
  Result<bool> ReplayFile(LogFileReader& log, Lsn next_first, EffectReplay& replay) {
    LogFrame frame;
    for (uint64_t at = log.offset();; at = log.offset()) {
      const Result<bool> good = log.Next(&frame);
      if (!good || !*good) return good ? Result<bool>(true) : good;
      if (frame.first >= next_first) break;
      if (frame.last() <= summary_.last) continue;
      if (frame.first > summary_.last + 1) return log.Damaged(at, "groups are missing before it");
      if (frame.time > options_.last_time) return false;
      bool reached = false;
      const bool applied = ForEachGroup(frame, [&](Lsn lsn, std::string_view effects) {
        if (lsn <= summary_.last || lsn >= next_first || reached) return true;
        reached = lsn > options_.last_lsn;
        if (reached) return true;
        if (!replay.Apply(lsn, effects)) return false;
        summary_.last = lsn;
        ++summary_.groups_replayed;
        return true;
      });
      if (!applied) return log.Damaged(at, "its effects do not apply to the data");
      if (reached) return false;
      NoteLoaded(log.offset());
      Say("replaying log file '" + log.path() + "'",
          static_cast<double>(log.offset()) / static_cast<double>(log.file_bytes()), summary_.groups_replayed,
          "groups");
    }
    return true;
  }

  Status CutTail(const LogFileReader& log) {
    summary_.cut_file = log.path();
    summary_.cut_bytes = log.file_bytes() - log.offset();
    if (options_.refuses_torn_tail) {
      return Fail("the last log file '" + log.path() + "' has a torn tail of " + std::to_string(summary_.cut_bytes) +
                  " bytes, as a crash leaves it; start with '--aof-load-truncated yes' to cut it off");
    }
    if (options_.read_only) return {};
    return TruncateFile(files_, log.path(), log.offset());
  }

  Status RemoveStillborn(const LogFileReader& log) {
    summary_.cut_file = log.path();
    summary_.cut_bytes = log.file_bytes();
    if (options_.read_only) return {};
    if (Status removed = files_.Remove(log.path()); !removed) return removed;
    return files_.SyncDirectory(data_.log_directory);
  }

  Status HandleHole(size_t i) {
    const std::string what = "the log continues at LSN " + std::to_string(logs_[i].first) + " in '" +
                             JoinPath(data_.log_directory, logs_[i].name) + "', and the state before it ends at LSN " +
                             std::to_string(summary_.last) + ": a snapshot or a log file is missing";
    return HandleDamage(i, Fail(what, ErrorKind::kDamaged));
  }

  // From log file `i` on there is something that can't be used.
  Status HandleDamage(size_t i, tl::unexpected<Error> error) {
    if (error.value().kind != ErrorKind::kDamaged) return error;
    if (!options_.up_to_damage) return Fail(error.value().text + kWaysOn, ErrorKind::kDamaged);
    Warn(error.value().text + "; continuing with the state before it, up to LSN " + std::to_string(summary_.last));
    if (options_.read_only) return {};
    summary_.needs_snapshot = true;
    LeaveOut(i);
    return {};
  }

  // Log file `i` and those behind it. LSNs that were given out before are not given out again: these files must never
  // seem to go on from here.
  void LeaveOut(size_t i) {
    for (; i < logs_.size(); ++i) {
      summary_.damaged_logs.push_back(logs_[i].name);
      summary_.last = std::max(summary_.last, logs_[i].first + kLsnLeap);
    }
  }

  // --- progress ---

  void Say(const std::string& what, double share, uint64_t done, std::string_view units) {
    if (const std::optional<std::string> line = progress_.Next(what, share, done, units)) options_.progress(*line);
  }

  uint64_t SizeOf(const std::string& path) {
    if (!files_.Exists(path)) return 0;
    const Result<std::unique_ptr<File>> file = files_.Open(path, OpenMode::kRead);
    const Result<uint64_t> size = file ? (*file)->Size() : Result<uint64_t>(0);
    return size ? *size : 0;
  }

  // Of the newest snapshot, or the previous one without it, and of the log.
  void NoteTotal() {
    if (options_.loaded == nullptr) return;
    const bool has_newest = files_.Exists(data_.SnapshotPath());
    uint64_t total = SizeOf(has_newest ? data_.SnapshotPath() : data_.PreviousPath());
    for (const LogFileName& log : logs_) total += SizeOf(JoinPath(data_.log_directory, log.name));
    options_.loaded->total_bytes = total;
  }

  // `bytes`: of the current file.
  void NoteLoaded(uint64_t bytes) {
    if (options_.loaded != nullptr) options_.loaded->loaded_bytes = read_bytes_ + bytes;
  }

  // A file is behind us.
  void NoteRead(uint64_t bytes) {
    read_bytes_ += bytes;
    NoteLoaded(0);
  }

  void Warn(const std::string& text) { summary_.warnings.push_back(text); }

  // More groups than a log file can hold.
  static constexpr Lsn kLsnLeap = uint64_t{1} << 32;

  Store& store_;
  FileSystem& files_;
  const DataFiles& data_;
  const RecoveryOptions& options_;
  ProgressLines progress_;
  std::vector<LogFileName> logs_;
  RunMap runs_;
  RecoverySummary summary_;
  uint64_t read_bytes_ = 0;  // of the files before the current one
};

}  // namespace

Result<UnsafeTail> ReadUnsafeTail(FileSystem& files, const DataFiles& data, Lsn last) {
  const Result<std::vector<LogFileName>> logs = ListLogFiles(files, data.log_directory);
  if (!logs) return tl::unexpected(logs.error());
  UnsafeTail tail;
  if (logs->empty()) return tail;
  // The files before the last one were synced when the next one was begun.
  Result<std::unique_ptr<LogFileReader>> log =
      LogFileReader::Open(files, JoinPath(data.log_directory, logs->back().name), logs->back().first);
  if (!log) return tl::unexpected(log.error());
  LogFrame frame;
  for (;;) {
    const Result<bool> good = (*log)->Next(&frame);
    if (!good) return tl::unexpected(good.error());
    if (!*good) return tail.first != 0 && frame.last() == last ? tail : UnsafeTail();
    // A frame is written when this was safe.
    if (tail.first != 0 && frame.durable >= frame.first - 1) tail = {};
    if (tail.first == 0) tail.first = frame.first;
    EncodeFrame(&tail.frames, frame);
  }
}

Status SyncNames(FileSystem& files, const DataFiles& data) {
  if (files.Exists(data.log_directory)) {
    if (Status synced = files.SyncDirectory(data.log_directory); !synced) return synced;
  }
  return files.SyncDirectory(data.directory);
}

Status SetAside(FileSystem& files, const std::string& log_directory, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string path = JoinPath(log_directory, name);
    if (Status renamed = files.Rename(path, DataFiles::DamagedName(path)); !renamed) return renamed;
  }
  return names.empty() ? Status() : files.SyncDirectory(log_directory);
}

Result<std::unique_ptr<FileLock>> LockData(FileSystem& files, const DataFiles& data) {
  Result<std::unique_ptr<FileLock>> taken = files.Lock(data.LockPath());
  if (!taken) return Fail("another server uses this directory: " + taken.error().text + "; give each its own --dir");
  return taken;
}

Result<std::optional<uint64_t>> FindHashSeed(FileSystem& files, const DataFiles& data) {
  // The first header that can be read tells; what is wrong with the others recovery finds.
  Error error;
  for (const std::string& path : {data.SnapshotPath(), data.PreviousPath()}) {
    if (!files.Exists(path)) continue;
    const Result<std::unique_ptr<File>> file = files.Open(path, OpenMode::kRead);
    if (!file) return tl::unexpected(file.error());
    std::string head(kFileHeaderBytes, '\0');
    const Result<size_t> read = (*file)->ReadAt(0, head.data(), head.size());
    if (!read) return tl::unexpected(read.error());
    const Result<FileHeader> header = DecodeFileHeader(kSnapshotMagic, std::string_view(head).substr(0, *read));
    if (header) return header->hash_seed;
    error = header.error();
    error.text = "cannot read snapshot '" + path + "': " + error.text;
    if (error.kind == ErrorKind::kNewerFormat) return tl::unexpected(error);
  }
  const Result<std::vector<LogFileName>> logs = ListLogFiles(files, data.log_directory);
  if (!logs) return tl::unexpected(logs.error());
  for (const LogFileName& log : *logs) {
    const Result<std::unique_ptr<LogFileReader>> reader =
        LogFileReader::Open(files, JoinPath(data.log_directory, log.name), log.first);
    if (reader && !(*reader)->is_stillborn()) return (*reader)->header().hash_seed;
    if (!reader) error = reader.error();
    if (error.kind == ErrorKind::kNewerFormat) return tl::unexpected(error);
  }
  return std::optional<uint64_t>();
}

Result<RecoverySummary> Recover(Store& store, FileSystem& files, const DataFiles& data,
                                const RecoveryOptions& options) {
  return Recovery(store, files, data, options).Run();
}

}  // namespace ringkv::storage
