// SPDX-License-Identifier: Apache-2.0
// How --help looks: options in two columns, descriptions wrapped, defaults and duties in words.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace minimax::apps {

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override;
};

/// `text` in lines of at most `width` characters, broken at spaces and joined by a line end and
/// `indent` spaces.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace minimax::apps
