// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace minimax::base {
namespace {

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();

// The number of a line "Key:   123 kB" of a file below /proc, in bytes.
std::optional<std::int64_t> proc_bytes(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) {
      return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> number_in(const char* path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

// Bytes of cached files that the control group counts as used; they are given up on demand.
std::int64_t control_group_cache() {
  std::ifstream file("/sys/fs/cgroup/memory.stat");
  std::string key;
  for (std::int64_t value = 0; file >> key >> value;) {
    if (key == "file") {
      return value;
    }
  }
  return 0;
}

// What the address-space limit (ulimit -v) leaves.
std::int64_t left_by_address_space_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kUnknown;
  }
  const std::int64_t used = proc_bytes("/proc/self/status", "VmSize").value_or(0);
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(limit.rlim_cur) - used);
}

// What the control group leaves (cgroup version 2; the file of the root group does not exist).
std::int64_t left_by_control_group() {
  const auto limit = number_in("/sys/fs/cgroup/memory.max");
  const auto used = number_in("/sys/fs/cgroup/memory.current");
  return limit && used ? std::max<std::int64_t>(0, *limit - *used + control_group_cache())
                       : kUnknown;
}

}  // namespace

std::int64_t available_memory_bytes() {
  const std::int64_t system = proc_bytes("/proc/meminfo", "MemAvailable").value_or(kUnknown);
  return std::min({system, left_by_address_space_limit(), left_by_control_group()});
}

std::string format_bytes(std::int64_t bytes) {
  const double value = static_cast<double>(bytes);
  if (bytes >= 1LL << 30) {
    return fmt::format("{:.2f} GiB", value / 0x1p30);
  }
  if (bytes >= 1LL << 20) {
    return fmt::format("{:.1f} MiB", value / 0x1p20);
  }
  return fmt::format("{} bytes", bytes);
}

}  // namespace minimax::base
