// SPDX-License-Identifier: MIT
// Runs of a simulation from seeds (docs/testing.md): RINGKV_SEEDS says how many, RINGKV_FIRST_SEED where they begin.
// RINGKV_SEED runs one of them and prints what happened.
#pragma once

#include <gtest/gtest.h>

#include <ctime>
#include <iostream>
#include <string>

#include "storage/base/allocator.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/number_in.h"
#include "tests/support/allocations.h"

namespace ringkv::test {

// The faults that the failure needs, and all that happens in a run with these.
template <typename Simulation>
std::string Explain(const FaultPlan& plan) {
  const auto fails = [](const FaultPlan& tried) {
    Simulation simulation(tried);
    simulation.Run();
    return !simulation.violation().empty();
  };
  const FaultPlan few = Shrink(plan, NumberIn("RINGKV_SHRINK", 300), fails);
  std::string text = std::to_string(few.faults.size()) + " of " + std::to_string(plan.faults.size()) +
                     " faults are enough, within " + std::to_string(few.duration_ms) + " ms:\n";
  for (const Fault& fault : few.faults) text += "  " + Show(fault) + "\n";
  Simulation traced(few, true);
  traced.Run();
  return text + "It ends so:\n" + traced.timeline().trace();
}

// Runs it; `note` takes the run unless it has failed. Returns what went wrong.
template <typename Simulation, typename Note>
std::string RunOnce(const FaultPlan& plan, bool is_traced, const Note& note) {
  Simulation simulation(plan, is_traced);
  simulation.Run();
  if (!simulation.violation().empty()) return simulation.violation();
  if (is_traced) std::cout << simulation.timeline().trace();
  note(simulation);
  return "";
}

// Whether a run leaves memory behind, for each run.
template <typename Simulation>
bool LeavesMemory(const FaultPlan& plan) {
  const size_t before = storage::UsedMemory();
  Simulation(plan).Run();
  return storage::UsedMemory() > before;
}

// A build with a sanitizer, which has another allocator, takes five times as long.
inline uint64_t FewerIfSanitized(uint64_t seeds) { return CountsAllocations() ? seeds : seeds / 5; }

// Runs what the environment asks for, up to the first failure; `note` takes each run. Returns the number of seeds; 0 if
// one has failed, or was run by itself.
template <typename Simulation, typename PlanOf, typename Note>
uint64_t RunSeeds(const PlanOf& plan_of, uint64_t first_otherwise, uint64_t otherwise, const Note& note) {
  const uint64_t only = NumberIn("RINGKV_SEED", 0);
  const uint64_t first = only != 0 ? only : NumberIn("RINGKV_FIRST_SEED", first_otherwise);
  const uint64_t seeds = only != 0 ? 1 : NumberIn("RINGKV_SEEDS", FewerIfSanitized(otherwise));
  int64_t simulated_ms = 0;
  const std::clock_t begun = std::clock();
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const FaultPlan plan = plan_of(seed);
    const size_t before = storage::UsedMemory();
    const std::string violation = RunOnce<Simulation>(plan, only != 0, [&](const Simulation& simulation) {
      note(simulation);
      simulated_ms += simulation.rested_at_ms();
    });
    if (!violation.empty()) {
      ADD_FAILURE() << violation << "\nRINGKV_SEED=" << seed << "\n" << Explain<Simulation>(plan);
      return 0;
    }
    // Once, a buffer of the thread may have grown to what this seed needs.
    const bool has_grown = CountsAllocations() && storage::UsedMemory() > before;
    if (has_grown && LeavesMemory<Simulation>(plan)) {
      ADD_FAILURE() << "memory is left after a run\nRINGKV_SEED=" << seed;
      return 0;
    }
  }
  const auto took_ms = static_cast<double>(std::clock() - begun) * 1000 / CLOCKS_PER_SEC;
  std::cout << static_cast<double>(simulated_ms) / took_ms << " simulated seconds a second of CPU\n";
  return only != 0 ? 0 : seeds;
}

template <typename Simulation, typename PlanOf>
void ExpectTheSameForTheSameSeed(const PlanOf& plan_of) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Simulation one(plan_of(seed));
    Simulation other(plan_of(seed), true);
    one.Run();
    other.Run();
    EXPECT_EQ(one.timeline().digest(), other.timeline().digest()) << seed;
    EXPECT_EQ(one.timeline().events_run(), other.timeline().events_run()) << seed;
    Simulation again(plan_of(seed), true);
    again.Run();
    EXPECT_EQ(again.timeline().trace(), other.timeline().trace()) << seed;
  }
}

template <typename Simulation, typename PlanOf>
void ExpectNoMemoryLeft(const PlanOf& plan_of) {
  const auto run_some = [&] {
    for (uint64_t seed = 1; seed <= 12; ++seed) Simulation(plan_of(seed)).Run();
  };
  if (!CountsAllocations()) GTEST_SKIP() << "this allocator does not count exactly";
  run_some();  // what stays for the next one: buffers of threads
  const size_t before = storage::UsedMemory();
  run_some();
  EXPECT_EQ(storage::UsedMemory(), before);
}

}  // namespace ringkv::test
