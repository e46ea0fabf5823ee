// SPDX-License-Identifier: Apache-2.0
#include "cpu/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <fstream>
#include <thread>

namespace minimax::cpu {
namespace {

TEST(Processors, CpuMaxIsQuotaOverPeriod) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cpu_max(""), std::nullopt);
  EXPECT_EQ(parse_cpu_max("100000"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("100000 0"), std::nullopt);
}

TEST(Processors, SmallestLimitOfTheGroupAndItsParentsHolds) {
  const std::filesystem::path root = std::filesystem::path(testing::TempDir()) / "cgroup_limits";
  std::filesystem::create_directories(root / "a" / "b");
  std::ofstream(root / "cpu.max") << "max 100000\n";
  std::ofstream(root / "a" / "cpu.max") << "200000 100000\n";
  std::ofstream(root / "a" / "b" / "cpu.max") << "400000 100000\n";
  EXPECT_EQ(control_group_limit(root, "/a/b"), 2.0);
  EXPECT_EQ(control_group_limit(root, "/"), std::nullopt);
  EXPECT_EQ(control_group_limit(root, "/not/visible/here"), std::nullopt);
  EXPECT_EQ(control_group_limit(root / "absent", "/a"), std::nullopt);
  std::filesystem::remove_all(root);
}

TEST(Processors, VersionOneQuotaIsRead) {
  const std::filesystem::path root = std::filesystem::path(testing::TempDir()) / "cgroup_v1";
  std::filesystem::create_directories(root);
  std::ofstream(root / "cpu.cfs_quota_us") << "50000\n";
  std::ofstream(root / "cpu.cfs_period_us") << "100000\n";
  EXPECT_EQ(control_group_limit(root, "/"), 0.5);
  std::ofstream(root / "cpu.cfs_quota_us") << "-1\n";
  EXPECT_EQ(control_group_limit(root, "/"), std::nullopt);
  std::filesystem::remove_all(root);
}

TEST(Processors, AffinityMaskCounts) {
  EXPECT_GE(available_processors(), 1);
  int narrowed = 0;
  std::thread([&] {  // the mask belongs to the thread, so the other tests keep theirs
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &set);
    ASSERT_EQ(::sched_setaffinity(0, sizeof(set), &set), 0);
    narrowed = available_processors();
  })
      .join();
  EXPECT_EQ(narrowed, 1);
}

}  // namespace
}  // namespace minimax::cpu
