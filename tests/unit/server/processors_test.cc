// SPDX-License-Identifier: MIT
// The CPU limits of control groups, as the kernel and container runtimes lay them out.
#include "server/process/processors.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "tests/support/temp_dir.h"

namespace ringkv::server {
namespace {

class ProcessorsTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_.Path(path)).parent_path());
    root_.Write(path, text);
  }
  void Mount(const std::string& mountinfo, const std::string& cgroup) {
    Write("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mountinfo);
    Write("proc/self/cgroup", cgroup);
  }
  size_t Limit() { return CpuLimitOfGroup(root_.Path("")); }

  static constexpr const char* kUnified = "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
  static constexpr const char* kFirstVersion =
      "33 22 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "34 22 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";
  test::TempDir root_;
};

TEST_F(ProcessorsTest, WithoutGroupsThereIsNoLimit) {
  EXPECT_EQ(Limit(), SIZE_MAX);
  Mount("", "");
  EXPECT_EQ(Limit(), SIZE_MAX);
  Mount(kUnified, "0::/user.slice\n");
  EXPECT_EQ(Limit(), SIZE_MAX);
  Write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(Limit(), SIZE_MAX);
}

TEST_F(ProcessorsTest, TheLimitOfTheGroupAndOfThoseAroundIt) {
  Mount(kUnified, "0::/pods.slice/pod7/abc\n");
  Write("sys/fs/cgroup/pods.slice/pod7/abc/cpu.max", "800000 100000\n");
  EXPECT_EQ(Limit(), 8u);
  Write("sys/fs/cgroup/pods.slice/pod7/cpu.max", "300000 100000\n");
  EXPECT_EQ(Limit(), 3u);
  Write("sys/fs/cgroup/pods.slice/cpu.max", "200000 50000\n");
  EXPECT_EQ(Limit(), 3u);
  Write("sys/fs/cgroup/pods.slice/pod7/cpu.max", "max 100000\n");
  EXPECT_EQ(Limit(), 4u);
}

TEST_F(ProcessorsTest, AContainerSeesItsOwnGroupAsTheRoot) {
  Mount(kUnified, "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  EXPECT_EQ(Limit(), 2u);
  Mount(kUnified, "0::/../..\n");
  EXPECT_EQ(Limit(), 2u);
  Mount("30 22 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/docker/abc\n");
  EXPECT_EQ(Limit(), 2u);
  Mount(kUnified, "0::/docker/that/is/not/mounted\n");
  EXPECT_EQ(Limit(), 2u);
}

TEST_F(ProcessorsTest, PartsOfAProcessorAreNotUsed) {
  Mount(kUnified, "0::/\n");
  for (const auto& [text, limit] : std::map<std::string, size_t>{
           {"50000 100000\n", 1}, {"1000 100000", 1}, {"199000 100000\n", 1}, {"199999 50000\n", 3}}) {
    Write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(Limit(), limit) << text;
  }
  for (const char* text : {"", "max\n", "100000\n", "x y\n", "100000 0\n", "-1 100000\n", "9999999999999999999 1\n"}) {
    Write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(Limit(), SIZE_MAX) << text;
  }
}

TEST_F(ProcessorsTest, TheFirstVersionHasItsOwnFiles) {
  Mount(kFirstVersion, "4:memory:/m\n3:cpu,cpuacct:/docker/abc\n2:cpuset:/\n");
  const std::string group = "sys/fs/cgroup/cpu,cpuacct";
  Write(group + "/docker/abc/cpu.cfs_period_us", "100000\n");
  Write(group + "/docker/abc/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(Limit(), SIZE_MAX);
  Write(group + "/docker/abc/cpu.cfs_quota_us", "400000\n");
  EXPECT_EQ(Limit(), 4u);
  Write(group + "/docker/cpu.cfs_period_us", "50000\n");
  Write(group + "/docker/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(Limit(), 2u);
}

TEST_F(ProcessorsTest, BothVersionsMayBeMounted) {
  Mount(std::string(kFirstVersion) + "41 22 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        "3:cpu,cpuacct:/a\n0::/b\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "600000\n");
  EXPECT_EQ(Limit(), 6u);
  Write("sys/fs/cgroup/unified/b/cpu.max", "500000 100000\n");
  EXPECT_EQ(Limit(), 5u);
}

TEST(Processors, ThereIsOneAtLeast) { EXPECT_GE(UsableProcessors(), 1u); }

}  // namespace
}  // namespace ringkv::server
