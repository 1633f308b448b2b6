// SPDX-License-Identifier: MIT
#include "cluster/ring.h"

#include <algorithm>
#include <cmath>

#include "storage/base/check.h"
#include "storage/base/checksum.h"

namespace ringkv::cluster {
namespace {

using storage::kSlots;
using storage::SlotNumber;

// A shard below this share of its ideal is filled up; the others are left as they are.
constexpr double kTooLittle = 0.80;
constexpr size_t kMostProposals = 4096;

class Layout {
 public:
  Layout(const SlotMap& before, const std::vector<RingShard>& shards) : map_(before), shards_(shards) {
    double weights = 0;
    for (const RingShard& shard : shards) weights += shard.weight;
    for (const RingShard& shard : shards) ideal_.push_back(static_cast<double>(kSlots) * shard.weight / weights);
    load_.resize(shards.size());
    for (size_t i = 0; i < shards.size(); ++i) load_[i] = map_.CountOf(Index(i));
  }

  SlotMap Run() {
    GiveAwayOrphans();
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (ideal_[i] > 0 && LoadOf(i) < kTooLittle) Fill(i);
    }
    return map_;
  }

 private:
  static ShardIndex Index(size_t i) { return static_cast<ShardIndex>(i); }
  // Relative to its share by weight.
  double LoadOf(size_t i) const { return ideal_[i] > 0 ? static_cast<double>(load_[i]) / ideal_[i] : 1e9; }
  size_t ArcOf(size_t i) const {
    return std::max<size_t>(static_cast<size_t>(std::ceil(ideal_[i] / kVirtualNodes)), 1);
  }

  void Move(const SlotRange& range, size_t to) {
    const ShardIndex from = map_.owner(range.first);
    if (from < load_.size()) load_[from] -= range.size();
    load_[to] += range.size();
    map_.Give(range, Index(to));
  }

  bool IsOrphan(ShardIndex owner) const { return owner >= shards_.size() || ideal_[owner] == 0; }

  // Each piece to the shard that is loaded least; to a neighbour on the ring if that is nearly as good, which saves an
  // arc.
  void GiveAwayOrphans() {
    constexpr double kNearly = 0.05;
    for (const SlotMap::Run& run : map_.Runs()) {
      if (!IsOrphan(run.owner)) continue;
      SlotRange rest = run.range;
      for (bool is_done = false; !is_done;) {
        size_t to = 0;
        for (size_t i = 0; i < shards_.size(); ++i) {
          if (LoadOf(i) < LoadOf(to)) to = i;
        }
        const ShardIndex before = rest.first > 0 ? map_.owner(rest.first - 1) : kNoShard;
        if (!IsOrphan(before) && LoadOf(before) < LoadOf(to) + kNearly) to = before;
        const size_t size = std::min(rest.size(), ArcOf(to));
        const SlotRange piece{rest.first, static_cast<SlotNumber>(rest.first + size - 1)};
        is_done = piece.last == rest.last;
        Move(piece, to);
        rest.first = static_cast<SlotNumber>(piece.last + 1);
      }
    }
  }

  // A virtual node's place: the run of `from` that the next proposal falls into.
  SlotMap::Run RunFor(size_t joiner, size_t from, size_t* proposal) {
    const std::vector<SlotMap::Run> runs = map_.Runs();
    for (size_t tries = 0; tries < kMostProposals; ++tries) {
      const std::string name = shards_[joiner].name + "#" + std::to_string((*proposal)++);
      const auto slot = static_cast<SlotNumber>(storage::Checksum(name) % kSlots);
      if (map_.owner(slot) != from) continue;
      return *std::find_if(runs.begin(), runs.end(), [&](const SlotMap::Run& run) { return slot <= run.range.last; });
    }
    return *std::find_if(runs.begin(), runs.end(), [&](const SlotMap::Run& run) { return run.owner == from; });
  }

  void Fill(size_t joiner) {
    const size_t arc = ArcOf(joiner);
    const auto wanted = static_cast<size_t>(ideal_[joiner]);
    size_t proposal = 0;
    while (load_[joiner] < wanted) {
      size_t from = joiner;
      for (size_t i = 0; i < shards_.size(); ++i) {
        if (i != joiner && load_[i] > 0 && (from == joiner || LoadOf(i) > LoadOf(from))) from = i;
      }
      if (from == joiner || LoadOf(from) <= LoadOf(joiner)) return;
      const SlotRange run = RunFor(joiner, from, &proposal).range;
      const size_t size = std::min({arc, wanted - load_[joiner], run.size()});
      // At the end of the run where the joiner stands already, if it does.
      const bool at_front = run.first > 0 && map_.owner(run.first - 1) == joiner;
      const auto first = static_cast<SlotNumber>(at_front ? run.first : run.last - size + 1);
      Move({first, static_cast<SlotNumber>(first + size - 1)}, joiner);
    }
  }

  SlotMap map_;
  const std::vector<RingShard>& shards_;
  std::vector<double> ideal_;  // slots by weight
  std::vector<size_t> load_;   // slots that it has
};

}  // namespace

SlotMap LayOut(const SlotMap& before, const std::vector<RingShard>& shards) {
  RINGKV_CHECK(!shards.empty());
  return Layout(before, shards).Run();
}

SlotMap LayOut(const std::vector<RingShard>& shards) {
  SlotMap map;
  std::vector<RingShard> joined;
  for (const RingShard& shard : shards) {
    joined.push_back(shard);
    if (std::all_of(joined.begin(), joined.end(), [](const RingShard& each) { return each.weight <= 0; })) continue;
    map = LayOut(map, joined);
  }
  return map;
}

}  // namespace ringkv::cluster
