// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "check/data_set.h"
#include "check/file_walk.h"
#include "check/jobs.h"

namespace ringkv::check {
namespace {

using storage::Result;
using storage::Status;
using Locks = std::vector<std::unique_ptr<storage::FileLock>>;

// Keeps servers off the file, which may lie beside the lock or one directory below it.
Result<Locks> LockAround(Context& context, const std::string& path) {
  Locks locks;
  const std::filesystem::path directory = std::filesystem::absolute(path).parent_path();
  for (const std::filesystem::path& each : {directory, directory.parent_path()}) {
    const std::string lock_path = (each / storage::DataFiles::kLockName).string();
    if (!context.files.Exists(lock_path)) continue;
    Result<std::unique_ptr<storage::FileLock>> lock = context.files.Lock(lock_path);
    if (!lock) return storage::Fail("a server uses this file: " + lock.error().text);
    locks.push_back(std::move(*lock));
  }
  return locks;
}

void Print(Context& context, const storage::RecoverySummary& summary) {
  for (const std::string& warning : summary.warnings) context.out << warning << "\n";
  if (summary.cut_bytes > 0) {
    context.out << "log file '" << summary.cut_file << "' has a torn tail of " << summary.cut_bytes << " bytes\n";
  }
}

// Mends what a start would find first. None if it would find nothing.
std::optional<ExitStatus> FixFirst(Context& context, const storage::DataFiles& data, size_t* keys) {
  storage::RecoveryOptions options{.read_only = true};
  Result<std::unique_ptr<DataSet>> set = DataSet::Load(context.files, data, options, context.databases);
  if (!set && set.error().kind == storage::ErrorKind::kDamaged) {
    options.up_to_damage = true;
    set = DataSet::Load(context.files, data, options, context.databases);
  }
  if (!set) return context.Failed(set.error().text);
  const storage::RecoverySummary& seen = (*set)->recovery();
  *keys = (*set)->CountKeys();
  if (seen.warnings.empty() && seen.cut_bytes == 0) return std::nullopt;
  Print(context, seen);
  const std::string question = seen.warnings.empty() ? "Truncate the torn tail?"
                                                     : "Return to the last good state, " + std::to_string(*keys) +
                                                           " keys? Damaged files are kept as *.damaged.";
  if (!context.ask(question)) {
    context.out << "nothing was changed\n";
    return ExitStatus::kFoundDamage;
  }
  set->reset();
  options.read_only = false;
  set = DataSet::Load(context.files, data, options, context.databases);
  if (!set) return context.Failed(set.error().text);
  const storage::RecoverySummary& found = (*set)->recovery();
  if (found.needs_snapshot) {
    const std::string damaged =
        found.snapshot_is_damaged ? storage::DataFiles::DamagedName(data.snapshot_name) : std::string();
    Status done = (*set)->Save(data.directory, data.snapshot_name, damaged);
    if (done) done = storage::SetAside(context.files, data.log_directory, found.damaged_logs);
    if (!done) return context.Failed(done.error().text);
  }
  return ExitStatus::kGood;
}

}  // namespace

ExitStatus FixFile(Context& context, const std::string& path) {
  const Result<Locks> locks = LockAround(context, path);
  if (!locks) return context.Failed(locks.error().text);
  DataVisitor nobody;
  const Result<FileReport> report = WalkFile(context.files, path, nobody);
  if (!report) return context.Failed(report.error().text);
  if (report->state == FileState::kGood) {
    context.out << "'" << path << "' is good: nothing to fix\n";
    return ExitStatus::kGood;
  }
  context.out << report->problem << "\n";
  if (report->kind == FileKind::kSnapshot) {
    return context.Failed(
        "a damaged snapshot cannot be repaired: run --fix on its directory, which returns to the last good state");
  }
  if (report->good_bytes == 0) {
    return context.Failed("no part of it is readable: run --fix on its data directory, which renames it");
  }
  const std::string lost = std::to_string(report->file_bytes - report->good_bytes) + " of " +
                           std::to_string(report->file_bytes) + " bytes, all behind LSN " +
                           std::to_string(report->last);
  if (!context.ask("Truncate '" + path + "', which loses " + lost + "?")) {
    context.out << "nothing was changed\n";
    return ExitStatus::kFoundDamage;
  }
  if (Status cut = storage::TruncateFile(context.files, path, report->good_bytes); !cut)
    return context.Failed(cut.error().text);
  context.out << "'" << path << "' is truncated to " << report->good_bytes << " bytes\n";
  return ExitStatus::kGood;
}

ExitStatus FixDirectory(Context& context, const storage::DataFiles& data) {
  const Result<std::unique_ptr<storage::FileLock>> lock = context.files.Lock(data.LockPath());
  if (!lock) return context.Failed("a server uses this directory: " + lock.error().text);

  // Until a start finds nothing: without a last log file that is cut off whole, the one before it is read to its end.
  size_t keys = 0;
  bool has_fixed = false;
  for (;; has_fixed = true) {
    const std::optional<ExitStatus> fixed = FixFirst(context, data, &keys);
    if (!fixed) break;
    if (*fixed != ExitStatus::kGood) return *fixed;
  }
  if (has_fixed) {
    context.out << "done: a server starts with " << keys << " keys\n";
  } else {
    context.out << "'" << data.directory << "' is good: nothing to fix\n";
  }
  return ExitStatus::kGood;
}

}  // namespace ringkv::check
