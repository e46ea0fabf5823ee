// SPDX-License-Identifier: Apache-2.0
// The expressions, and calls.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "text/jinja/builtins.h"
#include "text/jinja/capture.h"
#include "text/jinja/format.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"

namespace minimax::text::jinja {

Value Interpreter::evaluate(const Expression& expression) {
  const DepthGuard guard(heap());
  heap().spend_steps();
  const int line = std::exchange(line_, expression.line);
  const Value value =
      std::visit([this](const auto& node) { return evaluate(node); }, expression.node);
  line_ = line;
  return value;
}

Value Interpreter::evaluate(const Name& name) {
  if (scope_ != nullptr) {
    if (const Value* found = find(heap(), *scope_, name.symbol); found != nullptr) {
      return *found;
    }
  }
  const auto index = static_cast<std::size_t>(name.symbol);
  if (has_global_[index] != 0) {
    return globals_[index];
  }
  const std::string_view spelling = ast_.names[index];
  if (const Builtin function = find_function(spelling); function != nullptr) {
    return heap().make<Callable>(Callable{spelling, function, None{}, nullptr, nullptr});
  }
  return Undefined{heap().make<UndefinedInfo>(UndefinedInfo{spelling, "", false})};
}

Value Interpreter::evaluate(const ListDisplay& display) {
  Values items(heap().scratch());
  items.reserve(display.items.size());
  for (const ExpressionPtr& item : display.items) {
    items.push_back(evaluate(*item));
  }
  return make_list(heap(), items, display.is_tuple ? ListKind::kTuple : ListKind::kList);
}

Value Interpreter::evaluate(const DictDisplay& display) {
  auto* dict = heap().make<Dict>(heap());
  for (const auto& [key, value] : display.entries) {
    const Value evaluated_key = evaluate(*key);
    insert(heap(), *dict, evaluated_key, evaluate(*value));
  }
  return dict;
}

Value Interpreter::evaluate(const Chain& chain) {
  Value result = evaluate(*chain.first);
  for (const auto& [op, operand] : chain.rest) {
    heap().spend_steps();
    result = apply(heap(), op, result, evaluate(*operand));
  }
  return result;
}

Value Interpreter::evaluate(const Comparison& comparison) {
  Value left = evaluate(*comparison.first);
  for (const auto& [op, operand] : comparison.rest) {
    const Value right = evaluate(*operand);
    if (!holds(heap(), op, left, right)) {
      return false;
    }
    left = right;
  }
  return true;
}

Value Interpreter::evaluate(const Logical& logical) {
  Value value;
  for (const ExpressionPtr& operand : logical.operands) {
    value = evaluate(*operand);
    if (truthy(value) != logical.is_and) {
      break;
    }
  }
  return value;
}

Value Interpreter::evaluate(const Unary& unary) {
  const Value operand = evaluate(*unary.operand);
  return unary.op == UnaryOperator::kNot ? Value(!truthy(operand)) : apply(unary.op, operand);
}

Value Interpreter::evaluate(const Conditional& conditional) {
  for (const Conditional::Branch& branch : conditional.branches) {
    if (branch.condition == nullptr || truthy(evaluate(*branch.condition))) {
      return evaluate(*branch.value);
    }
  }
  return Undefined{
      heap().make<UndefinedInfo>(UndefinedInfo{"the value of an 'if' without 'else'", "", false})};
}

Value Interpreter::evaluate(const Postfix& postfix) {
  return apply_all(evaluate(*postfix.base), postfix.operations);
}

Value Interpreter::apply_all(Value subject, std::span<const PostfixOperation> operations) {
  for (const PostfixOperation& operation : operations) {
    heap().spend_steps();
    subject = std::visit([&](const auto& node) { return apply_postfix(subject, node); }, operation);
  }
  return subject;
}

Value Interpreter::apply_postfix(const Value& subject, const Attribute& attribute) {
  return Runtime::attribute(subject, attribute.key->text);
}

Value Interpreter::apply_postfix(const Value& subject, const Subscript& subscript) {
  return item(subject, evaluate(*subscript.index));
}

std::optional<std::int64_t> Interpreter::evaluate_bound(const ExpressionPtr& bound) {
  if (bound == nullptr) {
    return std::nullopt;
  }
  const Value value = evaluate(*bound);
  if (is_none(value)) {
    return std::nullopt;
  }
  return expect_integer(value, "the bound of a slice");
}

Value Interpreter::apply_postfix(const Value& subject, const Slice& slice_operation) {
  SliceBounds bounds;
  bounds.start = evaluate_bound(slice_operation.start);
  bounds.stop = evaluate_bound(slice_operation.stop);
  bounds.step = evaluate_bound(slice_operation.step);
  return slice(heap(), subject, bounds);
}

Value Interpreter::apply_postfix(const Value& subject, const Call& call_operation) {
  return call(subject, evaluate(call_operation.arguments));
}

Value Interpreter::apply_postfix(const Value& subject, const Filter& filter) {
  if (filter.function == nullptr) {
    fail(fmt::format("unknown filter '{}'", base::printable(filter.name, 40)));
  }
  return filter.function(*this, subject, evaluate(filter.arguments));
}

Value Interpreter::apply_postfix(const Value& subject, const Test& test) {
  if (test.function == nullptr) {
    fail(fmt::format("unknown test '{}'", base::printable(test.name, 40)));
  }
  const Value result = test.function(*this, subject, evaluate(test.arguments));
  return truthy(result) != test.is_negated;
}

Arguments Interpreter::evaluate(const CallArguments& arguments) {
  Arguments result(heap());
  for (const ExpressionPtr& argument : arguments.positional) {
    result.positional.push_back(evaluate(*argument));
  }
  if (arguments.unpacked != nullptr) {
    for (const Value& item : to_vector(heap(), evaluate(*arguments.unpacked))) {
      result.positional.push_back(item);
    }
  }
  for (const auto& [name, argument] : arguments.named) {
    result.named.emplace_back(name, evaluate(*argument));
  }
  if (arguments.unpacked_named != nullptr) {
    unpack_named(evaluate(*arguments.unpacked_named), result);
  }
  return result;
}

void Interpreter::unpack_named(const Value& mapping, Arguments& arguments) {
  if (!is_dict(mapping)) {
    fail(fmt::format("expected a dict behind **, found {}", type_name(mapping)));
  }
  for (const auto& [key, value] : as_dict(mapping).entries) {
    heap().spend_steps();
    arguments.named.emplace_back(expect_text(key, "a name behind **").bytes, value);
  }
}

Value Interpreter::call(const Value& callable, const Arguments& arguments) {
  if (is_undefined(callable)) {
    fail_undefined(std::get<Undefined>(callable));
  }
  if (is<Loop*>(callable)) {
    return call_loop(*std::get<Loop*>(callable), arguments);
  }
  if (!is<const Callable*>(callable)) {
    fail(fmt::format("'{}' object is not callable", type_name(callable)));
  }
  const Callable& target = *std::get<const Callable*>(callable);
  return target.macro != nullptr ? call_macro(target, arguments)
                                 : target.function(*this, target.self, arguments);
}

Value Interpreter::make_callable(const Macro& macro) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    scope->is_captured = true;
  }
  return heap().make<Callable>(Callable{macro.name, nullptr, None{}, &macro, scope_});
}

