// SPDX-License-Identifier: MIT
// Scripts and functions.
#include "server/report/metric_table.h"
#include "server/scripts/scripts.h"

namespace ringkv::server {
namespace {

constexpr LuaState::Purpose kEval = LuaState::Purpose::kScripts;
constexpr LuaState::Purpose kFcall = LuaState::Purpose::kFunctions;

template <LuaState::Purpose kPurpose>
Reading InterpreterBytes(const Observation& o) {
  return o.parts.scripts.interpreter_memory(kPurpose);
}
size_t AllInterpreterBytes(const Observation& o) {
  return o.parts.scripts.interpreter_memory(kEval) + o.parts.scripts.interpreter_memory(kFcall);
}
size_t ScriptBytes(const Observation& o) { return o.parts.scripts.registry().memory(); }
std::shared_ptr<const FunctionCatalog> FunctionsOf(const Observation& o) {
  return o.parts.scripts.functions().Get().catalog;
}
size_t FunctionBytes(const Observation& o) { return FunctionsOf(o)->memory(); }

constexpr Metric kScriptMetrics[] = {
    {.section = "memory", .info = "used_memory_lua", .read = InterpreterBytes<kEval>},
    {.section = "memory",
     .info = "used_memory_lua_human",
     .read = [](const Observation& o) -> Reading { return HumanBytes(o.parts.scripts.interpreter_memory(kEval)); }},
    {.section = "memory", .info = "used_memory_vm_eval", .read = InterpreterBytes<kEval>},
    {.section = "memory",
     .info = "used_memory_scripts_eval",
     .read = [](const Observation& o) { return Reading(ScriptBytes(o)); }},
    {.section = "memory",
     .info = "number_of_cached_scripts",
     .series = {"ringkv_scripts", kGauge, "Scripts that EVALSHA finds."},
     .read = [](const Observation& o) { return Reading(o.parts.scripts.registry().size()); }},
    {.section = "memory",
     .info = "number_of_functions",
     .series = {"ringkv_functions", kGauge, "Functions that FCALL finds."},
     .read = [](const Observation& o) { return Reading(FunctionsOf(o)->functions()); }},
    {.section = "memory",
     .info = "number_of_libraries",
     .read = [](const Observation& o) { return Reading(FunctionsOf(o)->libraries().size()); }},
    {.section = "memory", .info = "used_memory_vm_functions", .read = InterpreterBytes<kFcall>},
    {.section = "memory",
     .info = "used_memory_vm_total",
     .series = {"ringkv_script_interpreters_bytes", kGauge, "Memory of the interpreters of scripts and functions."},
     .read = [](const Observation& o) { return Reading(AllInterpreterBytes(o)); }},
    {.section = "memory",
     .info = "used_memory_vm_total_human",
     .read = [](const Observation& o) -> Reading { return HumanBytes(AllInterpreterBytes(o)); }},
    {.section = "memory",
     .info = "used_memory_functions",
     .read = [](const Observation& o) { return Reading(FunctionBytes(o)); }},
    {.section = "memory",
     .info = "used_memory_scripts",
     .series = {"ringkv_scripts_bytes", kGauge, "Memory of the texts of scripts and functions."},
     .read = [](const Observation& o) { return Reading(ScriptBytes(o) + FunctionBytes(o)); }},
    {.section = "memory",
     .info = "used_memory_scripts_human",
     .read = [](const Observation& o) -> Reading { return HumanBytes(ScriptBytes(o) + FunctionBytes(o)); }},
    {.section = "stats",
     .info = "evicted_scripts",
     .read = [](const Observation& o) { return Reading(o.parts.scripts.registry().evicted()); }},
};

}  // namespace

std::span<const Metric> ScriptMetrics() { return kScriptMetrics; }

}  // namespace ringkv::server
