// SPDX-License-Identifier: MIT
#include "server/migration/load_aof.h"

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "resp/request_parser.h"
#include "server/base/text.h"
#include "server/execution/execution_parts.h"
#include "server/loading/load_rdb.h"
#include "server/migration/aof_files.h"
#include "server/migration/lone_execution.h"
#include "server/session/session.h"
#include "server/session/thread_state.h"
#include "storage/rdb/rdb_format.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::Result;
using storage::Status;

constexpr size_t kAofReadBytes = 1 << 20;

class AofLoader {
 public:
  AofLoader(const ExecutionParts& parts, World world, WatchedKeys& watched_keys)
      : parts_(parts),
        files_(world.files),
        watched_keys_(watched_keys),
        state_(kNoThread, parts.data.store(), parts.commands.size(), world.chance.Next()) {
    limits_.bulk_bytes = parts.options.proto_max_bulk_len;
    state_.txn.set_now(parts.clock.Now());
    state_.txn.set_is_silent(true);
    // Deletions of expired keys are in the file; until then commands may refer to these keys.
    state_.txn.set_keeps_expired(true);
  }

  Status Load(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      const Result<std::unique_ptr<storage::File>> file = files_.Open(path, storage::OpenMode::kRead);
      const Result<uint64_t> size = file ? (*file)->Size() : Result<uint64_t>(tl::unexpected(file.error()));
      if (!size) return tl::unexpected(size.error());
      total_bytes_ += *size;
    }
    for (const std::string& path : paths) {
      if (Status loaded = LoadFile(path, path == paths.back()); !loaded) return loaded;
    }
    return {};
  }

  uint64_t keys() const { return keys_; }
  uint64_t commands() const { return commands_; }

 private:
  Status LoadFile(const std::string& path, bool is_last) {
    const Result<std::unique_ptr<storage::File>> file = files_.Open(path, storage::OpenMode::kRead);
    if (!file) return tl::unexpected(file.error());
    char magic[storage::kRdbHeadBytes];
    const Result<size_t> got = (*file)->ReadAt(0, magic, sizeof magic);
    if (!got) return tl::unexpected(got.error());
    path_ = path;
    read_ = 0;
    const uint64_t before = loaded_bytes_;
    if (storage::BeginsRdbFile(std::string_view(magic, *got))) {
      if (Status loaded = LoadRdbPart(); !loaded) return loaded;
    }
    if (Status loaded = LoadCommands(**file, is_last); !loaded) return loaded;
    loaded_bytes_ = before + read_;
    return {};
  }

  // Sets the offset behind it.
  Status LoadRdbPart() {
    LoadRdbOptions options;
    options.progress = [this](uint64_t done, uint64_t) { NoteProgress(done); };
    options.library = [this](const std::string& code) { return LoadLibrary(code); };
    const Result<LoadRdbSummary> loaded = LoadRdb(files_, path_, options, state_.txn);
    if (!loaded) return tl::unexpected(loaded.error());
    for (const auto& [type, count] : loaded->left_out) {
      parts_.log.Warning("load-aof '" + path_ + "': left out " + std::to_string(count) + " of type " + type);
    }
    keys_ += loaded->keys;
    read_ = loaded->read_bytes;
    return {};
  }

  // As a command of the file would.
  Status LoadLibrary(const std::string& code) {
    Session session(MakeCard(), watched_keys_);
    Trust(session);
    const int64_t errors = reply_.errors();
    const std::array<std::string_view, 4> load = {"FUNCTION", "LOAD", "REPLACE", code};
    const LoneOutcome outcome = ExecuteAlone(CallerFor(session), load);
    const std::string error = reply_.errors() != errors ? std::string(FirstError(replies_.Readable()).substr(1)) : "";
    replies_.Consume(replies_.size());
    if (outcome != LoneOutcome::kDone) return Fail("it can't be loaded now");
    return error.empty() ? Status() : Fail(error);
  }

  static std::shared_ptr<ClientCard> MakeCard() {
    auto card = std::make_shared<ClientCard>();
    card->address = "load-aof";
    return card;
  }

  static void Trust(Session& session) {
    session.authenticated = true;
    session.checked_needs = 0;
  }

  Caller CallerFor(Session& session) {
    return {.parts = parts_,
            .thread = state_,
            .session = session,
            .reply = reply_,
            .may_ask_others = false,
            .is_accounted = false};
  }

  Status LoadCommands(storage::File& file, bool is_last) {
    Session session(MakeCard(), watched_keys_);
    Trust(session);
    resp::Buffer bytes;
    resp::RequestParser parser;
    uint64_t whole = read_;  // up to here no command or transaction is incomplete
    for (;;) {
      const Result<size_t> got = file.ReadAt(read_, bytes.Prepare(kAofReadBytes), kAofReadBytes);
      if (!got) return tl::unexpected(got.error());
      bytes.Commit(*got);
      read_ += *got;
      if (Status executed = ExecuteAll(session, bytes, parser, &whole); !executed) return executed;
      NoteProgress(read_);
      if (*got == 0) return EndAt(whole, is_last);
    }
  }

  // The file has ended; what is behind `whole` is torn.
  Status EndAt(uint64_t whole, bool is_last) {
    if (read_ == whole) return {};
    const std::string where =
        "AOF '" + path_ + "' ends within a command or transaction that begins at offset " + std::to_string(whole);
    if (!is_last) return Fail(where + ", and files follow it");
    if (parts_.options.aof_load_truncated == 0) return Fail(where + " (aof-load-truncated yes leaves it out)");
    parts_.log.Warning(where + "; these " + std::to_string(read_ - whole) + " bytes are left out");
    return {};
  }

  // Executes what is complete.
  Status ExecuteAll(Session& session, resp::Buffer& bytes, resp::RequestParser& parser, uint64_t* whole) {
    while (!bytes.empty()) {
      if (bytes.Readable().starts_with('#')) {  // a line with a time
        const size_t end = bytes.Readable().find('\n');
        if (end == std::string_view::npos) return {};
        bytes.Consume(end + 1);
      } else {
        if (!bytes.Readable().starts_with('*')) return FailAt(bytes, "there is no command");
        const resp::ParseStatus status = parser.Parse(bytes.Readable(), limits_, true);
        if (status == resp::ParseStatus::kNeedMore) return {};
        if (status == resp::ParseStatus::kError) return FailAt(bytes, parser.error());
        if (status == resp::ParseStatus::kEmpty) return FailAt(bytes, "the command is empty");
        if (Status done = ExecuteOne(session, bytes, parser.arguments()); !done) return done;
        bytes.Consume(parser.consumed());
      }
      if (!session.queue.is_open()) *whole = read_ - bytes.size();
    }
    return {};
  }

  Status ExecuteOne(Session& session, const resp::Buffer& bytes, std::span<const std::string_view> argv) {
    ++commands_;
    const std::string name = Named(argv);
    const CommandEntry* entry = parts_.commands.Find(argv);
    if (entry == nullptr) return FailAt(bytes, "command " + name + " is not known here");
    if (entry->row->Is(kAdmin)) return FailAt(bytes, "command " + name + " changes no data");
    const int64_t errors = reply_.errors();
    const LoneOutcome outcome = ExecuteAlone(CallerFor(session), argv);
    if (outcome != LoneOutcome::kDone) return FailAt(bytes, "command " + name + " can't be executed during loading");
    if (reply_.errors() != errors) {
      return FailAt(bytes, "command " + name + " failed: " + std::string(FirstError(replies_.Readable()).substr(1)));
    }
    replies_.Consume(replies_.size());
    return {};
  }

  static std::string Named(std::span<const std::string_view> argv) {
    std::string name;
    AppendQuoted(&name, argv[0].substr(0, 40));
    return name;
  }

  // The bytes begin with what is wrong.
  tl::unexpected<storage::Error> FailAt(const resp::Buffer& bytes, const std::string& why) const {
    return Fail("AOF '" + path_ + "' at offset " + std::to_string(read_ - bytes.size()) + ": " + why);
  }

  void NoteProgress(uint64_t of_this_file) { parts_.data.NoteLoaded(loaded_bytes_ + of_this_file, total_bytes_); }

  const ExecutionParts& parts_;
  storage::FileSystem& files_;
  WatchedKeys& watched_keys_;
  resp::RequestLimits limits_;
  ThreadState state_;
  resp::Buffer replies_;
  resp::ReplyWriter reply_{replies_, 2};
  std::string path_;           // of the file that is being loaded
  uint64_t read_ = 0;          // bytes of it
  uint64_t loaded_bytes_ = 0;  // of the files before it
  uint64_t total_bytes_ = 0;
  uint64_t keys_ = 0;  // in RDB form
  uint64_t commands_ = 0;
};

}  // namespace

Status LoadAof(const ExecutionParts& parts, World world, WatchedKeys& watched_keys) {
  const std::string path = parts.options.load_aof.Get();
  const int64_t start = parts.clock.SteadyMs();
  const Result<std::vector<std::string>> paths = FindAofFiles(world.files, path, parts.options.appendfilename.Get());
  if (!paths) return tl::unexpected(paths.error());
  AofLoader loader(parts, world, watched_keys);
  if (Status loaded = loader.Load(*paths); !loaded) return loaded;
  parts.log.Notice("loaded append-only file '" + path + "', " + std::to_string(loader.keys()) +
                   " keys in RDB form and " + std::to_string(loader.commands()) + " commands, in " +
                   std::to_string(parts.clock.SteadyMs() - start) + " ms");
  return {};
}

}  // namespace ringkv::server
