// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <utility>

#include "check/data_set.h"
#include "check/file_walk.h"
#include "check/jobs.h"
#include "check/moment.h"
#include "check/prefix_sizes.h"
#include "storage/log/log_files.h"

namespace ringkv::check {
namespace {

std::string Effects(const FileReport& report) {
  std::string text;
  for (size_t i = 0; i < report.effects.size(); ++i) {
    if (report.effects[i] == 0) continue;
    if (!text.empty()) text.append(", ");
    text.append(std::to_string(report.effects[i])).append(" ").append(storage::kEffectNames[i]);
  }
  return text.empty() ? "no effects" : text;
}

std::string Libraries(size_t count) {
  return std::to_string(count) + (count == 1 ? " library" : " libraries") + " of functions";
}

std::string Span(const FileReport& report) {
  return FormatMoment(report.earliest) + " to " + FormatMoment(report.latest);
}

std::string Describe(const FileReport& report) {
  std::ostringstream text;
  if (report.kind == FileKind::kLog) {
    text << "log, " << report.file_bytes << " bytes";
    if (report.groups > 0) {
      text << ", LSN " << report.first << " to " << report.last << ", " << Effects(report) << " in " << report.frames
           << " frames, " << Span(report);
    }
  } else {
    text << "snapshot, " << report.file_bytes << " bytes, " << report.keys << " keys, up to LSN " << report.last << ", "
         << Span(report);
    if (report.libraries > 0) text << ", " << Libraries(report.libraries);
    if (report.raw_bytes > 0) {
      text << ", compressed to " << std::setprecision(3)
           << 100.0 * static_cast<double>(report.file_bytes) / static_cast<double>(report.raw_bytes) << " %";
    }
    if (report.groups > 0) text << ", with " << report.groups << " groups logged meanwhile (" << Effects(report) << ")";
  }
  return text.str();
}

const char* NameOf(FileState state) {
  switch (state) {
    case FileState::kGood: return "good";
    case FileState::kTornTail: return "torn";
    case FileState::kDamaged: return "DAMAGED";
  }
  return "";
}

void Print(Context& context, const std::string& path, const FileReport& report) {
  context.out << std::left << std::setw(8) << NameOf(report.state) << std::right << path << ": " << Describe(report)
              << "\n";
  if (!report.problem.empty()) context.out << "        " << report.problem << "\n";
}

ExitStatus Judge(Context& context, const std::string& path, const storage::Result<FileReport>& report) {
  if (!report) {
    return context.Failed(report.error().text);
  }
  Print(context, path, *report);
  return report->state == FileState::kGood ? ExitStatus::kGood : ExitStatus::kFoundDamage;
}

}  // namespace

ExitStatus CheckFile(Context& context, const std::string& path, const PrefixOptions& prefixes) {
  PrefixSizes sizes(prefixes.separator, prefixes.depth);
  DataVisitor nobody;
  DataVisitor& visitor = prefixes.wanted ? static_cast<DataVisitor&>(sizes) : nobody;
  const ExitStatus outcome = Judge(context, path, WalkFile(context.files, path, visitor));
  if (prefixes.wanted && outcome != ExitStatus::kFailed) sizes.Print(context.out, prefixes.most);
  return outcome;
}

ExitStatus CheckDirectory(Context& context, const storage::DataFiles& data, const PrefixOptions& prefixes) {
  DataVisitor nobody;
  ExitStatus worst = ExitStatus::kGood;
  for (const std::string& path : {data.SnapshotPath(), data.PreviousPath()}) {
    if (!context.files.Exists(path)) continue;
    worst = std::max(worst, Judge(context, path, WalkSnapshot(context.files, path, nobody)));
  }
  const storage::Result<std::vector<storage::LogFileName>> logs =
      storage::ListLogFiles(context.files, data.log_directory);
  if (!logs) {
    return context.Failed(logs.error().text);
  }
  for (const storage::LogFileName& log : *logs) {
    const std::string path = storage::JoinPath(data.log_directory, log.name);
    worst = std::max(worst, Judge(context, path, WalkLog(context.files, path, nobody)));
  }
  const storage::Result<std::unique_ptr<DataSet>> set =
      DataSet::Load(context.files, data, {.read_only = true}, context.databases);
  if (!set) {
    const bool is_damage = set.error().kind == storage::ErrorKind::kDamaged;
    (is_damage ? context.out : context.err)
        << (is_damage ? "A server does not start with these files: " : "") << set.error().text << "\n";
    return is_damage ? ExitStatus::kFoundDamage : ExitStatus::kFailed;
  }
  for (const std::string& warning : (*set)->recovery().warnings) context.out << "        " << warning << "\n";
  const size_t libraries = (*set)->CountLibraries();
  context.out << "A server starts with " << (*set)->CountKeys() << " keys"
              << (libraries > 0 ? " and " + Libraries(libraries) : "") << ", the state after LSN "
              << (*set)->recovery().last << ".\n";
  if (prefixes.wanted) {
    PrefixSizes sizes(prefixes.separator, prefixes.depth);
    (*set)->Show(sizes);
    sizes.Print(context.out, prefixes.most);
  }
  return worst;
}

ExitStatus DumpFile(Context& context, const std::string& path, DumpFormat format) {
  const storage::Result<FileReport> report = WalkFile(context.files, path, *MakeDump(format, context.out));
  if (!report) {
    return context.Failed(report.error().text);
  }
  if (!report->problem.empty()) context.err << report->problem << "\n";
  return report->state == FileState::kGood ? ExitStatus::kGood : ExitStatus::kFoundDamage;
}

std::unique_ptr<DataSet> LoadForDump(Context& context, const storage::DataFiles& data, ExitStatus* status) {
  storage::Result<std::unique_ptr<DataSet>> set =
      DataSet::Load(context.files, data, {.read_only = true}, context.databases);
  if (!set) {
    context.err << set.error().text << "\n";
    *status = set.error().kind == storage::ErrorKind::kDamaged ? ExitStatus::kFoundDamage : ExitStatus::kFailed;
    return nullptr;
  }
  for (const std::string& warning : (*set)->recovery().warnings) context.err << warning << "\n";
  return std::move(*set);
}

ExitStatus DumpDirectory(Context& context, const storage::DataFiles& data, DumpFormat format) {
  ExitStatus status = ExitStatus::kGood;
  const std::unique_ptr<DataSet> set = LoadForDump(context, data, &status);
  if (set == nullptr) return status;
  set->Show(*MakeDump(format, context.out));
  return ExitStatus::kGood;
}

}  // namespace ringkv::check
