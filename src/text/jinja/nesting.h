// SPDX-License-Identifier: Apache-2.0
// How deep the parser is, so that a hostile template cannot exhaust the stack.
#pragma once

#include <fmt/format.h>

#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace minimax::text::jinja {

/// One level, for as long as it lives. The limit keeps the parser within 256 KiB of stack.
class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) : parser_(parser) {
    if (++parser_.depth_ > kMaxDepth) {
      --parser_.depth_;
      fail_syntax(parser_.current_.line,
                  fmt::format("tags and expressions nest more than {} deep", kMaxDepth));
    }
  }
  ~Nesting() { --parser_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  static constexpr int kMaxDepth = 64;
  Parser& parser_;
};

}  // namespace minimax::text::jinja
