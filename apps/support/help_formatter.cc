// SPDX-License-Identifier: Apache-2.0
#include "support/help_formatter.h"

#include <fmt/format.h>

#include <algorithm>

namespace minimax::apps {
namespace {

constexpr std::size_t kColumn = 28;  // where descriptions begin
constexpr std::size_t kWidth = 96;

std::string left_column(const CLI::Option& option, bool is_positional) {
  if (is_positional) {
    return option.get_name(true, false);
  }
  std::string text = option.get_name(false, true);
  std::replace(text.begin(), text.end(), ',', ' ');
  return option.get_type_size() == 0 ? text : text + " " + option.get_type_name();
}

std::string right_column(const CLI::Option& option) {
  std::string text = option.get_description();
  if (option.get_required()) {
    text += " (required)";
  } else if (!option.get_default_str().empty()) {
    text += fmt::format(" (default: {})", option.get_default_str());
  }
  return text;
}

}  // namespace

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  while (text.size() > width) {
    std::size_t end = text.rfind(' ', width);
    if (end == std::string_view::npos || end == 0) {
      end = text.find(' ');
    }
    if (end == std::string_view::npos) {
      break;
    }
    out += fmt::format("{}\n{:{}}", text.substr(0, end), "", indent);
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  const std::string left = left_column(*option, is_positional);
  const std::string right = wrap(right_column(*option), kWidth - kColumn, kColumn);
  const std::string gap = left.size() + 4 > kColumn ? fmt::format("\n{:{}}", "", kColumn)
                                                    : std::string(kColumn - 2 - left.size(), ' ');
  return fmt::format("  {}{}{}\n", left, gap, right);
}

std::string HelpFormatter::make_group(std::string group, bool is_positional,
                                      std::vector<const CLI::Option*> options) const {
  // The base class puts an empty line between groups, but not in front of the first one.
  const bool is_first = is_positional || group == "Options";
  std::string text = fmt::format("{}{}:\n", is_first ? "\n" : "", group);
  for (const CLI::Option* option : options) {
    text += make_option(option, is_positional);
  }
  return text;
}

}  // namespace minimax::apps
