// SPDX-License-Identifier: MIT
// A full sync in the form of Redis: an RDB file of the whole store, made block by block while writes go on, and the
// commands that the receiver has to execute behind it.
//
// Blocks are copied at different moments, each with its LSN. A change becomes a command if its key was copied before
// it; else the block has it already, or will have it. So the frames of the log are taken while the file is made: before
// a block's keys are written, all frames up to its copy.
//
// Threads: confined.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/rdb/rdb_writer.h"
#include "storage/redis/command_encoder.h"
#include "storage/redis/file_databases.h"
#include "storage/snapshot/block_source.h"
#include "storage/snapshot/run_map.h"

namespace ringkv::storage {

class RdbSync {
 public:
  // `begun`: the last group before it; frames are taken from there on. `store` must outlive the object.
  RdbSync(Store& store, Lsn begun, std::string_view redis_version, UnixMs now);

  enum class Step : uint8_t {
    kWritten,  // a part of the file was appended
    kWaits,    // frames up to `awaited` have to be taken first
    kEnd,      // the file is complete; all changes after `last` are to be sent as they come
  };
  Step NextPart(std::string* file);
  Lsn awaited() const { return awaited_; }

  // Takes a frame and appends to `commands` what the receiver needs of it. False if the frame is damaged, or groups
  // before it are missing.
  bool TakeFrame(std::string_view bytes, std::string* commands);
  // The last group taken.
  Lsn last() const { return last_; }
  uint64_t keys() const { return keys_; }

 private:
  void CopyBlock();
  void WriteBlock();
  void WriteRun(ByteReader* block);
  bool TakeGroup(std::string_view effects);
  // Notes a change of a whole database. Whether the receiver has to execute the effect.
  bool Concerns(const EffectRecord& record);

  Store& store_;
  const LibrariesAt libraries_;
  BlockSource blocks_;
  BlockSource::Cursor cursor_{0};  // its block is not written while `awaited_` is ahead of `last_`
  RunMap runs_;
  FileDatabases databases_;
  std::string file_;  // what is to be appended
  RdbWriter rdb_{&file_};
  DbIndex selected_ = 0;
  bool has_selected_ = false;
  bool holds_block_ = false;
  bool has_ended_ = false;
  Lsn awaited_ = 0;
  Lsn last_;
  uint64_t keys_ = 0;
  std::vector<EffectRecord> concerning_;  // of a group
  std::string commands_;                  // of a frame
  CommandEncoder encoder_{&commands_};
};

}  // namespace ringkv::storage
