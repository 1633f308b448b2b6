// SPDX-License-Identifier: MIT
// Subcommands of DEBUG, by file.
#pragma once

#include <optional>

#include "server/command/command.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

// Finds the key at args[2] of the session's database and locks it. Nothing, with the error written, if it is missing;
// likewise, and the request is postponed, if others hold it for long.
std::optional<storage::Place> FindDebugged(AdminCall& call);

// --- debug_digest.cc ---
void DebugDigest(AdminCall& call);       // of all data
void DebugDigestValue(AdminCall& call);  // of keys

// --- debug_values.cc: how a value is kept ---
void DebugObject(AdminCall& call);
void DebugListpack(AdminCall& call);
void DebugQuicklist(AdminCall& call);
void DebugSdsLen(AdminCall& call);
void DebugTables(AdminCall& call);   // HTSTATS
void DebugTableOf(AdminCall& call);  // HTSTATS-KEY
void DebugStructSize(AdminCall& call);

// --- debug_tests.cc ---
void DebugChangeReplicationId(AdminCall& call);
void DebugReplicate(AdminCall& call);
void DebugPackedThreshold(AdminCall& call);  // QUICKLIST-PACKED-THRESHOLD
void DebugRewriteAll(AdminCall& call);       // CONFIG-REWRITE-FORCE-ALL
void DebugLeak(AdminCall& call);
void DebugDisableDenyScripts(AdminCall& call);  // SET-DISABLE-DENY-SCRIPTS
void DebugStringMatch(AdminCall& call);         // STRINGMATCH-TEST

// --- debug_populate.cc ---
void DebugPopulate(AdminCall& call);

// --- debug_protocol.cc ---
void DebugProtocol(AdminCall& call);

}  // namespace ringkv::server
