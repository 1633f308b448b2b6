// SPDX-License-Identifier: MIT
// The row of a command: everything the server knows about it. Look-up, arity, locking, refusals, COMMAND, COMMAND
// DOCS, ACL categories, the README's table and the tests derive from it.
//
// There are two kinds of handlers. `Data` gets arguments, transaction and reply: no session, no socket and no server.
// The transaction's store tells it limits and roles, which it only reads. `Admin` gets the session and the server too.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "resp/reply_writer.h"
#include "server/base/needs.h"
#include "server/command/arguments.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

class Server;
class Session;
struct Execution;
struct KeyWaitPlan;
struct Outcome;
struct ThreadState;
struct Command;

// A step is about what one element of a collection costs in a reply: some 40 nanoseconds.
constexpr uint64_t kStepsOfInsertion = 8;  // of an element into a new collection
constexpr uint64_t kBytesOfStep = 128;     // that are copied, or looked at

// One execution of a data command.
struct DataCall {
  Arguments args;
  storage::Txn& txn;
  resp::ReplyWriter& reply;
  storage::DbIndex db;
  int64_t max_string_bytes;     // proto-max-bulk-len
  KeyWaitPlan* wait = nullptr;  // null: the call cannot block
  bool is_repeated = false;     // replayed from another server
  bool in_cluster = false;      // keys named by values may be on other nodes
  uint64_t most_steps = UINT64_MAX;
  bool is_long = false;

  // Whether so many steps are more than other clients of the thread should wait for. A handler asks when it has found
  // its keys and knows what there is to do, before it writes or changes anything. If so, it returns at once, and is
  // called again, with the locks, on a thread for long work.
  bool TakesLong(uint64_t steps) {
    if (steps <= most_steps) [[likely]]
      return false;
    is_long = true;
    return true;
  }
  bool may_read_all = true;  // the user may read keys that values name, whatever they are
};

// One execution of a command that needs more than the data.
struct AdminCall {
  Arguments args;
  storage::Txn& txn;
  resp::ReplyWriter& reply;
  resp::ReplyWriter& pushes;  // for what is sent even with CLIENT REPLY OFF: subscription messages, CLIENT REPLY ON
  Session& session;
  ThreadState& thread;
  Server& server;
  const Command& command;
  Outcome& outcome;      // set by a command that does more than reply
  Execution& execution;  // for EXEC
  bool in_transaction;   // inside EXEC: its keys, or all, are locked until EXEC ends
  bool may_wait;         // the client can be answered later
};

using DataHandler = void (*)(DataCall&);
using AdminHandler = void (*)(AdminCall&);

struct Handler {
  DataHandler data = nullptr;
  AdminHandler admin = nullptr;
  bool is_set = false;
};
constexpr Handler Data(DataHandler handler) { return {.data = handler, .is_set = true}; }
constexpr Handler Admin(AdminHandler handler) { return {.admin = handler, .is_set = true}; }

// In the order in which COMMAND lists them.
enum CommandFlag : uint32_t {
  kWrite = 1 << 0,
  kReadOnly = 1 << 1,
  kDenyOom = 1 << 2,
  kAdmin = 1 << 3,
  kNoScript = 1 << 4,
  kLoading = 1 << 5,
  kStale = 1 << 6,
  kSkipSlowLog = 1 << 7,
  kFast = 1 << 8,
  kNoAuth = 1 << 9,
  kNoMulti = 1 << 10,
  kNoAsyncLoading = 1 << 11,
  kAllowBusy = 1 << 12,
  kPubSub = 1 << 13,
  kBlocking = 1 << 14,
  kAsks = 1 << 15,
  kSkipMonitor = 1 << 16,
  kNoMandatoryKeys = 1 << 17,
};

