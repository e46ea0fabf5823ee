// SPDX-License-Identifier: Apache-2.0
// The tokens' side of the parser.
#include "text/jinja/parser.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace minimax::text::jinja {
namespace {

constexpr std::size_t kMaxSourceBytes = 1 << 20;
constexpr int kMaxNodes = 100'000;  // some 20 MiB

}  // namespace

Ast parse(std::string_view source) { return Parser(source).parse_template(); }

Parser::Parser(std::string_view source) : lexer_(source.substr(0, kMaxSourceBytes)) {
  base::check(source.size() <= kMaxSourceBytes, ErrorCode::kCorruptFile, [&] {
    return fmt::format("line 1: expected a template of at most {} bytes, found {}", kMaxSourceBytes,
                       source.size());
  });
  current_ = lexer_.next();
}

Ast Parser::parse_template() {
  Ast ast;
  ast.body = parse_block({});
  ast.names = std::move(names_);
  return ast;
}

const Token& Parser::look_ahead() {
  if (!has_next_) {
    next_ = lexer_.next();
    has_next_ = true;
  }
  return next_;
}

Token Parser::take() {
  Token token = std::move(current_);
  current_ = has_next_ ? std::move(next_) : lexer_.next();
  has_next_ = false;
  return token;
}

bool Parser::skip_name(std::string_view name) {
  if (!current_.is_name(name)) {
    return false;
  }
  take();
  return true;
}

bool Parser::skip_operator(std::string_view op) {
  if (!current_.is_operator(op)) {
    return false;
  }
  take();
  return true;
}

void Parser::expect_operator(std::string_view op) {
  if (!skip_operator(op)) {
    fail_syntax(current_.line, fmt::format("expected '{}', found {}", op, describe(current_)));
  }
}

std::string Parser::expect_name(std::string_view what) {
  if (current_.type != TokenType::kName) {
    fail_syntax(current_.line, fmt::format("expected {}, found {}", what, describe(current_)));
  }
  return take().text;
}

void Parser::expect_block_end() {
  if (current_.type != TokenType::kBlockEnd) {
    fail_syntax(current_.line, fmt::format("expected '%}}', found {}", describe(current_)));
  }
  take();
}

Symbol Parser::symbol(const std::string& name) {
  const auto [it, is_new] = symbols_.try_emplace(name, static_cast<Symbol>(names_.size()));
  if (is_new) {
    names_.push_back(name);
  }
  return it->second;
}

void Parser::count_node() {
  if (++nodes_ > kMaxNodes) {
    fail_syntax(current_.line, fmt::format("the template has more than {} parts", kMaxNodes));
  }
}

}  // namespace minimax::text::jinja
