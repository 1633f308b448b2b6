// SPDX-License-Identifier: MIT
// Keeps a store equal to another one: takes its snapshot as a stream, or goes on where it has stopped, then its frames.
//
// What arrives is checked in full before anything of it counts. After an error of a snapshot the store holds a part of
// the data, and Begin has to come again.
//
// Threads: confined; others may read the store meanwhile, and see groups as a whole or not at all.
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

  // Goes on behind `last`, which the store is the state after.
  void Resume(Lsn last);
  // A snapshot begins, by its file header: whatever the store holds goes.
  Status Begin(std::string_view header);
  // A block of it, or its end: then the store is the state after `last`.
  Status TakeSection(std::string_view bytes);
  // A frame of the log.
  Status TakeFrame(std::string_view bytes);

  bool is_loading() const { return is_loading_; }
  // The last group that counts.
  Lsn last() const { return last_; }
  // When the last frame was made, by the other store's clock.
  UnixMs frame_time() const { return frame_time_; }
  uint64_t keys_loaded() const { return keys_; }

 private:
  Status TakeBlock(const Section& section, std::string_view body);
  Status TakeEnd(const Section& section, std::string_view body);

  Store& store_;
  RunMap runs_;
  std::unique_ptr<EffectReplay> replay_;
  BlockDecompressor decompressor_;
  std::vector<std::string_view> groups_;  // of the frame that is being taken
  Placement placement_;
  bool is_loading_ = false;
  uint64_t sections_ = 0;
  uint64_t keys_ = 0;
  Lsn last_ = 0;
  UnixMs frame_time_ = 0;
};

}  // namespace ringkv::storage
