// SPDX-License-Identifier: MIT
#include "cluster/node_id.h"

#include <gtest/gtest.h>

namespace ringkv::cluster {
namespace {

TEST(NodeId, IsFortyHexadecimalDigitsOfItsOwnForEachName) {
  EXPECT_TRUE(IsNodeId(NodeIdOf("s3-2")));
  EXPECT_NE(NodeIdOf("s3-2"), NodeIdOf("s3-1"));
}

// Written down in clients' caches and people's scripts: it must stay.
TEST(NodeId, IsTheSameForEver) { EXPECT_EQ(NodeIdOf("s3-2"), "372947bfe26452f343f699b50a439af64cb82b0e"); }

TEST(NodeId, OfAnIdIsItself) {
  const std::string id(40, 'a');
  EXPECT_EQ(NodeIdOf(id), id);
  EXPECT_FALSE(IsNodeId(std::string(40, 'A')));
  EXPECT_FALSE(IsNodeId(std::string(39, 'a')));
}

}  // namespace
}  // namespace ringkv::cluster
