// SPDX-License-Identifier: Apache-2.0
// Runs a parsed template. One interpreter renders once.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"
#include "text/jinja/scope.h"
#include "text/jinja/sequence.h"

namespace minimax::text::jinja {

/// A loop that runs, which templates know as `loop`.
struct Loop {
  Loop(Heap& heap, const Value& iterable) : cursor(heap, iterable), source(iterable) {}

  Cursor cursor;
  Value source;
  const For* statement = nullptr;
  Scope* scope = nullptr;  // around the loop
  std::int64_t index0 = -1;
  std::int64_t depth0 = 0;
  std::int64_t length = -1;  // not known yet
  Value previous;
  Value current;
  Value following;
  bool has_following = false;  // already taken from the cursor
  bool has_changed_before = false;
  Value last_changed;
};

class Interpreter final : public Runtime {
 public:
  /// `ast` must outlive the interpreter.
  Interpreter(const Ast& ast, const Limits& limits, const std::tm& now);

  /// Requires: before render().
  void define(std::string_view name, const Value& value);

  /// The output of the template. Lives as long as the interpreter.
  /// Throws: Error{kInvalidArgument} "line N: ..." for what the template does wrong, RaisedError
  /// for raise_exception, Error{kUnsupported} for an exceeded budget.
  const Text& render();

  Value call(const Value& callable, const Arguments& arguments) override;

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class Capture;
  class ScopeChange;

  // Statements.
  Flow run(const Block& block);
  Flow run(const Statement& statement);
  Flow execute(const Data& data);
  Flow execute(const Output& output);
  Flow execute(const For& statement);
  Flow execute(const If& statement);
  Flow execute(const Set& statement);
  Flow execute(const SetBlock& statement);
  Flow execute(const std::unique_ptr<Macro>& macro);
  Flow execute(const CallBlock& statement);
  Flow execute(const FilterBlock& statement);
  Flow execute(const With& statement);
  Flow execute(const Generation& statement);
  Flow execute(const Break&) { return Flow::kBreak; }
  Flow execute(const Continue&) { return Flow::kContinue; }
  Flow run_loop(Loop& loop);
  bool advance(Loop& loop, Value& item);
  bool next_item(Loop& loop, Value& item);
  bool peek_following(Loop& loop);
  std::int64_t loop_length(Loop& loop);
  void assign(const Target& target, const Value& value);
  void assign_tuple(const Target& target, const Value& value);
  const Text* render_block(const Block& block, Scope& scope);
  Flow run_inner(const Block& block);

  // Expressions.
  Value evaluate(const Expression& expression);
  Value evaluate(const Literal& literal) { return literal.value; }
  Value evaluate(const Name& name);
  Value evaluate(const ListDisplay& display);
  Value evaluate(const DictDisplay& display);
  Value evaluate(const Chain& chain);
  Value evaluate(const Comparison& comparison);
  Value evaluate(const Logical& logical);
  Value evaluate(const Unary& unary);
  Value evaluate(const Conditional& conditional);
  Value evaluate(const Postfix& postfix);
  Value apply_all(Value subject, std::span<const PostfixOperation> operations);
  Value apply_postfix(const Value& subject, const Attribute& attribute);
  Value apply_postfix(const Value& subject, const Subscript& subscript);
  Value apply_postfix(const Value& subject, const Slice& slice);
  Value apply_postfix(const Value& subject, const Call& call_operation);
  Value apply_postfix(const Value& subject, const Filter& filter);
  Value apply_postfix(const Value& subject, const Test& test);
  Arguments evaluate(const CallArguments& arguments);
  void unpack_named(const Value& mapping, Arguments& arguments);
  std::optional<std::int64_t> evaluate_bound(const ExpressionPtr& bound);

  // Calls.
  Value call_macro(const Callable& macro, const Arguments& arguments);
  void bind_parameters(const Macro& macro, const Arguments& arguments, Scope& scope);
  void bind_extras(const Macro& macro, const Arguments& arguments, Scope& scope);
  Value call_loop(Loop& loop, const Arguments& arguments);
  Value loop_attribute(Loop& loop, std::string_view name) override;
  Value make_callable(const Macro& macro);

  Symbol symbol_of(std::string_view name) const;

  const Ast& ast_;
  std::vector<Value> globals_;    // by Symbol
  std::vector<char> has_global_;  // by Symbol
  Symbol loop_symbol_;
  Symbol caller_symbol_;
  Symbol varargs_symbol_;
  Symbol kwargs_symbol_;
  Scope* scope_ = nullptr;  // null at the top, where names are globals
  TextBuilder* out_ = nullptr;
  int line_ = 1;
};

}  // namespace minimax::text::jinja
