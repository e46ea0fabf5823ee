// SPDX-License-Identifier: Apache-2.0
// Cuts a template into tokens, one at a time, with the white space rules that chat templates are
// written for: trim_blocks and lstrip_blocks on, the last newline of the file dropped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace minimax::text::jinja {

enum class TokenType {
  kData,  // text outside of tags
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenType type = TokenType::kEnd;
  std::string text;  // escapes decoded; a number as written without underscores
  int line = 1;

  bool is_operator(std::string_view spelling) const {
    return type == TokenType::kOperator && text == spelling;
  }
  bool is_name(std::string_view spelling) const {
    return type == TokenType::kName && text == spelling;
  }
};

/// The token as a message shows it.
std::string describe(const Token& token);

/// Throws Error{kCorruptFile} "line N: ...".
[[noreturn]] void fail_syntax(int line, const std::string& message);

class Lexer {
 public:
  explicit Lexer(std::string_view source);

  /// The next token; kEnd for ever after the last one.
  /// Throws: Error{kCorruptFile} naming the line.
  Token next();

 private:
  enum class Mode { kRoot, kBlock, kVariable };

  void lex_root();
  std::size_t find_tag() const;
  void take_data(std::size_t tag);
  bool take_raw(std::size_t tag);
  std::size_t match_bare_tag(std::size_t tag, std::string_view word) const;
  void skip_comment(std::size_t tag);
  void skip_tag_end(std::size_t sign_length);
  std::string_view data_before(std::size_t tag) const;

  Token lex_code();
  bool lex_tag_end(Token& token);
  void lex_number(Token& token);
  void lex_string(Token& token);
  void lex_operator(Token& token);

  char at(std::size_t position) const {
    return position < source_.size() ? source_[position] : '\0';
  }
  bool starts_with(std::size_t position, std::string_view text) const {
    return std::string_view(source_).substr(std::min(position, source_.size())).starts_with(text);
  }
  void advance_to(std::size_t position);
  void skip_space();

  std::string source_;
  std::size_t position_ = 0;
  int line_ = 1;
  Mode mode_ = Mode::kRoot;
  std::string brackets_;     // the closing brackets that are due
  std::deque<Token> ready_;  // found but not handed out
};

}  // namespace minimax::text::jinja
