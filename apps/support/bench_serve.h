// SPDX-License-Identifier: Apache-2.0
// minimax bench serve: how a server answers many clients.
#pragma once

#include <cstdint>
#include <string>

#include "support/cli11_fwd.h"
#include "support/load_test.h"

namespace minimax::apps {

class BenchServe {
 public:
  /// Adds `serve` to the sub-command `bench`. The object must outlive the parsing.
  void define(CLI::App& bench);
  bool is_chosen() const;
  /// Returns the exit code.
  int run();

 private:
  CLI::App* command_ = nullptr;
  LoadPlan plan_;
  std::string url_ = "http://127.0.0.1:8000";
  std::string api_key_;
  bool json_ = false;
};

}  // namespace minimax::apps
