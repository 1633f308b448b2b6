// SPDX-License-Identifier: MIT
#include <charconv>
#include <optional>
#include <ostream>

#include "check/data_set.h"
#include "check/jobs.h"
#include "check/moment.h"

namespace ringkv::check {
namespace {

using storage::Result;
using storage::Status;

// A number is an LSN, everything else a time.
std::optional<storage::RecoveryOptions> OptionsFor(const std::string& moment) {
  storage::RecoveryOptions options{.read_only = true};
  const char* end = moment.data() + moment.size();
  const auto [parsed, error] = std::from_chars(moment.data(), end, options.last_lsn);
  if (error == std::errc() && parsed == end) return options;
  const std::optional<storage::UnixMs> time = ParseMoment(moment);
  if (!time) return std::nullopt;
  options.last_lsn = UINT64_MAX;
  options.last_time = *time;
  return options;
}

}  // namespace

Status MakeEmptyDirectory(storage::FileSystem& files, const std::string& path) {
  if (Status made = files.MakeDirectory(path); !made) return made;
  const Result<std::vector<std::string>> names = files.List(path);
  if (!names) return tl::unexpected(names.error());
  if (!names->empty()) return storage::Fail("'" + path + "' is not empty: name a new directory");
  return {};
}

ExitStatus RecoverTo(Context& context, const storage::DataFiles& data, const std::string& moment,
                     const std::string& new_directory) {
  const std::optional<storage::RecoveryOptions> options = OptionsFor(moment);
  if (!options) {
    return context.Failed("'" + moment +
                          "' is neither an LSN nor a time: write 12345, 2026-11-21T10:00:00Z (UTC) or @1700000000");
  }
  const Result<std::unique_ptr<DataSet>> set = DataSet::Load(context.files, data, *options, context.databases);
  if (!set) return context.Failed("cannot go back to " + moment + ": " + set.error().text);
  const storage::RecoverySummary& found = (*set)->recovery();
  if (options->last_lsn != UINT64_MAX && found.last < options->last_lsn) {
    return context.Failed("cannot go to LSN " + moment + ": the files end at LSN " + std::to_string(found.last));
  }
  if (options->last_time != INT64_MAX && found.last == 0) {
    return context.Failed("cannot go back to " + moment + ": the files hold nothing from before it");
  }
  if (Status made = MakeEmptyDirectory(context.files, new_directory); !made) return context.Failed(made.error().text);
  if (Status saved = (*set)->Save(new_directory, data.snapshot_name, ""); !saved) {
    return context.Failed(saved.error().text);
  }
  context.out << "'" << storage::JoinPath(new_directory, data.snapshot_name) << "' holds the state after LSN "
              << found.last << ", " << (*set)->CountKeys() << " keys; start a server with --dir '" << new_directory
              << "'\n";
  return ExitStatus::kGood;
}

}  // namespace ringkv::check
