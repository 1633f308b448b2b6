// SPDX-License-Identifier: MIT
#include "server/scripts/program_check.h"

#include "server/command/error_replies.h"
#include "server/execution/route.h"
#include "server/execution/stages.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kWritesByReadOnlyCommand =
    "ERR Can not execute a script with write flag using *_ro command.";
constexpr std::string_view kNotInCluster = "ERR Can not run script on cluster, 'no-cluster' flag is set.";

// Then the request was routed as one that reads, because its row does not know.
bool IsClusterDown(const AdminCall& call) {
  const ExecutionParts& parts = call.execution.parts();
  return parts.cluster.is_enabled() && !call.session.repeats_another_server() &&
         parts.cluster.IsDown(ViewOf(parts, call.thread));
}

}  // namespace

// In the order of redis-server. A script without flags is asked call by call instead.
std::string WhyNotRun(const AdminCall& call, const ScriptInput& input) {
  const ExecutionParts& parts = call.execution.parts();
  const Program& program = input.program;
  const uint32_t unmet = parts.needs.Get() & call.session.checked_needs;
  const auto lacks = [unmet](uint32_t need) { return (unmet & need) != 0; };
  const bool writes = program.has_flags() && !program.Has(kFunctionNoWrites);
  if (writes && !input.keys.empty() && IsClusterDown(call)) return std::string(errors::kClusterOnlyReads);
  if (writes && call.execution.IsOutOfMemory() && !program.Has(kFunctionAllowOom)) {
    return std::string(errors::kOutOfMemory);
  }
  if (writes && lacks(kNeedsHealthyDisk)) return DescribeDiskFailure(parts);
  if (writes && lacks(kNeedsReplicas)) return std::string(errors::kNoReplicas);
  if (writes && lacks(kNeedsWritable)) return std::string(errors::kReadOnly);
  if (lacks(kNeedsFreshData) && !program.Has(kFunctionAllowStale)) return std::string(errors::kMasterDown);
  if (lacks(kNeedsLease)) return std::string(errors::kNoLease);
  if (program.Has(kFunctionNoCluster) && parts.cluster.is_enabled()) return std::string(kNotInCluster);
  if (writes && input.only_reads) return std::string(kWritesByReadOnlyCommand);
  return {};
}

}  // namespace ringkv::server
