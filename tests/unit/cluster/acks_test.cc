// SPDX-License-Identifier: MIT
#include "cluster/replication/acks.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringkv::cluster {
namespace {

using Lsns = std::vector<storage::Lsn>;

TEST(Acks, APrimaryAloneIsAMajorityOfOne) { EXPECT_EQ(QuorumLsn(Lsns{}, 1, 42), 42u); }

TEST(Acks, AMajorityOfTwoIsBoth) {
  EXPECT_EQ(QuorumLsn(Lsns{40}, 2, 42), 40u);
  EXPECT_EQ(QuorumLsn(Lsns{}, 2, 42), 0u);
}

TEST(Acks, OfThreeTheBetterReplicaCounts) {
  EXPECT_EQ(QuorumLsn(Lsns{40, 10}, 3, 42), 40u);
  EXPECT_EQ(QuorumLsn(Lsns{10}, 3, 42), 10u);
  EXPECT_EQ(QuorumLsn(Lsns{}, 3, 42), 0u);
}

TEST(Acks, OfFiveTheSecondBestReplicaCounts) { EXPECT_EQ(QuorumLsn(Lsns{1, 9, 5, 7}, 5, 42), 7u); }

TEST(Acks, NothingIsConfirmedThatThePrimaryHasNot) { EXPECT_EQ(QuorumLsn(Lsns{50}, 2, 42), 42u); }

TEST(Acks, CountsReplicasThatHaveAcknowledged) {
  EXPECT_EQ(CountAtLeast(Lsns{1, 5, 9}, 5), 2u);
  EXPECT_EQ(CountAtLeast(Lsns{}, 0), 0u);
}

}  // namespace
}  // namespace ringkv::cluster
