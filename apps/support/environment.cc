// SPDX-License-Identifier: Apache-2.0
#include "support/environment.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdlib>

#include "support/exit_code.h"

namespace minimax::apps {
namespace {

std::string variable_of(const CLI::Option& option) {
  std::string name = "MINIMAX_";
  const std::vector<std::string>& long_names = option.get_lnames();
  for (const char c : long_names.empty() ? option.get_name() : long_names.front()) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace

std::string environment_value(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  return value == nullptr ? "" : value;
}

CLI::Option* Environment::bind(CLI::Option* option) {
  const std::string variable = variable_of(*option);
  option->description(fmt::format("{} [{}]", option->get_description(), variable));
  bindings_.push_back({option, variable});
  return option;
}

void Environment::apply() const {
  for (const Binding& binding : bindings_) {
    const std::string value = environment_value(binding.variable);
    if (binding.option->count() > 0 || value.empty()) {
      continue;
    }
    try {
      binding.option->add_result(value);
      binding.option->run_callback();
    } catch (const CLI::ParseError& error) {
      throw UsageError(fmt::format("environment variable {}: {}", binding.variable, error.what()));
    }
  }
}

}  // namespace minimax::apps
