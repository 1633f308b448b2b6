// SPDX-License-Identifier: MIT
// Where memory goes.
#include "server/report/metric_table.h"
#include "storage/base/allocator.h"
#include "storage/base/huge_pages.h"

namespace ringkv::server {
namespace {

template <auto kMember>
Reading InMemory(const Observation& o) {
  return o.memory.*kMember;
}
template <auto kMember>
Reading HumanInMemory(const Observation& o) {
  return HumanBytes(o.memory.*kMember);
}
template <auto kMember>
Reading InAllocator(const Observation& o) {
  return o.memory.allocator.*kMember;
}

Reading Percent(double number) { return Reading(number, 2).Text() + "%"; }

constexpr Metric kMemoryMetrics[] = {
    {.section = "memory",
     .info = "used_memory",
     .series = {"ringkv_memory_used_bytes", kGauge, "Allocated memory, as maxmemory counts it."},
     .read = InMemory<&MemoryReport::used>},
    {.section = "memory", .info = "used_memory_human", .read = HumanInMemory<&MemoryReport::used>},
    {.section = "memory",
     .info = "used_memory_rss",
     .series = {"process_resident_memory_bytes", kGauge, "Resident memory of the process."},
     .read = InMemory<&MemoryReport::resident>},
    {.section = "memory", .info = "used_memory_rss_human", .read = HumanInMemory<&MemoryReport::resident>},
    {.section = "memory",
     .info = "used_memory_peak",
     .series = {"ringkv_memory_peak_bytes", kGauge, "Peak of allocated memory."},
     .read = InMemory<&MemoryReport::peak>},
    {.section = "memory", .info = "used_memory_peak_human", .read = HumanInMemory<&MemoryReport::peak>},
    {.section = "memory",
     .info = "used_memory_peak_perc",
     .read = [](const Observation& o) { return Percent(100 * MemoryReport::Ratio(o.memory.used, o.memory.peak)); }},
    {.section = "memory",
     .info = "used_memory_overhead",
     .read = [](const Observation& o) { return Reading(o.memory.overhead()); }},
    {.section = "memory", .info = "used_memory_startup", .read = InMemory<&MemoryReport::startup>},
    {.section = "memory",
     .info = "used_memory_dataset",
     .series = {"ringkv_memory_dataset_bytes", kGauge, "Memory of keys and values."},
     .read = [](const Observation& o) { return Reading(o.memory.dataset()); }},
    {.section = "memory",
     .info = "used_memory_dataset_perc",
     .read = [](const Observation& o) { return Percent(o.memory.DatasetPercentage()); }},
    {.section = "memory", .info = "allocator_allocated", .read = InAllocator<&storage::AllocatorStatistics::allocated>},
    {.section = "memory", .info = "allocator_active", .read = InAllocator<&storage::AllocatorStatistics::active>},
    {.section = "memory", .info = "allocator_resident", .read = InAllocator<&storage::AllocatorStatistics::resident>},
    {.section = "memory",
     .info = "allocator_huge_pages",
     .series = {"ringkv_memory_huge_page_bytes", kGauge, "Memory of the heap that is to be in huge pages."},
     .read = [](const Observation&) { return Reading(storage::HugePageBytes()); }},
    {.section = "memory", .info = "total_system_memory", .read = InMemory<&MemoryReport::system>},
    {.section = "memory", .info = "total_system_memory_human", .read = HumanInMemory<&MemoryReport::system>},
    {.section = "memory",
     .info = "maxmemory",
     .series = {"ringkv_memory_max_bytes", kGauge, "Memory limit (maxmemory); 0 for none."},
     .read = [](const Observation& o) { return Reading(o.parts.options.maxmemory.load()); }},
    {.section = "memory",
     .info = "maxmemory_human",
     .read = [](const Observation& o) -> Reading {
       return HumanBytes(static_cast<size_t>(o.parts.options.maxmemory.load()));
     }},
    {.section = "memory", .info = "maxmemory_policy", .read = OptionText<"maxmemory-policy">},
    {.section = "memory",
     .info = "allocator_frag_ratio",
     .read =
         [](const Observation& o) {
           return Reading(MemoryReport::Ratio(o.memory.allocator.active, o.memory.allocator.allocated), 2);
         }},
    {.section = "memory",
     .info = "allocator_frag_bytes",
     .read =
         [](const Observation& o) {
           return Reading(MemoryReport::Beyond(o.memory.allocator.active, o.memory.allocator.allocated));
         }},
    {.section = "memory",
     .info = "allocator_rss_ratio",
     .read =
         [](const Observation& o) {
           return Reading(MemoryReport::Ratio(o.memory.allocator.resident, o.memory.allocator.active), 2);
         }},
    {.section = "memory",
     .info = "allocator_rss_bytes",
     .read =
         [](const Observation& o) {
           return Reading(MemoryReport::Beyond(o.memory.allocator.resident, o.memory.allocator.active));
         }},
    {.section = "memory",
     .info = "rss_overhead_ratio",
     .read =
         [](const Observation& o) {
           return Reading(MemoryReport::Ratio(o.memory.resident, o.memory.allocator.resident), 2);
         }},
    {.section = "memory",
     .info = "rss_overhead_bytes",
     .read =
         [](const Observation& o) {
           return Reading(static_cast<int64_t>(o.memory.resident) - static_cast<int64_t>(o.memory.allocator.resident));
         }},
    {.section = "memory",
     .info = "mem_fragmentation_ratio",
     .read = [](const Observation& o) { return Reading(MemoryReport::Ratio(o.memory.resident, o.memory.used), 2); }},
    {.section = "memory",
     .info = "mem_fragmentation_bytes",
     .read =
         [](const Observation& o) {
           return Reading(static_cast<int64_t>(o.memory.resident) - static_cast<int64_t>(o.memory.used));
         }},
    {.section = "memory", .info = "mem_not_counted_for_evict", .read = InMemory<&MemoryReport::uncounted>},
    {.section = "memory", .info = "mem_replication_backlog", .read = InMemory<&MemoryReport::backlog>},
    {.section = "memory",
     .info = "mem_total_replication_buffers",
     .read = [](const Observation& o) { return Reading(o.memory.buffers + o.memory.replicas); }},
    {.section = "memory", .info = "mem_clients_slaves", .read = InMemory<&MemoryReport::replicas>},
    {.section = "memory",
     .info = "mem_clients_normal",
     .series = {"ringkv_memory_clients_bytes", kGauge, "Memory of client buffers."},
     .read = InMemory<&MemoryReport::clients>},
    {.section = "memory",
     .info = "mem_tables",
     .series = {"ringkv_memory_tables_bytes", kGauge, "Memory of the hash tables of keys."},
     .read = InMemory<&MemoryReport::tables>},
    {.section = "memory", .info = "mem_aof_buffer", .read = InMemory<&MemoryReport::log_buffer>},
    {.section = "memory",
     .info = "mem_allocator",
     .read = [](const Observation&) { return Reading(storage::AllocatorName()); }},
    {.section = "memory",
     .info = "lazyfree_pending_objects",
     .series = {"ringkv_lazy_free_pending", kGauge, "Values and tables to be freed in the background."},
     .read = [](const Observation& o) { return Reading(o.parts.data.store().reclaimer().pending()); }},
    {.section = "memory",
     .info = "lazyfreed_objects",
     .read = [](const Observation& o) { return Reading(o.parts.data.store().reclaimer().freed()); }},
};

}  // namespace

std::span<const Metric> MemoryMetrics() { return kMemoryMetrics; }

}  // namespace ringkv::server
