// SPDX-License-Identifier: MIT
// Keyspace notifications (notify-keyspace-events): events of keys, published on the channels
// "__keyspace@<db>__:<key>" and "__keyevent@<db>__:<event>".
//
// Events of a command are collected while it runs and published when its handler has ended. Other events (expiry,
// eviction, changes of another server) are published at once.
//
// Threads: guarded; a scope belongs to the thread that made it.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "server/pubsub/broker.h"
#include "storage/effects/key_event.h"

namespace ringkv::storage {
class Txn;
}

namespace ringkv::server {

// The value of the option: kinds of events, and kinds of channels.
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

  // Notifications are sent only after the links are set; they must outlive all events.
  void set_links(ClientLinks* links) { links_.store(links); }
  void SetMask(const EventMask& mask) { mask_.store(mask.bits(), std::memory_order_relaxed); }
  bool is_on() const { return mask_.load(std::memory_order_relaxed) != 0; }

  // `thread`: the calling one, if it has clients, else kNoThread. Called under the lock of the key's partition.
  void Tell(storage::DbIndex db, std::string_view key, const storage::KeyEvent& event, size_t thread);
  void TellAll(const storage::KeyEventList& events, size_t thread) {
    for (const auto& each : events.items()) Tell(each.db, each.key, each.event, thread);
  }

  // Collects the events of the transaction while it lives, and publishes them at its end.
  class Scope {
   public:
    // All must outlive it. `thread` as above. `later`: takes the events instead of the subscribers; may be null. Costs
    // nothing while no kind of event is on.
    Scope(KeyEvents& events, storage::Txn& txn, size_t thread, storage::KeyEventList* later = nullptr)
        : events_(events), txn_(txn), thread_(thread), collects_(events.is_on()), later_(later) {
      if (collects_) Begin();
    }
    ~Scope() {
      if (collects_) End();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    void Begin();
    void End();

    KeyEvents& events_;
    storage::Txn& txn_;
    const size_t thread_;
    const bool collects_;
    storage::KeyEventList collected_;
    storage::KeyEventList* const later_;
    storage::KeyEventList* outer_ = nullptr;
  };

 private:
  Broker& broker_;
  std::atomic<ClientLinks*> links_{nullptr};
  std::atomic<uint32_t> mask_{0};
};

}  // namespace ringkv::server
