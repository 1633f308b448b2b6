// SPDX-License-Identifier: MIT
// Error replies that are used in several places: code and text, byte for byte those of redis-server if it has them.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::server::errors {

constexpr std::string_view kSyntax = "ERR syntax error";
constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
constexpr std::string_view kNotInt32 = "ERR value is out of range, value must between -2147483648 and 2147483647";
constexpr std::string_view kNotFloat = "ERR value is not a valid float";
constexpr std::string_view kOutOfRange = "ERR value is out of range";
constexpr std::string_view kNotPositive = "ERR value is out of range, must be positive";
constexpr std::string_view kBadStreamId = "ERR Invalid stream ID specified as stream command argument";
constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::string_view kConditionOnString = "ERR Key should be of string type if conditions are specified";
constexpr std::string_view kBadDigest = "ERR must be exactly 16 hexadecimal characters";
constexpr std::string_view kNoSuchKey = "ERR no such key";
constexpr std::string_view kDbOutOfRange = "ERR DB index is out of range";
constexpr std::string_view kBadDbIndex = "ERR invalid DB index";
constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
constexpr std::string_view kIncrementOverflow = "ERR increment or decrement would overflow";
constexpr std::string_view kIncrementNotFinite = "ERR increment would produce NaN or Infinity";
constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
constexpr std::string_view kNumKeys = "ERR numkeys should be greater than 0";
constexpr std::string_view kNoLogToWaitFor =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
constexpr std::string_view kCountNotPositive = "ERR count should be greater than 0";
constexpr std::string_view kNotPickCount =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
constexpr std::string_view kTooManyKeys = "ERR Number of keys can't be greater than number of args";
constexpr std::string_view kStringTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
constexpr std::string_view kOffsetOutOfRange = "ERR offset is out of range";
constexpr std::string_view kBitOffset = "ERR bit offset is not an integer or out of range";
constexpr std::string_view kBitValue = "ERR bit is not an integer or out of range";
constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
constexpr std::string_view kBusyWithScript =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
constexpr std::string_view kBusyWithFunction =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
constexpr std::string_view kReadOnly = "READONLY You can't write against a read only replica.";
constexpr std::string_view kTryAgain = "TRYAGAIN Multiple keys request during rehashing of slot";
constexpr std::string_view kWatchElsewhere =
    "ERR a key of another node can't be watched through this one; connect to the node that CLUSTER SLOTS names";
constexpr std::string_view kWatchedButElsewhere =
    "EXECABORT Transaction discarded: its keys are at another node, and it depends on watched keys of this one; "
    "connect to "
    "the node that CLUSTER SLOTS names";
constexpr std::string_view kOwnConnectionElsewhere =
    "EXECABORT Transaction discarded: its keys are at another node, and it has a command that means this connection; "
    "send that before MULTI, or connect to the node that CLUSTER SLOTS names";
constexpr std::string_view kScriptElsewhere =
    "its keys are at another node, and it has a script of a user whose permissions are restricted; connect to the node "
    "that CLUSTER SLOTS names";
constexpr std::string_view kInvalidSlot = "ERR Invalid or out of range slot";
constexpr std::string_view kClusterDisabled = "ERR This instance has cluster support disabled";
constexpr std::string_view kClusterDown = "CLUSTERDOWN The cluster is down";
constexpr std::string_view kClusterOnlyReads = "CLUSTERDOWN The cluster is down and only accepts read commands";
constexpr std::string_view kSlotNotServed = "CLUSTERDOWN Hash slot not served";
constexpr std::string_view kCrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";
constexpr std::string_view kNoReplicas = "NOREPLICAS Not enough good replicas to write.";
constexpr std::string_view kMasterDown =
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
constexpr std::string_view kNoLease =
    "CLUSTERDOWN the lease of this primary has run out: it does not reach its coordinator, or another node is elected";
constexpr std::string_view kElected = "ERR not while a coordinator decides which node is the primary";
constexpr std::string_view kRelayed =
    "ERR a former primary passes on what this connection asks; connect again to the node that this command is for";
constexpr std::string_view kUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
constexpr std::string_view kNoPrimary =
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
constexpr std::string_view kOutcomeOpen =
    "NOREPLICAS no majority of the shard has confirmed this within repl-ack-timeout: its outcome is open";
constexpr std::string_view kOutcomeOpenByRole =
    "NOREPLICAS this server became a replica before a majority of the shard had confirmed this: its outcome is open";
constexpr std::string_view kLoading = "LOADING Redis is loading the dataset in memory";
constexpr std::string_view kSnapshotFailed =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
    "may "
    "modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB "
    "error.";
constexpr std::string_view kLogFailed = "MISCONF Errors writing to the AOF file: ";  // and why
constexpr std::string_view kExecAborted = "EXECABORT Transaction discarded because of previous errors.";
constexpr std::string_view kExecRefused = "EXECABORT Transaction discarded because of: ";  // and the error

inline std::string WrongArity(std::string_view command) {
  return "ERR wrong number of arguments for '" + std::string(command) + "' command";
}

}  // namespace ringkv::server::errors
