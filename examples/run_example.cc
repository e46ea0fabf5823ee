// SPDX-License-Identifier: Apache-2.0
#include "run_example.h"

#include <exception>
#include <iostream>

namespace examples {

int run_example(int argc, char** argv, void (*example)(const std::filesystem::path& directory)) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " MODEL_DIRECTORY\n";
    return 2;
  }
  try {
    example(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
  return 0;
}

}  // namespace examples
