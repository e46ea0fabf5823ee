// SPDX-License-Identifier: Apache-2.0
// The expressions' side of the parser. The precedence is Jinja's: `~` binds tighter than `+`, a
// filter tighter than any operator, and `**` groups from the left.
#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/nesting.h"
#include "text/jinja/parser.h"

namespace minimax::text::jinja {
namespace {

struct OperatorSpelling {
  std::string_view spelling;
  Operator op;
};

constexpr OperatorSpelling kComparisons[] = {
    {"==", Operator::kEqual},     {"!=", Operator::kNotEqual}, {"<", Operator::kLess},
    {"<=", Operator::kLessEqual}, {">", Operator::kGreater},   {">=", Operator::kGreaterEqual},
};

struct ChainOperator {
  int level;  // a higher level binds tighter
  std::string_view spelling;
  Operator op;
};

constexpr ChainOperator kChainOperators[] = {
    {0, "+", Operator::kAdd},      {0, "-", Operator::kSubtract}, {1, "~", Operator::kConcatenate},
    {2, "*", Operator::kMultiply}, {2, "/", Operator::kDivide},   {2, "//", Operator::kFloorDivide},
    {2, "%", Operator::kModulo},   {3, "**", Operator::kPower},
};
constexpr int kTightestLevel = 3;

const ChainOperator* find_chain_operator(const Token& token, int level) {
  for (const ChainOperator& candidate : kChainOperators) {
    if (candidate.level == level && token.is_operator(candidate.spelling)) {
      return &candidate;
    }
  }
  return nullptr;
}

const OperatorSpelling* find_comparison(const Token& token) {
  for (const OperatorSpelling& candidate : kComparisons) {
    if (token.is_operator(candidate.spelling)) {
      return &candidate;
    }
  }
  return nullptr;
}

}  // namespace

ExpressionPtr Parser::make(int line, Expression::Node node) {
  count_node();
  return std::make_unique<Expression>(Expression{line, std::move(node)});
}

ExpressionPtr Parser::parse_expression() {
  const Nesting nesting(*this);
  const int line = peek().line;
  ExpressionPtr value = parse_or();
  if (!peek().is_name("if")) {
    return value;
  }
  Conditional conditional;
  while (skip_name("if")) {
    ++conditional_depth_;
    ExpressionPtr condition = parse_or();
    conditional.branches.push_back({std::move(condition), std::move(value)});
    value = skip_name("else") ? parse_or() : nullptr;
    --conditional_depth_;
    if (value == nullptr) {
      break;
    }
  }
  if (value != nullptr) {
    conditional.branches.push_back({nullptr, std::move(value)});
  }
  return make(line, std::move(conditional));
}

// One expression, or several with commas between them, which make a tuple.
ExpressionPtr Parser::parse_tuple(Conditions conditions) {
  const int line = peek().line;
  ListDisplay tuple{.items = {}, .is_tuple = true};
  bool has_comma = false;
  const auto ends = [&] {
    const Token& token = peek();
    return token.type == TokenType::kBlockEnd || token.type == TokenType::kVariableEnd ||
           token.is_operator(")") || token.is_name("recursive");
  };
  do {
    if (ends()) {
      break;
    }
    tuple.items.push_back(conditions == Conditions::kAllowed ? parse_expression() : parse_or());
    if (!peek().is_operator(",")) {
      break;
    }
    has_comma = true;
  } while (skip_operator(","));
  if (!has_comma && tuple.items.size() == 1) {
    return std::move(tuple.items[0]);
  }
  if (tuple.items.empty() && !peek().is_operator(")")) {
    fail_syntax(line, fmt::format("expected an expression, found {}", describe(peek())));
  }
  return make(line, std::move(tuple));
}

ExpressionPtr Parser::parse_or() {
  const int line = peek().line;
  ExpressionPtr first = parse_and();
  if (!peek().is_name("or")) {
    return first;
  }
  Logical logical{.is_and = false, .operands = {}};
  logical.operands.push_back(std::move(first));
  while (skip_name("or")) {
    logical.operands.push_back(parse_and());
  }
  return make(line, std::move(logical));
}

ExpressionPtr Parser::parse_and() {
  const int line = peek().line;
  ExpressionPtr first = parse_not();
  if (!peek().is_name("and")) {
    return first;
  }
  Logical logical{.is_and = true, .operands = {}};
  logical.operands.push_back(std::move(first));
  while (skip_name("and")) {
    logical.operands.push_back(parse_not());
  }
  return make(line, std::move(logical));
}

ExpressionPtr Parser::parse_not() {
  if (!peek().is_name("not")) {
    return parse_comparison();
  }
  const Nesting nesting(*this);
  const int line = take().line;
  return make(line, Unary{UnaryOperator::kNot, parse_not()});
}

ExpressionPtr Parser::parse_comparison() {
  const int line = peek().line;
  ExpressionPtr first = parse_chain(0);
  Comparison comparison;
  while (true) {
    Operator op = Operator::kIn;
    if (const OperatorSpelling* found = find_comparison(peek()); found != nullptr) {
      op = found->op;
    } else if (peek().is_name("not") && look_ahead().is_name("in")) {
      op = Operator::kNotIn;
      take();
    } else if (!peek().is_name("in")) {
      break;
    }
    take();
    comparison.rest.emplace_back(op, parse_chain(0));
  }
  if (comparison.rest.empty()) {
    return first;
  }
  comparison.first = std::move(first);
  return make(line, std::move(comparison));
}

// Operators of `level` and the tighter ones. One call does all levels, to spare the stack.
ExpressionPtr Parser::parse_chain(int level) {
  const int line = peek().line;
  ExpressionPtr first = parse_unary(true);
  for (int here = kTightestLevel; here >= level; --here) {
    const ChainOperator* found = find_chain_operator(peek(), here);
    if (found == nullptr) {
      continue;
    }
    Chain chain;
    chain.first = std::move(first);
    for (; found != nullptr; found = find_chain_operator(peek(), here)) {
      take();
      chain.rest.emplace_back(found->op, parse_chain(here + 1));
    }
    first = make(line, std::move(chain));
  }
  return first;
}

ExpressionPtr Parser::parse_unary(bool with_filters) {
  ExpressionPtr base;
  const int line = peek().line;
  if (peek().is_operator("-") || peek().is_operator("+")) {
    const Nesting nesting(*this);
    const bool is_minus = take().is_operator("-");
    base = make(line,
                Unary{is_minus ? UnaryOperator::kMinus : UnaryOperator::kPlus, parse_unary(false)});
  } else {
    base = parse_primary();
  }
  return parse_postfix(std::move(base), with_filters);
}

ExpressionPtr Parser::parse_primary() {
  const int line = peek().line;
  if (peek().type == TokenType::kString) {
    return parse_string();
  }
  if (skip_operator("(")) {
    return parse_parenthesised();
  }
  if (skip_operator("[")) {
    return parse_list();
  }
  if (skip_operator("{")) {
    return parse_dict();
  }
  const bool is_number = peek().type == TokenType::kInteger || peek().type == TokenType::kFloat;
  if (!is_number && peek().type != TokenType::kName) {
    fail_syntax(line, fmt::format("expected an expression, found {}", describe(peek())));
  }
  const Token token = take();
  if (is_number) {
    return parse_number(token);
  }
  const std::string& name = token.text;
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    return make(line, Literal{name == "true" || name == "True", nullptr});
  }
  if (name == "none" || name == "None") {
    return make(line, Literal{None{}, nullptr});
  }
  for (Macro* macro : macros_) {
    macro->uses_caller |= name == "caller";
    macro->uses_varargs |= name == "varargs";
    macro->uses_kwargs |= name == "kwargs";
  }
  return make(line, Name{symbol(name)});
}

