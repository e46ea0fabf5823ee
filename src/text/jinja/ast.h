// SPDX-License-Identifier: Apache-2.0
// What a template says, as a tree. Chains of operators of one precedence, of postfix operations and
// of conditions are flat, so that the depth of the tree is the nesting that the author wrote.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/value.h"

namespace minimax::text::jinja {

struct Arguments;
class Runtime;

/// A filter or test: gets the value on the left and the arguments in parentheses.
using Builtin = Value (*)(Runtime& runtime, const Value& subject, const Arguments& arguments);

/// The number of a variable's name in Template::names.
using Symbol = int;

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct StringConstant {
  explicit StringConstant(std::string from) : bytes(std::move(from)) { text.bytes = bytes; }
  StringConstant(const StringConstant&) = delete;
  StringConstant& operator=(const StringConstant&) = delete;
  ~StringConstant() = default;

  std::string bytes;
  Text text;
};

struct Literal {
  Value value;
  std::unique_ptr<StringConstant> storage;  // of a string
};

struct Name {
  Symbol symbol = 0;
};

struct ListDisplay {
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
};

struct DictDisplay {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};

enum class Operator {
  kAdd,
  kSubtract,
  kConcatenate,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

/// first op operand op operand ..., from the left.
struct Chain {
  ExpressionPtr first;
  std::vector<std::pair<Operator, ExpressionPtr>> rest;
};

/// a < b < c: every neighbouring pair must hold.
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<Operator, ExpressionPtr>> rest;
};

/// The value of the operand that decides, as in Python.
struct Logical {
  bool is_and = false;
  std::vector<ExpressionPtr> operands;
};

enum class UnaryOperator { kNot, kMinus, kPlus };

struct Unary {
  UnaryOperator op = UnaryOperator::kNot;
  ExpressionPtr operand;
};

/// value if condition else (value if condition else ...): the last branch may lack a condition.
struct Conditional {
  struct Branch {
    ExpressionPtr condition;  // null: always
    ExpressionPtr value;
  };
  std::vector<Branch> branches;
};

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr unpacked;        // *expression
  ExpressionPtr unpacked_named;  // **expression
};

struct Attribute {
  std::string name;
  std::unique_ptr<StringConstant> key;
};
struct Subscript {
  ExpressionPtr index;
};
struct Slice {
  ExpressionPtr start;  // each may be null
  ExpressionPtr stop;
  ExpressionPtr step;
};
struct Call {
  CallArguments arguments;
};
struct Filter {
  std::string name;
  Builtin function = nullptr;  // null: unknown, an error when it is reached
  CallArguments arguments;
};
struct Test {
  std::string name;
  Builtin function = nullptr;
  CallArguments arguments;
  bool is_negated = false;
};
using PostfixOperation = std::variant<Attribute, Subscript, Slice, Call, Filter, Test>;

struct Postfix {
  ExpressionPtr base;  // null in a filter block, whose subject is the text of its body
  std::vector<PostfixOperation> operations;
};

struct Expression {
  using Node = std::variant<Literal, Name, ListDisplay, DictDisplay, Chain, Comparison, Logical,
                            Unary, Conditional, Postfix>;
  int line = 1;
  Node node;
};

struct Statement;
using Block = std::vector<Statement>;

/// A name, `namespace.attribute`, or a tuple of targets.
struct Target {
  Symbol symbol = 0;
  std::string attribute;         // empty: the name itself
  std::vector<Target> elements;  // not empty: a tuple
};

struct Data {
  std::string text;
};
struct Output {
  std::vector<ExpressionPtr> values;
};
struct For {
  Target target;
  ExpressionPtr iterable;
  ExpressionPtr condition;  // may be null
  Block body;
  Block otherwise;
  bool is_recursive = false;
};
struct If {
  struct Branch {
    ExpressionPtr condition;  // null: else
    Block body;
  };
  std::vector<Branch> branches;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  Postfix filters;
  Block body;
};
struct Parameter {
  Symbol symbol = 0;
  std::string name;
  ExpressionPtr fallback;  // may be null
};
/// A macro, or the body of a call block.
struct Macro {
  std::string name;
  Symbol symbol = 0;
  std::vector<Parameter> parameters;
  Block body;
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};
struct CallBlock {
  ExpressionPtr call;  // a Postfix that ends in a Call
  std::unique_ptr<Macro> body;
};
struct FilterBlock {
  Postfix filters;
  Block body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> bindings;
  Block body;
};
struct Generation {
  Block body;
};
struct Break {};
struct Continue {};

struct Statement {
  using Node = std::variant<Data, Output, For, If, Set, SetBlock, std::unique_ptr<Macro>, CallBlock,
                            FilterBlock, With, Generation, Break, Continue>;
  int line = 1;
  Node node;
};

/// A parsed template.
struct Ast {
  Block body;
  std::vector<std::string> names;  // by Symbol
};

}  // namespace minimax::text::jinja