// Properties of a command that COMMAND does not show.
enum CommandTrait : uint32_t {
  kForSubscribers = 1 << 0,      // allowed for RESP2 subscribers: its reply cannot be taken for a message
  kRunsInMulti = 1 << 1,         // not queued in an open transaction: runs at once
  kEndsMulti = 1 << 2,           // ends an open transaction
  kRunsQueued = 1 << 3,          // runs the queued commands: has their needs and effects
  kAlwaysTouches = 1 << 4,       // updates the last access of its keys even with CLIENT NO-TOUCH
  kWatchesKeys = 1 << 5,         // its session observes changes of its keys, so they must be on this node
  kRunsWhileReplacing = 1 << 6,  // runs during a full sync: may end it, or scripts that began before it
  kOfLinks = 1 << 7,             // part of the protocol between primary and replica
  kImpersonal = 1 << 8,          // of an admin command: independent of the connection, so another node may execute it
  kSelectsDatabase = 1 << 9,     // its argument is the database of the commands that follow
  kAnswersLate = 1 << 10,        // its client, EXEC or script waits while others do the work; not at another node
  kMayReplicate = 1 << 11,       // no write command, but replicas may be told something
  kLocksItself = 1 << 12,        // its handler locks its keys, in a transaction of its own
  kRunsScript = 1 << 13,         // runs a script or function, which may do what its row does not tell
  kShowsData = 1 << 14,          // of an admin command: its reply shows data, and waits until that is safe
  kNeverPaused = 1 << 15,        // other nodes send it before their requests, or to see whether this one is alive
  kRepeats = 1 << 16,            // of an admin command: it passes its arguments on, and changes nothing of its session
  kChangesSession = 1 << 17,     // of an admin command: it is about the connection that sends it, and those behind it
  kOnlyShows = 1 << 18,          // of an admin command: it changes neither data nor the server
};

// The locks of a command without keys.
enum class Scope : uint8_t {
  kNothing,    // accesses no key
  kWalks,      // walks the keyspace, partition by partition; inside EXEC all partitions are locked
  kEverything  // locks all partitions
};

enum class Group : uint8_t {
  kGeneric,
  kString,
  kBitmap,
  kHash,
  kList,
  kSet,
  kSortedSet,
  kStream,
  kHyperLogLog,
  kGeo,
  kPubSub,
  kConnection,
  kServer,
  kTransactions,
  kScripting,
  kCluster
};

// In the order in which COMMAND lists them.
enum KeyFlag : uint16_t {
  kKeyRW = 1 << 0,
  kKeyRO = 1 << 1,
  kKeyOW = 1 << 2,
  kKeyRM = 1 << 3,
  kKeyAccess = 1 << 4,
  kKeyUpdate = 1 << 5,
  kKeyInsert = 1 << 6,
  kKeyDelete = 1 << 7,
  kKeyNot = 1 << 8,  // not a key, but has a slot (shard channels)
  kKeyIncomplete = 1 << 9,
};

// A range of arguments.
struct ArgumentRange {
  size_t first = 0;
  size_t count = 0;
};

// How keys are found among the arguments.
enum class KeySearch : uint8_t {
  kIndex,    // at first, first+step, ... up to last, or by `find`; a negative `last` counts from the end
  kCounted,  // from `first` on; the argument before is their number
  kKeyword,  // by `find`: after a keyword at `first` or later
  kUnknown,  // by `find`, if set; unknown to clients
};

struct KeySpec {
  uint16_t flags = 0;
  int first = 0;
  int last = 0;
  int step = 0;
  // The flags of one request, if they depend on its arguments.
  uint8_t (*flags_of)(std::span<const std::string_view> argv) = nullptr;
  std::string_view note = {};
  KeySearch search = KeySearch::kIndex;
  std::string_view keyword = {};
  int part = 0;  // 1/part of the arguments after the keyword are keys; 0: all
  ArgumentRange (*find)(std::span<const std::string_view> argv) = nullptr;
};

enum ChannelFlag : uint8_t {
  kChannelSubscribe = 1 << 0,
  kChannelUnsubscribe = 1 << 1,
  kChannelPublish = 1 << 2,
  kChannelPattern = 1 << 3,
};

// The arguments that are names or patterns of pub/sub channels.
struct ChannelSpec {
  uint8_t flags = 0;
  int first = 0;
  int last = 0;  // negative: counts from the end

  constexpr bool Is(uint8_t flag) const { return (flags & flag) != 0; }
};

