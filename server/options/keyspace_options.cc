// SPDX-License-Identifier: MIT
// Options of the keys as a whole: databases, memory, indexes, notifications.
#include <string>
#include <string_view>

#include "server/base/needs.h"
#include "server/data/key_changes.h"
#include "server/options/option_topics.h"
#include "storage/housekeeping/eviction.h"
#include "storage/keyspace/store.h"

namespace ringkv::server {
namespace {

std::string CheckEvents(std::string_view value) {
  if (EventMask::Parse(value)) return "";
  return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
}

void SetIndexPolicy(storage::Store& store, const Options& options) {
  store.index_policy().Set(static_cast<storage::IndexMode>(options.key_index.load()), options.key_index_idle * 1000);
}

constexpr OptionRow kKeyspaceOptions[] = {
    {.name = "databases",
     .type = OptionType::kInteger,
     .default_value = "16",
     .least = 1,
     .most = 1024,
     .summary = "Number of databases for SELECT.",
     .field = &Options::databases},
    {.name = "active-expire-effort",
     .type = OptionType::kInteger,
     .default_value = "1",
     .least = 1,
     .most = 10,
     .changeable = true,
     .summary = "Time that the search for expired keys may take: a third of one processor with 1, 60 % with 10.",
     .field = &Options::active_expire_effort},
    {.name = "read-only",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "Refuses writes of clients.",
     .field = &Options::read_only,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
    {.name = "maxmemory",
     .type = OptionType::kMemory,
     .default_value = "0",
     .changeable = true,
     .summary = "Memory limit, above which keys are evicted or writes refused; 0 for no limit.",
     .field = &Options::maxmemory,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
    {.name = "maxmemory-policy",
     .type = OptionType::kChoice,
     .default_value = "noeviction",
     .choices = "volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random "
                "noeviction",
     .changeable = true,
     .summary = "Eviction policy at maxmemory.",
     .field = &Options::maxmemory_policy,
     .apply =
         [](storage::Store& store, const Options& options) {
           const auto policy = static_cast<storage::EvictionPolicy>(options.maxmemory_policy.load());
           store.access_options().mode =
               storage::IsLfu(policy) ? storage::AccessMode::kLeastFrequent : storage::AccessMode::kLeastRecent;
         }},
    {.name = "maxmemory-samples",
     .type = OptionType::kInteger,
     .default_value = "5",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Keys sampled per eviction; at most 64 are.",
     .field = &Options::maxmemory_samples},
    {.name = "lfu-log-factor",
     .type = OptionType::kInteger,
     .default_value = "10",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "How slowly the LFU counter grows.",
     .field = &Options::lfu_log_factor,
     .apply =
         [](storage::Store& store, const Options& options) {
           store.access_options().lfu_log_factor = static_cast<uint32_t>(options.lfu_log_factor);
         }},
    {.name = "lfu-decay-time",
     .type = OptionType::kInteger,
     .default_value = "1",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Minutes after which the LFU counter is decremented.",
     .field = &Options::lfu_decay_time,
     .apply =
         [](storage::Store& store, const Options& options) {
           store.access_options().lfu_decay_minutes = static_cast<uint32_t>(options.lfu_decay_time);
         }},
    {.name = "key-index",
     .type = OptionType::kChoice,
     .default_value = "auto",
     .choices = "auto always off",
     .changeable = true,
     .summary = "Key indexes for searches by prefix and suffix. auto: built when a search needs one, dropped after "
                "key-index-idle.",
     .field = &Options::key_index,
     .apply = SetIndexPolicy},
    {.name = "key-index-idle",
     .type = OptionType::kInteger,
     .default_value = "600",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds without use after which an index is dropped (key-index auto).",
     .field = &Options::key_index_idle,
     .apply = SetIndexPolicy},
    {.name = "notify-keyspace-events",
     .type = OptionType::kText,
     .default_value = "",
     .changeable = true,
     .summary = "Keyspace notifications: letters for event classes (A: all), K and E for the channels.",
     .field = &Options::notify_keyspace_events,
     .check = CheckEvents,
     .normalized = [](std::string_view value) { return EventMask::Parse(value).value_or(EventMask()).Letters(); },
     .apply =
         [](KeyChanges& changes, const Options& options) {
           changes.SetEventMask(EventMask::Parse(options.notify_keyspace_events.Get()).value_or(EventMask()));
         }},
};

}  // namespace

std::span<const OptionRow> KeyspaceOptions() { return kKeyspaceOptions; }

}  // namespace ringkv::server