Value Interpreter::call_macro(const Callable& callable, const Arguments& arguments) {
  const DepthGuard guard(heap());
  auto* scope = heap().make<Scope>(heap(), callable.scope);
  {
    const ScopeChange change(*this, scope);
    bind_parameters(*callable.macro, arguments, *scope);
  }
  return render_block(callable.macro->body, *scope);
}

void Interpreter::bind_parameters(const Macro& macro, const Arguments& arguments, Scope& scope) {
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    const Parameter& parameter = macro.parameters[i];
    const auto named = std::ranges::find(arguments.named, std::string_view(parameter.name),
                                         &std::pair<std::string_view, Value>::first);
    Value value = Undefined{heap().make<UndefinedInfo>(UndefinedInfo{parameter.name, "", false})};
    if (i < arguments.positional.size()) {
      value = arguments.positional[i];
    } else if (named != arguments.named.end()) {
      value = named->second;
    } else if (parameter.fallback != nullptr) {
      value = evaluate(*parameter.fallback);
    }
    scope.set(heap(), parameter.symbol, value);
  }
  bind_extras(macro, arguments, scope);
}

// What no parameter took: the caller, and `varargs` and `kwargs` where the macro reads them.
void Interpreter::bind_extras(const Macro& macro, const Arguments& arguments, Scope& scope) {
  const std::size_t count = macro.parameters.size();
  if (arguments.positional.size() > count && !macro.uses_varargs) {
    fail(fmt::format("macro '{}' takes not more than {} arguments", macro.name, count));
  }
  auto* kwargs = heap().make<Dict>(heap());
  Value caller = Undefined{heap().make<UndefinedInfo>(UndefinedInfo{"caller", "", false})};
  for (const auto& [name, value] : arguments.named) {
    if (std::ranges::find(macro.parameters, name, &Parameter::name) != macro.parameters.end()) {
      continue;
    }
    if (name == "caller" && macro.uses_caller) {
      caller = value;
    } else if (macro.uses_kwargs) {
      insert(heap(), *kwargs, make_text(heap(), name), value);
    } else {
      fail(fmt::format("macro '{}' takes no argument '{}'", macro.name, base::printable(name, 40)));
    }
  }
  if (macro.uses_caller) {
    scope.set(heap(), caller_symbol_, caller);
  }
  if (macro.uses_kwargs) {
    scope.set(heap(), kwargs_symbol_, kwargs);
  }
  if (macro.uses_varargs) {
    const std::size_t taken = std::min(count, arguments.positional.size());
    const auto rest = std::span<const Value>(arguments.positional).subspan(taken);
    scope.set(heap(), varargs_symbol_, make_list(heap(), rest, ListKind::kTuple));
  }
}

}  // namespace minimax::text::jinja
