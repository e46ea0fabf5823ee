// SPDX-License-Identifier: Apache-2.0
// What can stand behind `is`.
#include <fmt/format.h>

#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/sequence.h"
#include "text/jinja/text_operations.h"
#include "text/jinja/unicode.h"

namespace minimax::text::jinja {
namespace {

template <bool (*predicate)(const Value&)>
Value plain_test(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("test", arguments, {});
  return predicate(subject);
}

template <Operator op>
Value comparison_test(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("test", arguments, {"other"});
  return holds(runtime.heap(), op, subject, bound.require(0));
}

bool is_defined(const Value& value) { return !is_undefined(value); }
bool is_bool(const Value& value) { return is<bool>(value); }
bool is_true(const Value& value) { return is<bool>(value) && std::get<bool>(value); }
bool is_false(const Value& value) { return is<bool>(value) && !std::get<bool>(value); }
bool is_integer(const Value& value) { return is<std::int64_t>(value); }
bool is_float(const Value& value) { return is<double>(value); }
bool is_callable(const Value& value) {
  return is<const Callable*>(value) || is<Loop*>(value) || is_undefined(value);
}
bool is_never(const Value&) { return false; }

bool is_sequence(const Value& value) {
  const bool is_view = is_list(value) && as_list(value).is_view();
  return is_text(value) || (is_list(value) && !is_view) || is_dict(value) ||
         is<const Range*>(value) || is_undefined(value);
}

bool is_iterable_value(const Value& value) { return is_iterable(value) || is<Loop*>(value); }

template <std::int64_t wanted>
Value parity_test(Runtime& runtime, const Value& subject, const Arguments&) {
  const Value rest = apply(runtime.heap(), Operator::kModulo, subject, std::int64_t{2});
  return equal(runtime.heap(), rest, wanted);
}

Value divisibleby_test(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("divisibleby", arguments, {"num"});
  const Value rest = apply(runtime.heap(), Operator::kModulo, subject, bound.require(0));
  return equal(runtime.heap(), rest, std::int64_t{0});
}

template <bool wants_upper>
Value letter_case_test(Runtime& runtime, const Value& subject, const Arguments&) {
  const Text& text = *to_text(runtime.heap(), subject);
  return wants_upper ? has_only_case(runtime.heap(), text, is_upper, is_lower)
                     : has_only_case(runtime.heap(), text, is_lower, is_upper);
}

// The same object; equal strings and numbers pass, as they mostly do in Python.
Value sameas_test(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Value& other = Bound("sameas", arguments, {"other"}).require(0);
  if (subject.index() != other.index()) {
    return false;
  }
  if (is_list(subject)) {
    return &as_list(subject) == &as_list(other);
  }
  if (is_dict(subject)) {
    return &as_dict(subject) == &as_dict(other);
  }
  return equal(runtime.heap(), subject, other);
}

Value filter_test(Runtime&, const Value& subject, const Arguments&) {
  return is_text(subject) && find_filter(as_text(subject).bytes) != nullptr;
}

Value test_test(Runtime&, const Value& subject, const Arguments&) {
  return is_text(subject) && find_test(as_text(subject).bytes) != nullptr;
}

constexpr NamedBuiltin kTests[] = {
    {"!=", comparison_test<Operator::kNotEqual>},
    {"<", comparison_test<Operator::kLess>},
    {"<=", comparison_test<Operator::kLessEqual>},
    {"==", comparison_test<Operator::kEqual>},
    {">", comparison_test<Operator::kGreater>},
    {">=", comparison_test<Operator::kGreaterEqual>},
    {"boolean", plain_test<is_bool>},
    {"callable", plain_test<is_callable>},
    {"defined", plain_test<is_defined>},
    {"divisibleby", divisibleby_test},
    {"eq", comparison_test<Operator::kEqual>},
    {"equalto", comparison_test<Operator::kEqual>},
    {"escaped", plain_test<is_never>},
    {"even", parity_test<0>},
    {"false", plain_test<is_false>},
    {"filter", filter_test},
    {"float", plain_test<is_float>},
    {"ge", comparison_test<Operator::kGreaterEqual>},
    {"greaterthan", comparison_test<Operator::kGreater>},
    {"gt", comparison_test<Operator::kGreater>},
    {"in", comparison_test<Operator::kIn>},
    {"integer", plain_test<is_integer>},
    {"iterable", plain_test<is_iterable_value>},
    {"le", comparison_test<Operator::kLessEqual>},
    {"lessthan", comparison_test<Operator::kLess>},
    {"lower", letter_case_test<false>},
    {"lt", comparison_test<Operator::kLess>},
    {"mapping", plain_test<is_dict>},
    {"ne", comparison_test<Operator::kNotEqual>},
    {"none", plain_test<is_none>},
    {"number", plain_test<is_number>},
    {"odd", parity_test<1>},
    {"sameas", sameas_test},
    {"sequence", plain_test<is_sequence>},
    {"string", plain_test<is_text>},
    {"test", test_test},
    {"true", plain_test<is_true>},
    {"undefined", plain_test<is_undefined>},
    {"upper", letter_case_test<true>},
};

}  // namespace

Builtin find_test(std::string_view name) {
  for (const NamedBuiltin& test : kTests) {
    if (test.name == name) {
      return test.function;
    }
  }
  return nullptr;
}

}  // namespace minimax::text::jinja