ExpressionPtr Parser::parse_parenthesised() {
  const Nesting nesting(*this);
  ExpressionPtr inner = parse_tuple(Conditions::kAllowed);
  expect_operator(")");
  return inner;
}

ExpressionPtr Parser::parse_list() {
  const int line = peek().line;
  ListDisplay list;
  while (!skip_operator("]")) {
    if (!list.items.empty()) {
      expect_operator(",");
      if (skip_operator("]")) {
        break;
      }
    }
    list.items.push_back(parse_expression());
  }
  return make(line, std::move(list));
}

ExpressionPtr Parser::parse_dict() {
  const int line = peek().line;
  DictDisplay dict;
  while (!skip_operator("}")) {
    if (!dict.entries.empty()) {
      expect_operator(",");
      if (skip_operator("}")) {
        break;
      }
    }
    ExpressionPtr key = parse_expression();
    expect_operator(":");
    dict.entries.emplace_back(std::move(key), parse_expression());
  }
  return make(line, std::move(dict));
}

ExpressionPtr Parser::parse_number(const Token& token) {
  const std::string& digits = token.text;
  if (token.type == TokenType::kFloat) {
    return make(token.line, Literal{parse_double(digits).value_or(0), nullptr});
  }
  const char kind = digits.size() > 1 ? static_cast<char>(digits[1] | 0x20) : '0';
  const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
  std::int64_t value = 0;
  const char* begin = digits.data() + (base == 10 ? 0 : 2);
  const auto result = std::from_chars(begin, digits.data() + digits.size(), value, base);
  if (result.ec != std::errc()) {
    fail_syntax(token.line, "an integer does not fit 64 bits");
  }
  return make(token.line, Literal{value, nullptr});
}

// Neighbouring string literals are one string.
ExpressionPtr Parser::parse_string() {
  Token token = take();
  while (peek().type == TokenType::kString) {
    token.text += take().text;
  }
  auto storage = std::make_unique<StringConstant>(std::move(token.text));
  const Text* text = &storage->text;
  return make(token.line, Literal{text, std::move(storage)});
}

