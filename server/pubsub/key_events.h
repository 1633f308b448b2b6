// SPDX-License-Identifier: MIT
// notify-keyspace-events: what happens to keys, told to subscribers of "__keyspace@<db>__:<key>" and of
// "__keyevent@<db>__:<event>".
//
// Events of a command are collected while it runs and told when its handler has ended, by the names that Redis has for
// them. What happens beside commands (expiry, eviction, what another server has changed) is told at once.
//
// Threads: guarded; a scope belongs to the thread that made it.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/pubsub/broker.h"
#include "storage/key_event.h"

namespace ringkv::server {

struct Command;

// What the option says: which kinds of events, and by which of the two kinds of channels.
class EventMask {
 public:
  // The letters of redis.conf; nothing if there is another one.
  static std::optional<EventMask> Parse(std::string_view letters);
  // As CONFIG GET shows it.
  std::string Letters() const;

  explicit EventMask(uint32_t bits = 0) : bits_(bits) {}
  uint32_t bits() const { return bits_; }
  bool Has(char letter) const;

 private:
  uint32_t bits_;
};

class KeyEvents {
 public:
  // `broker` must outlive it.
  explicit KeyEvents(Broker& broker) : broker_(broker) {}

  // Nobody is told of anything before there are links, which must live as long as anything happens.
  void set_links(ClientLinks* links) { links_.store(links); }
  void SetMask(const EventMask& mask) { mask_.store(mask.bits(), std::memory_order_relaxed); }
  bool is_on() const { return mask_.load(std::memory_order_relaxed) != 0; }

  // Called under the lock of the key's partition.
  void Note(storage::DbIndex db, std::string_view key, const storage::KeyEvent& event);

  // While it lives, events of this thread are those of a command; then they are told.
  class Scope {
   public:
    // `thread`: the calling one, or kNoThread. Does nothing if nobody wants to be told.
    Scope(KeyEvents& events, const Command& row, std::span<const std::string_view> argv, size_t thread);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    void Note(storage::DbIndex db, std::string_view key, const storage::KeyEvent& event);

   private:
    struct Noted {
      storage::DbIndex db;
      std::string key;
      storage::KeyEvent event;
    };
    KeyEvents* events_ = nullptr;
    const Command* row_ = nullptr;
    std::span<const std::string_view> argv_;
    size_t thread_ = 0;
    Scope* outer_ = nullptr;
    std::vector<Noted> noted_;
  };

 private:
  void Tell(storage::DbIndex db, std::string_view key, const storage::KeyEvent& event, size_t thread);

  Broker& broker_;
  std::atomic<ClientLinks*> links_{nullptr};
  std::atomic<uint32_t> mask_{0};
};

}  // namespace ringkv::server
