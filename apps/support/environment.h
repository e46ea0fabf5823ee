// SPDX-License-Identifier: Apache-2.0
// Environment variables as defaults of options: a flag wins over its variable.
#pragma once

#include <string>
#include <vector>

#include "support/cli11_fwd.h"

namespace minimax::apps {

/// The value of a variable, or an empty string.
std::string environment_value(const std::string& variable);

/// The options of one sub-command that also read a variable.
class Environment {
 public:
  /// `--top-k` reads MINIMAX_TOP_K, a positional MODEL reads MINIMAX_MODEL; its help says so.
  /// Returns `option`.
  CLI::Option* bind(CLI::Option* option);

  /// Gives options that were not on the command line the values of their variables.
  /// Throws: UsageError naming the variable.
  void apply() const;

 private:
  struct Binding {
    CLI::Option* option;
    std::string variable;
  };
  std::vector<Binding> bindings_;
};

}  // namespace minimax::apps
