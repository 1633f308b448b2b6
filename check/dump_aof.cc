// SPDX-License-Identifier: MIT
// The data as a multi-part append-only file of Redis 7: a base in RDB form, an empty file of commands behind it, and
// the manifest that names both.
#include <ostream>

#include "check/data_set.h"
#include "check/data_visitor.h"
#include "check/jobs.h"
#include "storage/log/log_files.h"
#include "storage/rdb/rdb_writer.h"

namespace ringkv::check {
namespace {

using storage::Status;

constexpr std::string_view kForRedis = "7.0.15";
constexpr std::string_view kBaseName = "appendonly.aof.1.base.rdb";
constexpr std::string_view kCommandsName = "appendonly.aof.1.incr.aof";
constexpr std::string_view kManifestName = "appendonly.aof.manifest";
constexpr size_t kAppendBytes = 1 << 20;

class RdbFile final : public DataVisitor {
 public:
  RdbFile(storage::File& file, storage::UnixMs now) : file_(file) { rdb_.Begin(kForRedis, now); }

  void Library(std::string_view, std::string_view code) override { rdb_.Library(code); }
  void Key(const storage::BlockEntry& key) override {
    if (!has_selected_ || key.db != selected_) rdb_.SelectDatabase(key.db);
    has_selected_ = true;
    selected_ = key.db;
    rdb_.Key(key.key, key.kind, key.value, key.expiry);
    if (bytes_.size() >= kAppendBytes) Append();
  }
  Status Finish() {
    rdb_.End();
    Append();
    return status_ ? file_.Sync() : status_;
  }

 private:
  void Append() {
    if (status_) status_ = file_.Append(bytes_);
    bytes_.clear();
  }

  storage::File& file_;
  std::string bytes_;
  storage::RdbWriter rdb_{&bytes_};
  bool has_selected_ = false;
  storage::DbIndex selected_ = 0;
  Status status_;
};

Status WriteBase(storage::FileSystem& files, const std::string& path, DataSet& set) {
  const storage::Result<std::unique_ptr<storage::File>> file = files.Open(path, storage::OpenMode::kReplace);
  if (!file) return tl::unexpected(file.error());
  RdbFile base(**file, storage::SystemClock().Now());
  set.Show(base);
  return base.Finish();
}

// The manifest last: without it redis-server sees no append-only file.
Status WriteAll(storage::FileSystem& files, const std::string& directory, DataSet& set) {
  if (Status written = WriteBase(files, storage::JoinPath(directory, std::string(kBaseName)), set); !written) {
    return written;
  }
  const std::string manifest =
      "file " + std::string(kBaseName) + " seq 1 type b\nfile " + std::string(kCommandsName) + " seq 1 type i\n";
  for (const auto& [name, text] : {std::pair(kCommandsName, std::string()), {kManifestName, manifest}}) {
    const auto placed = storage::PlaceFile(files, directory, std::string(name), text, storage::OpenMode::kReplace);
    if (!placed) return tl::unexpected(placed.error());
  }
  return {};
}

}  // namespace

ExitStatus DumpAof(Context& context, const storage::DataFiles& data, const std::string& new_directory) {
  ExitStatus status = ExitStatus::kGood;
  const std::unique_ptr<DataSet> set = LoadForDump(context, data, &status);
  if (set == nullptr) return status;
  if (Status made = MakeEmptyDirectory(context.files, new_directory); !made) return context.Failed(made.error().text);
  if (Status written = WriteAll(context.files, new_directory, *set); !written) {
    return context.Failed(written.error().text);
  }
  context.out << "'" << new_directory << "' holds " << set->CountKeys()
              << " keys; redis-server 7.0 or later loads it as its appenddirname, with appendonly yes\n";
  return ExitStatus::kGood;
}

}  // namespace ringkv::check
