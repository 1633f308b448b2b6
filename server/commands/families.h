// SPDX-License-Identifier: MIT
// The rows of each family of commands; each family is one file of this folder.
#pragma once

#include <span>

#include "server/command/command.h"
#include "server/config/options.h"

namespace ringkv::server {

std::span<const Command> AclCommands();
std::span<const Command> BitCommands();
std::span<const Command> BitFieldCommands();
std::span<const Command> BlockingCommands();
std::span<const Command> ClientCommands();
std::span<const Command> ClusterCommands();
std::span<const Command> ClusterScanCommands();
std::span<const Command> CommandCommands();
std::span<const Command> CommandLogCommands();
std::span<const Command> ConfigCommands();
std::span<const Command> ConnectionCommands();
std::span<const Command> CounterCommands();
std::span<const Command> DumpCommands();
std::span<const Command> ExpiryCommands();
std::span<const Command> GeoCommands();
std::span<const Command> GeoSearchCommands();
std::span<const Command> HashCommands();
std::span<const Command> HashExpiryCommands();
std::span<const Command> HashValueCommands();
std::span<const Command> HotKeysCommands();
std::span<const Command> HyperLogLogCommands();
std::span<const Command> IncrExCommands();
std::span<const Command> KeyCommands();
std::span<const Command> LatencyCommands();
std::span<const Command> LcsCommands();
std::span<const Command> ListCommands();
std::span<const Command> ListMoveCommands();
std::span<const Command> ManyStringCommands();
std::span<const Command> MemoryCommands();
std::span<const Command> MigrateCommands();
std::span<const Command> ModuleCommands();
std::span<const Command> PersistenceCommands();
std::span<const Command> PubSubCommands();
std::span<const Command> ReplicationCommands();
std::span<const Command> SentinelCommands();
std::span<const Command> ServerCommands();
std::span<const Command> SetCommands();
std::span<const Command> SetJoinCommands();
std::span<const Command> SlotStatisticsCommands();
std::span<const Command> SortCommands();
std::span<const Command> SortedSetCommands();
std::span<const Command> SortedSetJoinCommands();
std::span<const Command> SortedSetRangeCommands();
std::span<const Command> StreamCommands();
std::span<const Command> StreamDeletionCommands();
std::span<const Command> StreamGroupCommands();
std::span<const Command> StreamInfoCommands();
std::span<const Command> StreamPendingCommands();
std::span<const Command> StreamReadCommands();
std::span<const Command> StringCommands();
std::span<const Command> SubstringCommands();
std::span<const Command> TrackingCommands();
std::span<const Command> TransactionCommands();
std::span<const Command> ValueConditionCommands();
std::span<const Command> ScriptingCommands();
std::span<const Command> FunctionCommands();

// All of them.
std::span<const std::span<const Command>> AllCommands();
// Those of a server with these options: SENTINEL is a command of nodes that have a name to answer for.
std::span<const std::span<const Command>> CommandsWith(const Options& options);

}  // namespace ringkv::server
