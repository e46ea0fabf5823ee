// SPDX-License-Identifier: Apache-2.0
// The statements.
#include "text/jinja/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/capture.h"
#include "text/jinja/format.h"

namespace minimax::text::jinja {

Interpreter::Interpreter(const Ast& ast, const Limits& limits, const std::tm& now)
    : Runtime(limits, now),
      ast_(ast),
      globals_(ast.names.size()),
      has_global_(ast.names.size()),
      loop_symbol_(symbol_of("loop")),
      caller_symbol_(symbol_of("caller")),
      varargs_symbol_(symbol_of("varargs")),
      kwargs_symbol_(symbol_of("kwargs")) {}

Symbol Interpreter::symbol_of(std::string_view name) const {
  const auto it = std::ranges::find(ast_.names, name);
  return it == ast_.names.end() ? -1 : static_cast<Symbol>(it - ast_.names.begin());
}

void Interpreter::define(std::string_view name, const Value& value) {
  const Symbol symbol = symbol_of(name);
  if (symbol >= 0) {
    globals_[static_cast<std::size_t>(symbol)] = value;
    has_global_[static_cast<std::size_t>(symbol)] = 1;
  }
}

const Text& Interpreter::render() {
  TextBuilder out(heap());
  out_ = &out;
  try {
    run(ast_.body);
  } catch (const RaisedError&) {
    throw;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("line {}: {}", line_, error.what()));
  }
  return *out.finish();
}

Interpreter::Flow Interpreter::run(const Block& block) {
  const DepthGuard guard(heap());
  for (const Statement& statement : block) {
    if (const Flow flow = run(statement); flow != Flow::kNext) {
      return flow;
    }
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::run(const Statement& statement) {
  heap().spend_steps();
  line_ = statement.line;
  return std::visit([this](const auto& node) { return execute(node); }, statement.node);
}

// Runs a block in a scope of its own.
Interpreter::Flow Interpreter::run_inner(const Block& block) {
  const ScopeChange change(*this, heap().make<Scope>(heap(), scope_));
  return run(block);
}

// The output of a block that runs in `scope`.
const Text* Interpreter::render_block(const Block& block, Scope& scope) {
  Capture capture(*this);
  const ScopeChange change(*this, &scope);
  run(block);
  return capture.finish();
}

Interpreter::Flow Interpreter::execute(const Data& data) {
  out_->append(data.text);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Output& output) {
  for (const ExpressionPtr& expression : output.values) {
    append_str(heap(), *out_, evaluate(*expression));
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const If& statement) {
  for (const If::Branch& branch : statement.branches) {
    if (branch.condition == nullptr || truthy(evaluate(*branch.condition))) {
      return run(branch.body);
    }
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Set& statement) {
  assign(statement.target, evaluate(*statement.value));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const SetBlock& statement) {
  const Value text = render_block(statement.body, *heap().make<Scope>(heap(), scope_));
  assign(statement.target, apply_all(text, statement.filters.operations));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const std::unique_ptr<Macro>& macro) {
  const Value callable = make_callable(*macro);
  Target target;
  target.symbol = macro->symbol;
  assign(target, callable);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const CallBlock& statement) {
  const auto& postfix = std::get<Postfix>(statement.call->node);
  const std::span<const PostfixOperation> all(postfix.operations);
  const Value callee = apply_all(evaluate(*postfix.base), all.first(all.size() - 1));
  Arguments arguments = evaluate(std::get<Call>(all.back()).arguments);
  arguments.named.emplace_back("caller", make_callable(*statement.body));
  append_str(heap(), *out_, call(callee, arguments));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const FilterBlock& statement) {
  const Value text = render_block(statement.body, *heap().make<Scope>(heap(), scope_));
  append_str(heap(), *out_, apply_all(text, statement.filters.operations));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const With& statement) {
  auto* scope = heap().make<Scope>(heap(), scope_);
  Values values(heap().scratch());
  for (const auto& [target, expression] : statement.bindings) {
    values.push_back(evaluate(*expression));
  }
  const ScopeChange change(*this, scope);
  for (std::size_t i = 0; i < values.size(); ++i) {
    assign(statement.bindings[i].first, values[i]);
  }
  return run(statement.body);
}

// Marks what the assistant wrote, for training; it changes nothing in the text.
Interpreter::Flow Interpreter::execute(const Generation& statement) {
  return run_inner(statement.body);
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (!target.elements.empty()) {
    assign_tuple(target, value);
    return;
  }
  if (!target.attribute.empty()) {
    const Value object = evaluate(Name{target.symbol});
    if (!is<Namespace*>(object)) {
      fail(fmt::format("cannot assign attribute '{}' of '{}': it is no namespace", target.attribute,
                       type_name(object)));
    }
    Namespace& names = *std::get<Namespace*>(object);
    heap().spend_steps(static_cast<std::int64_t>(names.entries.size() >> 4));
    names.set(target.attribute, value);
    return;
  }
  if (scope_ != nullptr) {
    scope_->set(heap(), target.symbol, value);
    return;
  }
  globals_[static_cast<std::size_t>(target.symbol)] = value;
  has_global_[static_cast<std::size_t>(target.symbol)] = 1;
}

void Interpreter::assign_tuple(const Target& target, const Value& value) {
  const Values items = to_vector(heap(), value);
  if (items.size() != target.elements.size()) {
    fail(fmt::format("expected {} values to unpack, found {}", target.elements.size(),
                     items.size()));
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    assign(target.elements[i], items[i]);
  }
}

}  // namespace minimax::text::jinja
