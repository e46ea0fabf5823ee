// SPDX-License-Identifier: Apache-2.0
// How many processors this process may use; the default number of threads.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace minimax::cpu {

/// The processors that the process may run on: those of its affinity mask, fewer where a control
/// group (a container) limits its processor time. At least 1.
int available_processors();

/// Processors in the text of a cgroup v2 file cpu.max ("150000 100000" is 1.5); none for "max".
std::optional<double> parse_cpu_max(std::string_view text);

/// The smallest limit in the control group `group` ("/a/b", as in /proc/self/cgroup) and all its
/// parents below `root`, the mount point of cgroup v2 or of the v1 controller `cpu`.
std::optional<double> control_group_limit(const std::filesystem::path& root,
                                          std::string_view group);

}  // namespace minimax::cpu
