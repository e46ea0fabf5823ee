// SPDX-License-Identifier: Apache-2.0
// Turns the source of a template into its tree. Whatever is not in the language of chat templates
// (include, import, extends ...) is refused here, with the line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace minimax::text::jinja {

/// Throws: Error{kCorruptFile} "line N: ..." for a template that breaks the grammar, names an
/// unknown tag, filter or test, is larger than 1 MiB or nests too deeply.
Ast parse(std::string_view source);

/// Recursive descent over the tokens. parse() is the entry; the members are spread over
/// parse_expression.cc and parse_statement.cc.
class Parser {
 public:
  explicit Parser(std::string_view source);

  Ast parse_template();

 private:
  class Nesting;
  enum class Conditions { kAllowed, kNotAllowed };

  // Tokens.
  const Token& peek() const { return current_; }
  const Token& look_ahead();
  Token take();
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view op);
  void expect_operator(std::string_view op);
  std::string expect_name(std::string_view what);
  void expect_block_end();
  Symbol symbol(const std::string& name);
  void count_node();

  // Expressions, loosest first.
  ExpressionPtr parse_expression();
  ExpressionPtr parse_tuple(Conditions conditions);
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  ExpressionPtr parse_chain(int level);
  ExpressionPtr parse_unary(bool with_filters);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_parenthesised();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_number(const Token& token);
  ExpressionPtr parse_string();
  ExpressionPtr parse_postfix(ExpressionPtr base, bool with_filters);
  bool parse_postfix_operation(std::vector<PostfixOperation>& operations);
  bool parse_filter_operation(std::vector<PostfixOperation>& operations);
  PostfixOperation parse_attribute();
  PostfixOperation parse_subscript();
  PostfixOperation parse_filter();
  PostfixOperation parse_test();
  bool test_argument_follows();
  CallArguments parse_call_arguments();
  void parse_argument(CallArguments& arguments);
  std::string parse_dotted_name();
  ExpressionPtr make(int line, Expression::Node node);

  // Statements.
  Block parse_block(std::initializer_list<std::string_view> ends);
  Block parse_body(std::string_view tag, int line);
  void parse_tag(Block& block);
  Statement::Node parse_statement(const std::string& tag, int line);
  Statement::Node parse_for(int line);
  Statement::Node parse_if(int line);
  Statement::Node parse_set(int line);
  Statement::Node parse_macro(int line);
  Statement::Node parse_call_block(int line);
  Statement::Node parse_filter_block(int line);
  Statement::Node parse_with(int line);
  Statement::Node parse_loop_control(const std::string& tag, int line);
  Statement::Node parse_print();
  Postfix parse_filter_chain();
  void parse_signature(Macro& macro);
  void parse_macro_body(Macro& macro, std::string_view tag, int line);
  Target parse_target(bool with_namespace);
  Target parse_single_target(bool with_namespace);
  [[noreturn]] void fail_unclosed(std::string_view tag, int line) const;

  Lexer lexer_;
  Token current_;
  Token next_;
  bool has_next_ = false;
  std::map<std::string, Symbol, std::less<>> symbols_;
  std::vector<std::string> names_;
  int depth_ = 0;
  int nodes_ = 0;
  int conditional_depth_ = 0;   // inside a condition an unknown filter fails only when reached
  int loop_depth_ = 0;          // loops around, within the innermost macro
  std::vector<Macro*> macros_;  // around
};

}  // namespace minimax::text::jinja
