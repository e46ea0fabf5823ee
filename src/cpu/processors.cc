// SPDX-License-Identifier: Apache-2.0
#include "cpu/processors.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace minimax::cpu {
namespace {

// Files of /proc and cgroup file systems have no size to ask for. Empty where there is none.
std::string read_small_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  return text;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<double> folder_limit(const std::filesystem::path& folder) {
  if (const auto limit = parse_cpu_max(read_small_file(folder / "cpu.max"))) {
    return limit;
  }
  const auto quota = parse_number(read_small_file(folder / "cpu.cfs_quota_us"));
  const auto period = parse_number(read_small_file(folder / "cpu.cfs_period_us"));
  const bool limited = quota && period && *quota > 0 && *period > 0;
  return limited ? std::optional(*quota / *period) : std::nullopt;
}

// The group of this process in the hierarchy of cgroup v2 ("0::/a") or of the v1 controller cpu
// ("4:cpu,cpuacct:/a"); the mount point goes with it.
std::optional<double> own_control_group_limit() {
  std::optional<double> limit;
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_cpu = ("," + controllers + ",").find(",cpu,") != std::string::npos;
    if (!controllers.empty() && !is_cpu) {
      continue;
    }
    const char* root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    const auto found = control_group_limit(root, std::string_view(line).substr(second + 1));
    if (found && (!limit || *found < *limit)) {
      limit = found;
    }
  }
  return limit;
}

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) {
    return std::nullopt;
  }
  const auto quota = parse_number(text.substr(0, space));
  const auto period = parse_number(text.substr(space + 1));
  const bool limited = quota && period && *quota > 0 && *period > 0;
  return limited ? std::optional(*quota / *period) : std::nullopt;
}

std::optional<double> control_group_limit(const std::filesystem::path& root,
                                          std::string_view group) {
  std::optional<double> limit;
  for (;;) {
    // In a container the path may be the host's, of which only the root is visible.
    const auto found = folder_limit(root / group.substr(std::min<std::size_t>(group.size(), 1)));
    if (found && (!limit || *found < *limit)) {
      limit = found;
    }
    if (group.size() <= 1) {
      return limit;
    }
    group = group.substr(0, std::max<std::size_t>(group.rfind('/'), 1));
  }
}

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int processors = ::sched_getaffinity(0, sizeof(set), &set) == 0
                       ? CPU_COUNT(&set)
                       : static_cast<int>(std::thread::hardware_concurrency());
  if (const auto limit = own_control_group_limit()) {
    processors = std::min(processors, static_cast<int>(std::ceil(std::min(*limit, 1e6))));
  }
  return std::max(processors, 1);
}

}  // namespace minimax::cpu
