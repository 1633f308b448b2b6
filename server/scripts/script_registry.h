// SPDX-License-Identifier: MIT
// The scripts that clients have sent, by the SHA-1 of their text.
//
// As in Redis from 7.4 on, those of SCRIPT LOAD stay until SCRIPT FLUSH, and of those that only EVAL has sent the least
// recently used go when there are more than kMostFromEval: a program that writes values into the texts of its scripts
// does not fill the memory.
//
// Threads: synchronised; a program is immutable but for its atomic marks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/scripts/program.h"
#include "storage/base/mutex.h"
#include "storage/base/seeded_hash.h"

namespace ringkv::server {

inline constexpr size_t kSha1Digits = 40;

class ScriptRegistry;

class Script final : public Program {
 public:
  // `text` ends with the body; `flags` as in Program. The registry keeps it when it has been compiled; `stays`: until
  // SCRIPT FLUSH.
  Script(std::string sha1, std::string text, size_t body_bytes, uint32_t flags, bool has_shebang,
         ScriptRegistry& registry, bool stays)
      : Program(LuaState::Purpose::kScripts, flags, has_shebang),
        sha1_(std::move(sha1)),
        text_(std::move(text)),
        body_at_(text_.size() - body_bytes),
        registry_(registry),
        stays_(stays) {}

  const std::string& sha1() const { return sha1_; }
  // As the client has sent it.
  const std::string& text() const { return text_; }
  std::optional<std::string> Load(LoadedState& loaded, ScriptHost& host) const override;
  RunEnd Run(LuaState& state, ScriptHost& host, const std::span<const std::string_view>& keys,
             const std::span<const std::string_view>& arguments, resp::ReplyWriter& reply) const override;
  size_t memory() const { return sizeof *this + sha1_.capacity() + text_.capacity(); }

  // Somebody has asked for it, without the registry.
  void NoteUse() const {
    if (!was_used_.load(std::memory_order_relaxed)) was_used_.store(true, std::memory_order_relaxed);
  }
  bool TakeUse() const { return was_used_.exchange(false, std::memory_order_relaxed); }
  // Whether the registry has let it go: clients get NOSCRIPT until they send it again.
  bool is_evicted() const { return is_evicted_.load(std::memory_order_relaxed); }
  void set_evicted() const { is_evicted_.store(true, std::memory_order_relaxed); }

 private:
  const std::string sha1_;  // lower case
  const std::string text_;
  const size_t body_at_;  // behind the line of "#!lua"
  ScriptRegistry& registry_;
  const bool stays_;
  mutable std::atomic<bool> was_compiled_{false};
  mutable std::atomic<bool> was_used_{false};
  mutable std::atomic<bool> is_evicted_{false};
};

using SharedScript = std::shared_ptr<const Script>;

class ScriptRegistry {
 public:
  static constexpr size_t kMostFromEval = 500;

  // `hash`: for the names.
  explicit ScriptRegistry(storage::SeededHash hash) : scripts_(0, hash) {}

  // What a text becomes: the script, or the error for the client.
  struct Made {
    SharedScript script;
    std::string error;
  };
  // The script of the text, which is not compiled yet.
  Made Make(std::string_view sha1, std::string_view text, bool stays);

  // Null if it is unknown. `sha1`: lower case.
  SharedScript Find(std::string_view sha1);
  // Keeps a script that has been compiled; if another thread was quicker, returns that thread's. `stays`: until Flush.
  SharedScript Keep(SharedScript script, bool stays);
  void Flush();
  // Grows with each flush: what was found before is unknown now.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  size_t size() const;
  size_t memory() const;
  uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

 private:
  struct Kept {
    SharedScript script;
    bool stays = false;
    std::list<std::string_view>::iterator place = {};  // in the order of use, unless it stays
  };

  static constexpr size_t kBytesPerScript = 2 * sizeof(void*) + sizeof(std::string_view) + sizeof(Kept) + 64;

  void NoteUse(Kept& kept) REQUIRES(mutex_);
  void EvictOldest() REQUIRES(mutex_);

  mutable storage::Mutex mutex_;
  // The names point into the scripts.
  std::unordered_map<std::string_view, Kept, storage::SeededHash> scripts_ GUARDED_BY(mutex_);
  std::list<std::string_view> from_eval_ GUARDED_BY(mutex_);  // least recently used first
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::atomic<uint64_t> version_{0};
  std::atomic<uint64_t> evicted_{0};
};

}  // namespace ringkv::server
