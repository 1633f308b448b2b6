// SPDX-License-Identifier: MIT
#include "server/commands/families.h"

namespace ringkv::server {

std::span<const std::span<const Command>> AllCommands() {
  static const std::span<const Command> kFamilies[] = {ConnectionCommands(),
                                                       ClientCommands(),
                                                       TrackingCommands(),
                                                       AclCommands(),
                                                       StringCommands(),
                                                       ManyStringCommands(),
                                                       ValueConditionCommands(),
                                                       SubstringCommands(),
                                                       CounterCommands(),
                                                       IncrExCommands(),
                                                       LcsCommands(),
                                                       BitCommands(),
                                                       BitFieldCommands(),
                                                       KeyCommands(),
                                                       ExpiryCommands(),
                                                       ServerCommands(),
                                                       ConfigCommands(),
                                                       PersistenceCommands(),
                                                       DumpCommands(),
                                                       ReplicationCommands(),
                                                       CommandCommands(),
                                                       MemoryCommands(),
                                                       ModuleCommands(),
                                                       LatencyCommands(),
                                                       CommandLogCommands(),
                                                       HotKeysCommands(),
                                                       TransactionCommands(),
                                                       ScriptingCommands(),
                                                       FunctionCommands(),
                                                       ClusterCommands(),
                                                       SlotStatisticsCommands(),
                                                       ClusterScanCommands(),
                                                       PubSubCommands(),
                                                       HashCommands(),
                                                       HashExpiryCommands(),
                                                       HashValueCommands(),
                                                       ListCommands(),
                                                       ListMoveCommands(),
                                                       SetCommands(),
                                                       SetJoinCommands(),
                                                       SortedSetCommands(),
                                                       SortedSetRangeCommands(),
                                                       SortedSetJoinCommands(),
                                                       BlockingCommands(),
                                                       StreamCommands(),
                                                       StreamDeletionCommands(),
                                                       StreamReadCommands(),
                                                       StreamGroupCommands(),
                                                       StreamPendingCommands(),
                                                       StreamInfoCommands(),
                                                       HyperLogLogCommands(),
                                                       GeoCommands(),
                                                       GeoSearchCommands(),
                                                       SortCommands(),
                                                       MigrateCommands(),
                                                       SentinelCommands()};  // last, see CommandsWith
  return kFamilies;
}

std::span<const std::span<const Command>> CommandsWith(const Options& options) {
  const auto all = AllCommands();
  return options.sentinel_master_name.Get().empty() ? all.first(all.size() - 1) : all;
}

}  // namespace ringkv::server
