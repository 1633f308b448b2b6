// SPDX-License-Identifier: MIT
// Keeps a store equal to another one: loads its snapshot from a stream, or resumes at its LSN, then applies its frames.
//
// Input is verified completely before it is applied. After an error in a snapshot the store has a part of the data, and
// Begin has to be called again.
//
// Threads: confined; other threads may read the store meanwhile and see groups atomically.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "storage/replay/effect_replay.h"
#include "storage/snapshot/block_codec.h"
#include "storage/snapshot/run_map.h"

namespace ringkv::storage {

class Follower {
 public:
  // `store` must outlive the follower.
  explicit Follower(Store& store) : store_(store) {}

  // Resumes after group `last`, which is the state of the store.
  void Resume(Lsn last);
  // Begins a snapshot with its file header: deletes all data in the store.
  Status Begin(std::string_view header);
  // Takes a block of it, or its end: then the store is the state after `last`.
  Status TakeSection(std::string_view bytes);
  // A frame of the log.
  Status TakeFrame(std::string_view bytes);

  bool is_loading() const { return is_loading_; }
  // The last group applied.
  Lsn last() const { return last_; }
  // The time of the last frame, by the other store's clock.
  UnixMs frame_time() const { return frame_time_; }
  uint64_t keys_loaded() const { return keys_; }

 private:
  Status TakeBlock(const Section& section, std::string_view body);
  Status TakeLibraries(const Section& section, std::string_view body);
  Status TakeLedger(const Section& section, std::string_view body);
  Status TakeEnd(const Section& section, std::string_view body);

  Store& store_;
  RunMap runs_;
  std::unique_ptr<EffectReplay> replay_;
  BlockDecompressor decompressor_;
  std::vector<std::string_view> groups_;  // of the current frame
  Placement placement_;
  bool is_loading_ = false;
  uint64_t sections_ = 0;
  uint64_t keys_ = 0;
  Lsn last_ = 0;
  UnixMs frame_time_ = 0;
};

}  // namespace ringkv::storage