ExpressionPtr Parser::parse_postfix(ExpressionPtr base, bool with_filters) {
  const int line = base->line;
  Postfix postfix;
  while (parse_postfix_operation(postfix.operations)) {
  }
  while (with_filters && parse_filter_operation(postfix.operations)) {
  }
  if (postfix.operations.empty()) {
    return base;
  }
  postfix.base = std::move(base);
  return make(line, std::move(postfix));
}

bool Parser::parse_postfix_operation(std::vector<PostfixOperation>& operations) {
  if (skip_operator(".")) {
    operations.push_back(parse_attribute());
  } else if (skip_operator("[")) {
    operations.push_back(parse_subscript());
  } else if (skip_operator("(")) {
    operations.push_back(Call{parse_call_arguments()});
  } else {
    return false;
  }
  count_node();
  return true;
}

bool Parser::parse_filter_operation(std::vector<PostfixOperation>& operations) {
  if (skip_operator("|")) {
    operations.push_back(parse_filter());
  } else if (skip_name("is")) {
    operations.push_back(parse_test());
  } else if (skip_operator("(")) {
    operations.push_back(Call{parse_call_arguments()});
  } else {
    return false;
  }
  count_node();
  return true;
}

PostfixOperation Parser::parse_attribute() {
  const Token token = take();
  if (token.type == TokenType::kInteger) {
    return Subscript{parse_number(token)};
  }
  if (token.type != TokenType::kName) {
    fail_syntax(token.line, fmt::format("expected a name behind '.', found {}", describe(token)));
  }
  return Attribute{token.text, std::make_unique<StringConstant>(token.text)};
}

PostfixOperation Parser::parse_subscript() {
  Slice slice;
  if (!peek().is_operator(":")) {
    slice.start = parse_expression();
    if (skip_operator("]")) {
      return Subscript{std::move(slice.start)};
    }
  }
  expect_operator(":");
  const auto ends = [&] { return peek().is_operator("]") || peek().is_operator(":"); };
  if (!ends()) {
    slice.stop = parse_expression();
  }
  if (skip_operator(":") && !ends()) {
    slice.step = parse_expression();
  }
  expect_operator("]");
  return slice;
}

std::string Parser::parse_dotted_name() {
  std::string name = expect_name("a name");
  while (skip_operator(".")) {
    name += '.';
    name += expect_name("a name");
  }
  return name;
}

PostfixOperation Parser::parse_filter() {
  const int line = peek().line;
  Filter filter;
  filter.name = parse_dotted_name();
  filter.function = find_filter(filter.name);
  if (filter.function == nullptr && conditional_depth_ == 0) {
    fail_syntax(line, fmt::format("unknown filter '{}'", filter.name));
  }
  if (skip_operator("(")) {
    filter.arguments = parse_call_arguments();
  }
  return filter;
}

// `x is divisibleby 3`: one argument may follow without parentheses.
bool Parser::test_argument_follows() {
  const Token& token = peek();
  switch (token.type) {
    case TokenType::kName:
      return token.text != "else" && token.text != "or" && token.text != "and";
    case TokenType::kString:
    case TokenType::kInteger:
    case TokenType::kFloat:
      return true;
    default:
      return token.is_operator("[") || token.is_operator("{");
  }
}

PostfixOperation Parser::parse_test() {
  const int line = peek().line;
  Test test;
  test.is_negated = skip_name("not");
  test.name = parse_dotted_name();
  test.function = find_test(test.name);
  if (test.function == nullptr && conditional_depth_ == 0) {
    fail_syntax(line, fmt::format("unknown test '{}'", test.name));
  }
  if (skip_operator("(")) {
    test.arguments = parse_call_arguments();
  } else if (test_argument_follows()) {
    if (peek().is_name("is")) {
      fail_syntax(line, "tests cannot be chained with 'is'");
    }
    const Nesting nesting(*this);
    test.arguments.positional.push_back(parse_postfix(parse_primary(), false));
  }
  return test;
}

CallArguments Parser::parse_call_arguments() {
  const Nesting nesting(*this);
  CallArguments arguments;
  bool is_first = true;
  while (!skip_operator(")")) {
    if (!is_first) {
      expect_operator(",");
      if (skip_operator(")")) {
        break;
      }
    }
    is_first = false;
    parse_argument(arguments);
  }
  return arguments;
}

void Parser::parse_argument(CallArguments& arguments) {
  const int line = peek().line;
  if (skip_operator("**")) {
    arguments.unpacked_named = parse_expression();
  } else if (skip_operator("*")) {
    arguments.unpacked = parse_expression();
  } else if (peek().type == TokenType::kName && look_ahead().is_operator("=")) {
    std::string name = take().text;
    take();
    arguments.named.emplace_back(std::move(name), parse_expression());
  } else {
    if (!arguments.named.empty() || arguments.unpacked_named != nullptr) {
      fail_syntax(line, "a positional argument follows a named one");
    }
    arguments.positional.push_back(parse_expression());
  }
}

}  // namespace minimax::text::jinja