// How the proxy (cluster-redirect proxy) splits a request for several nodes.
enum class Spread : uint8_t {
  kNone,          // not splittable
  kEachKey,       // one part per key
  kEachKeyValue,  // one part per key and its value
  kEachShard,     // the whole command to each shard
  kOneShard       // SCAN
};

// How the replies of the parts are merged.
enum class Join : uint8_t {
  kOne,          // the reply of the only part
  kSum,          // of integers
  kAllOk,        // the first, unless one is an error
  kArrays,       // concatenation of arrays
  kScan,         // a cursor with the shard, and keys
  kTransaction,  // the last of several replies
};

struct Joinable {
  Spread spread = Spread::kNone;
  Join join = Join::kOne;
};

struct Command {
  std::string_view name;
  std::string_view parent = {};  // of a subcommand
  int arity;                     // negative: at least so many; the name counts
  uint32_t flags = 0;            // CommandFlag
  uint32_t traits = 0;           // CommandTrait
  uint32_t needs = 0;            // in addition to those of its flags
  Scope scope = Scope::kNothing;
  KeySpec keys = {};
  KeySpec more_keys = {};
  KeySpec last_keys = {};
  ChannelSpec channels = {};
  Joinable joinable = {};
  // Whether the command accesses keys named by values, so that all partitions must be locked.
  bool (*needs_everything)(std::span<const std::string_view> argv) = nullptr;
  // Of a blocking command: whether it blocks with these arguments; null: always.
  bool (*may_wait)(std::span<const std::string_view> argv) = nullptr;
  Group group;
  std::string_view categories = {};  // ACL categories in addition to those of flags and group
  std::string_view tips = {};        // separated by spaces
  std::string_view since;
  std::string_view history = {};  // what came later: a version and its addition, the next behind a semicolon
  std::string_view complexity = "O(1)";
  std::string_view syntax = {};
  std::string_view summary;
  // Hides passwords in a copy of a request, however malformed, before MONITOR or SLOWLOG shows it; see secrets.h.
  void (*hide_secrets)(std::span<std::string_view> argv) = nullptr;
  bool is_container = false;  // all work is done by subcommands
  Handler run = {};

  constexpr bool Is(uint32_t flag) const { return (flags & flag) != 0; }
  constexpr bool Has(uint32_t trait) const { return (traits & trait) != 0; }
  // Whether its key, at a fixed position, is all that the command may ever lock.
  constexpr bool HasOneKey() const {
    return keys.first != 0 && keys.first == keys.last && more_keys.first == 0 && last_keys.first == 0 &&
           needs_everything == nullptr && scope == Scope::kNothing;
  }
  constexpr bool ArityFits(size_t argc) const {
    return arity >= 0 ? argc == static_cast<size_t>(arity) : argc >= static_cast<size_t>(-arity);
  }
  bool NeedsEverything(std::span<const std::string_view> argv) const {
    return scope == Scope::kEverything || (needs_everything != nullptr && needs_everything(argv));
  }
  bool MayWait(std::span<const std::string_view> argv) const {
    return Is(kBlocking) && (may_wait == nullptr || may_wait(argv));
  }
};

constexpr KeySpec OneKey(uint16_t flags, int at = 1) { return {flags, at, at, 1}; }
constexpr KeySpec CountedKeys(uint16_t flags, int number_at = 1) {
  return {.flags = flags, .first = number_at + 1, .step = 1, .search = KeySearch::kCounted};
}
constexpr KeySpec KeysToEnd(uint16_t flags, int first = 1, int step = 1) { return {flags, first, -1, step}; }
constexpr ChannelSpec OneChannel(uint8_t flags) { return {flags, 1, 1}; }
constexpr ChannelSpec ChannelsToEnd(uint8_t flags) { return {flags, 1, -1}; }

