// SPDX-License-Identifier: Apache-2.0
// The statements' side of the parser: what stands between {% and %}.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "text/jinja/builtins.h"
#include "text/jinja/nesting.h"
#include "text/jinja/parser.h"

namespace minimax::text::jinja {

void Parser::fail_unclosed(std::string_view tag, int line) const {
  fail_syntax(line, fmt::format("'{}' is not closed by 'end{}'", tag, tag));
}

// Statements up to a tag named in `ends`, whose name is then the current token, or up to the end
// of the template where `ends` is empty.
Block Parser::parse_block(std::initializer_list<std::string_view> ends) {
  const Nesting nesting(*this);
  Block block;
  while (peek().type != TokenType::kEnd) {
    const int line = peek().line;
    if (peek().type == TokenType::kData) {
      block.push_back({line, Data{take().text}});
    } else if (peek().type == TokenType::kVariableBegin) {
      take();
      Output output;
      output.values.push_back(parse_tuple(Conditions::kAllowed));
      if (peek().type != TokenType::kVariableEnd) {
        fail_syntax(peek().line, fmt::format("expected '}}}}', found {}", describe(peek())));
      }
      take();
      block.push_back({line, std::move(output)});
    } else {
      take();
      if (std::ranges::find(ends, peek().text) != ends.end() && peek().type == TokenType::kName) {
        return block;
      }
      parse_tag(block);
    }
    count_node();
  }
  return block;
}

// The body of `tag` up to its end tag.
Block Parser::parse_body(std::string_view tag, int line) {
  const std::string end = fmt::format("end{}", tag);
  Block block = parse_block({end});
  if (!skip_name(end)) {
    fail_unclosed(tag, line);
  }
  return block;
}

void Parser::parse_tag(Block& block) {
  const int line = peek().line;
  const std::string tag = expect_name("a tag");
  block.push_back({line, parse_statement(tag, line)});
  expect_block_end();
}

Statement::Node Parser::parse_statement(const std::string& tag, int line) {
  if (tag == "for") {
    return parse_for(line);
  }
  if (tag == "if") {
    return parse_if(line);
  }
  if (tag == "set") {
    return parse_set(line);
  }
  if (tag == "macro") {
    return parse_macro(line);
  }
  if (tag == "call") {
    return parse_call_block(line);
  }
  if (tag == "filter") {
    return parse_filter_block(line);
  }
  if (tag == "with") {
    return parse_with(line);
  }
  if (tag == "break" || tag == "continue") {
    return parse_loop_control(tag, line);
  }
  if (tag == "print") {
    return parse_print();
  }
  if (tag == "generation") {
    expect_block_end();
    return Generation{parse_body(tag, line)};
  }
  fail_syntax(line, fmt::format("unknown tag '{}'", base::printable(tag, 40)));
}

Statement::Node Parser::parse_for(int line) {
  For loop;
  loop.target = parse_target(false);
  if (!skip_name("in")) {
    fail_syntax(peek().line, fmt::format("expected 'in', found {}", describe(peek())));
  }
  loop.iterable = parse_tuple(Conditions::kNotAllowed);
  if (skip_name("if")) {
    loop.condition = parse_expression();
  }
  loop.is_recursive = skip_name("recursive");
  expect_block_end();
  ++loop_depth_;
  loop.body = parse_block({"endfor", "else"});
  --loop_depth_;
  if (skip_name("else")) {
    expect_block_end();
    loop.otherwise = parse_block({"endfor"});
  }
  if (!skip_name("endfor")) {
    fail_unclosed("for", line);
  }
  return loop;
}

Statement::Node Parser::parse_if(int line) {
  If statement;
  ++conditional_depth_;
  bool has_more = true;
  while (has_more) {
    If::Branch branch;
    branch.condition = parse_tuple(Conditions::kNotAllowed);
    expect_block_end();
    branch.body = parse_block({"elif", "else", "endif"});
    statement.branches.push_back(std::move(branch));
    has_more = skip_name("elif");
  }
  if (skip_name("else")) {
    expect_block_end();
    statement.branches.push_back({nullptr, parse_block({"endif"})});
  }
  if (!skip_name("endif")) {
    fail_unclosed("if", line);
  }
  --conditional_depth_;
  return statement;
}

Statement::Node Parser::parse_set(int line) {
  Target target = parse_target(true);
  if (skip_operator("=")) {
    return Set{std::move(target), parse_tuple(Conditions::kAllowed)};
  }
  SetBlock block;
  block.target = std::move(target);
  if (skip_operator("|")) {
    block.filters = parse_filter_chain();
  }
  expect_block_end();
  block.body = parse_body("set", line);
  return block;
}

Target Parser::parse_single_target(bool with_namespace) {
  const Nesting nesting(*this);
  const int line = peek().line;
  if (skip_operator("(")) {
    Target inner = parse_target(with_namespace);
    expect_operator(")");
    return inner;
  }
  const std::string name = expect_name("a name to assign to");
  constexpr std::string_view kReserved[] = {"true",  "false", "none", "True",
                                            "False", "None",  "loop"};
  if (std::ranges::find(kReserved, name) != std::end(kReserved)) {
    fail_syntax(line, fmt::format("'{}' cannot be assigned to", name));
  }
  Target target;
  target.symbol = symbol(name);
  if (with_namespace && skip_operator(".")) {
    target.attribute = expect_name("a name behind '.'");
  }
  return target;
}

Target Parser::parse_target(bool with_namespace) {
  Target first = parse_single_target(with_namespace);
  if (!peek().is_operator(",")) {
    return first;
  }
  Target tuple;
  tuple.elements.push_back(std::move(first));
  while (skip_operator(",")) {
    if (peek().type != TokenType::kName && !peek().is_operator("(")) {
      break;
    }
    if (peek().is_name("in")) {
      break;
    }
    tuple.elements.push_back(parse_single_target(with_namespace));
  }
  return tuple;
}

void Parser::parse_signature(Macro& macro) {
  expect_operator("(");
  while (!skip_operator(")")) {
    if (!macro.parameters.empty()) {
      expect_operator(",");
    }
    const int line = peek().line;
    Parameter parameter;
    parameter.name = expect_name("the name of a parameter");
    parameter.symbol = symbol(parameter.name);
    if (skip_operator("=")) {
      parameter.fallback = parse_expression();
    } else if (!macro.parameters.empty() && macro.parameters.back().fallback != nullptr) {
      fail_syntax(line, fmt::format("parameter '{}' without a default follows one with a default",
                                    parameter.name));
    }
    macro.parameters.push_back(std::move(parameter));
  }
}

void Parser::parse_macro_body(Macro& macro, std::string_view tag, int line) {
  expect_block_end();
  macros_.push_back(&macro);
  const int loops_around = std::exchange(loop_depth_, 0);
  macro.body = parse_body(tag, line);
  loop_depth_ = loops_around;
  macros_.pop_back();
}

Statement::Node Parser::parse_macro(int line) {
  auto macro = std::make_unique<Macro>();
  macro->name = expect_name("the name of the macro");
  macro->symbol = symbol(macro->name);
  parse_signature(*macro);
  parse_macro_body(*macro, "macro", line);
  return macro;
}

Statement::Node Parser::parse_call_block(int line) {
  CallBlock block;
  block.body = std::make_unique<Macro>();
  block.body->name = "caller";
  if (peek().is_operator("(")) {
    parse_signature(*block.body);
  }
  block.call = parse_expression();
  const auto* postfix = std::get_if<Postfix>(&block.call->node);
  if (postfix == nullptr || !std::holds_alternative<Call>(postfix->operations.back())) {
    fail_syntax(line, "expected a call behind 'call'");
  }
  parse_macro_body(*block.body, "call", line);
  return block;
}

// One filter or more.
Postfix Parser::parse_filter_chain() {
  Postfix chain;
  do {
    chain.operations.push_back(parse_filter());
  } while (skip_operator("|"));
  return chain;
}

Statement::Node Parser::parse_filter_block(int line) {
  FilterBlock block;
  block.filters = parse_filter_chain();
  expect_block_end();
  block.body = parse_body("filter", line);
  return block;
}

Statement::Node Parser::parse_with(int line) {
  With with;
  while (peek().type != TokenType::kBlockEnd) {
    if (!with.bindings.empty()) {
      expect_operator(",");
    }
    Target target = parse_single_target(false);
    expect_operator("=");
    with.bindings.emplace_back(std::move(target), parse_expression());
  }
  expect_block_end();
  with.body = parse_body("with", line);
  return with;
}

Statement::Node Parser::parse_loop_control(const std::string& tag, int line) {
  if (loop_depth_ == 0) {
    fail_syntax(line, fmt::format("'{}' stands outside of a loop", tag));
  }
  if (tag == "break") {
    return Break{};
  }
  return Continue{};
}

Statement::Node Parser::parse_print() {
  Output output;
  while (peek().type != TokenType::kBlockEnd) {
    if (!output.values.empty()) {
      expect_operator(",");
    }
    output.values.push_back(parse_expression());
  }
  return output;
}

}  // namespace minimax::text::jinja
