// SPDX-License-Identifier: Apache-2.0
// The main() that the examples share: one argument, and errors on standard error.
#pragma once

#include <filesystem>

namespace examples {

/// Calls `example` with the model directory that is the only argument. Returns the exit code.
int run_example(int argc, char** argv, void (*example)(const std::filesystem::path& directory));

}  // namespace examples