namespace row_checks {

constexpr bool IsLowerCase(std::string_view name) {
  for (const char c : name) {
    if ((c < 'a' || c > 'z') && c != '_' && c != '-') return false;
  }
  return !name.empty();
}

// The minimum number of words of an alternative or of a part in <>; parts in [] need none. Ends at `end`.
constexpr int RequiredWords(std::string_view syntax, size_t* at, char end) {
  int words = 0;
  int least = INT32_MAX;
  while (*at < syntax.size() && syntax[*at] != end) {
    const char c = syntax[(*at)++];
    if (c == '[') {
      RequiredWords(syntax, at, ']');
      ++*at;
    } else if (c == '<') {
      words += RequiredWords(syntax, at, '>');
      ++*at;
    } else if (c == '|') {
      least = words < least ? words : least;
      words = 0;
    } else if (c != ' ') {
      ++words;
      while (*at < syntax.size() && syntax[*at] != ' ' && syntax[*at] != ']' && syntax[*at] != '>') ++*at;
    }
  }
  return words < least ? words : least;
}

constexpr bool TraitsAreSound(const Command& row) {
  if (row.Has(kEndsMulti) && !row.Has(kRunsInMulti)) return false;
  if (row.Has(kRunsQueued) && !row.Has(kEndsMulti)) return false;
  if (row.Has(kRunsInMulti | kWatchesKeys | kRunsWhileReplacing | kOfLinks | kImpersonal | kSelectsDatabase |
              kAnswersLate | kLocksItself | kRepeats) &&
      row.run.admin == nullptr) {
    return false;
  }
  return !row.Has(kWatchesKeys | kAlwaysTouches) || row.keys.first != 0;
}

// A command with channels in its syntax must declare them; the subcommands of PUBSUB are about all channels.
constexpr bool ChannelsAreSound(const Command& row) {
  const bool names_channels = row.syntax.find("channel") != std::string_view::npos ||
                              (row.group == Group::kPubSub && row.syntax.find("pattern") != std::string_view::npos);
  if (row.parent.empty() && names_channels != (row.channels.first != 0)) return false;
  return (row.channels.first != 0) == (row.channels.flags != 0);
}

constexpr bool JoinableIsSound(const Command& row) {
  switch (row.joinable.spread) {
    case Spread::kNone: return row.joinable.join == Join::kOne;
    case Spread::kEachKey: return row.keys.first == 1 && row.keys.last == -1 && row.keys.step == 1;
    case Spread::kEachKeyValue: return row.keys.first == 1 && row.keys.last == -1 && row.keys.step == 2;
    case Spread::kEachShard:
      return row.keys.first == 0 && (row.scope != Scope::kNothing || row.group == Group::kScripting);
    case Spread::kOneShard: return row.keys.first == 0 && row.scope != Scope::kNothing;
  }
  return false;
}

constexpr bool IsSound(const Command& row) {
  const int least = row.arity < 0 ? -row.arity : row.arity;
  const int own_words = row.parent.empty() ? 1 : 2;
  const bool optional = row.syntax.find('[') != std::string_view::npos;
  if (!IsLowerCase(row.name) || row.summary.empty() || row.since.empty() || row.complexity.empty()) return false;
  if (!row.is_container) {
    size_t at = 0;
    if (RequiredWords(row.syntax, &at, '\0') + own_words != least) return false;  // arity agrees with the syntax
    if (optional != (row.arity < 0)) return false;
    if (!row.run.is_set) return false;
  }
  if (row.syntax.find("password") != std::string_view::npos && row.hide_secrets == nullptr) return false;
  if (row.Is(kWrite) && row.Is(kReadOnly)) return false;
  if (row.Is(kDenyOom) && !row.Is(kWrite)) return false;
  const bool is_counted_from_zero = row.Has(kRunsScript) && row.keys.search == KeySearch::kCounted;
  const bool may_be_absent = (row.keys.flags == kKeyNot && row.keys.last < 0) || is_counted_from_zero;
  if (row.keys.first >= least && !may_be_absent) return false;  // keys lie within the arity
  if (row.keys.last >= least) return false;
  if (row.keys.first != 0 && row.scope != Scope::kNothing) return false;
  return TraitsAreSound(row) && ChannelsAreSound(row) && JoinableIsSound(row);
}

}  // namespace row_checks

// An inconsistent row does not compile.
template <size_t N>
constexpr bool RowsAreSound(const Command (&rows)[N]) {
  for (const Command& row : rows) {
    if (!row_checks::IsSound(row)) return false;
  }
  return true;
}

}  // namespace ringkv::server
