// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/operators.h"

#include <fmt/format.h>

#include <cmath>

#include "text/jinja/format.h"
#include "text/jinja/runtime.h"
#include "text/jinja/sequence.h"

namespace minimax::text::jinja {
namespace {

[[noreturn]] void fail_overflow() { fail("an integer exceeds 64 bits"); }

[[noreturn]] void fail_types(std::string_view op, const Value& left, const Value& right) {
  if (is_undefined(left)) {
    fail_undefined(std::get<Undefined>(left));
  }
  if (is_undefined(right)) {
    fail_undefined(std::get<Undefined>(right));
  }
  fail(fmt::format("unsupported operand types for {}: '{}' and '{}'", op, type_name(left),
                   type_name(right)));
}

std::int64_t floor_divide(std::int64_t left, std::int64_t right) {
  if (right == 0) {
    fail("division by zero");
  }
  if (right == -1 && left == INT64_MIN) {
    fail_overflow();
  }
  const std::int64_t quotient = left / right;
  return quotient - ((left % right != 0 && (left < 0) != (right < 0)) ? 1 : 0);
}

double floor_modulo(double left, double right) {
  const double rest = std::fmod(left, right);
  return rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest;
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) {
      fail_overflow();
    }
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) {
      fail_overflow();
    }
  }
  return result;
}

Value divide(double left, double right) {
  if (right == 0) {
    fail("division by zero");
  }
  return left / right;
}

Value integer_arithmetic(Operator op, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  bool overflows = false;
  switch (op) {
    case Operator::kAdd:
      overflows = __builtin_add_overflow(left, right, &result);
      break;
    case Operator::kSubtract:
      overflows = __builtin_sub_overflow(left, right, &result);
      break;
    case Operator::kMultiply:
      overflows = __builtin_mul_overflow(left, right, &result);
      break;
    case Operator::kDivide:
      return divide(static_cast<double>(left), static_cast<double>(right));
    case Operator::kFloorDivide:
      return floor_divide(left, right);
    case Operator::kModulo:
      return right == -1 ? std::int64_t{0} : left - floor_divide(left, right) * right;
    default:
      return right < 0 ? Value(std::pow(static_cast<double>(left), static_cast<double>(right)))
                       : Value(integer_power(left, right));
  }
  if (overflows) {
    fail_overflow();
  }
  return result;
}

Value float_arithmetic(Operator op, double left, double right) {
  switch (op) {
    case Operator::kAdd:
      return left + right;
    case Operator::kSubtract:
      return left - right;
    case Operator::kMultiply:
      return left * right;
    case Operator::kDivide:
      return divide(left, right);
    case Operator::kFloorDivide:
      return std::floor(std::get<double>(divide(left, right)));
    case Operator::kModulo:
      return right == 0 ? divide(left, right) : Value(floor_modulo(left, right));
    default:
      return std::pow(left, right);
  }
}

Value repeat_text(Heap& heap, const Text& text, std::int64_t count) {
  TextBuilder builder(heap);
  if (count > 0 && size_of(text) > (INT64_MAX >> 1) / count) {
    fail_overflow();
  }
  if (size_of(text) == 1 && text.marks == nullptr) {
    builder.append_repeated(text.bytes[0], count, text.mark);
    return builder.finish();
  }
  heap.spend_steps(text.bytes.empty() || count < 0 ? 0 : count >> 2);
  for (std::int64_t i = 0; i < count && !text.bytes.empty(); ++i) {
    builder.append(text);
  }
  return builder.finish();
}

Value repeat_list(Heap& heap, const List& list, std::int64_t count) {
  Values items(heap.scratch());
  for (std::int64_t i = 0; i < count && list.size > 0; ++i) {
    heap.spend_steps(1 + (list.size >> 1));
    items.insert(items.end(), list.view().begin(), list.view().end());
  }
  return make_list(heap, items, list.kind);
}

Value repeat(Heap& heap, const Value& value, std::int64_t count) {
  return is_text(value) ? repeat_text(heap, as_text(value), count)
                        : repeat_list(heap, as_list(value), count);
}

bool can_repeat(const Value& value) {
  return is_text(value) || (is_list(value) && !as_list(value).is_view());
}

Value add(Heap& heap, const Value& left, const Value& right) {
  if (is_text(left) && is_text(right)) {
    return concatenate(heap, as_text(left), as_text(right));
  }
  if (is_list(left) && is_list(right) && as_list(left).kind == as_list(right).kind &&
      can_repeat(left)) {
    return concatenate(heap, as_list(left), as_list(right));
  }
  if (is_text(left) && !is_undefined(right)) {
    fail(fmt::format("can only concatenate a string to a string, found {}", type_name(right)));
  }
  fail_types("+", left, right);
}

std::string_view spelling(Operator op) {
  switch (op) {
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kFloorDivide:
      return "//";
    case Operator::kModulo:
      return "%";
    case Operator::kPower:
      return "**";
    default:
      return "+";
  }
}

}  // namespace

Value apply(Heap& heap, Operator op, const Value& left, const Value& right) {
  if (op == Operator::kConcatenate) {
    return concatenate(heap, *to_text(heap, left), *to_text(heap, right));
  }
  if (is_integral(left) && is_integral(right)) {
    return integer_arithmetic(op, as_integer(left), as_integer(right));
  }
  if (is_number(left) && is_number(right)) {
    return float_arithmetic(op, as_double(left), as_double(right));
  }
  if (op == Operator::kAdd) {
    return add(heap, left, right);
  }
  if (op == Operator::kMultiply && can_repeat(left) && is_integral(right)) {
    return repeat(heap, left, as_integer(right));
  }
  if (op == Operator::kMultiply && is_integral(left) && can_repeat(right)) {
    return repeat(heap, right, as_integer(left));
  }
  if (op == Operator::kModulo && is_text(left)) {
    return format_percent(heap, as_text(left), right);
  }
  fail_types(spelling(op), left, right);
}

bool holds(Heap& heap, Operator op, const Value& left, const Value& right) {
  switch (op) {
    case Operator::kEqual:
      return equal(heap, left, right);
    case Operator::kNotEqual:
      return !equal(heap, left, right);
    case Operator::kIn:
      return contains(heap, right, left);
    case Operator::kNotIn:
      return !contains(heap, right, left);
    default:
      break;
  }
  if (is_undefined(left) || is_undefined(right)) {
    fail_types("<", left, right);
  }
  const bool has_nan = (is<double>(left) && std::isnan(std::get<double>(left))) ||
                       (is<double>(right) && std::isnan(std::get<double>(right)));
  const int order = compare(heap, left, right);
  switch (op) {
    case Operator::kLess:
      return !has_nan && order < 0;
    case Operator::kLessEqual:
      return !has_nan && order <= 0;
    case Operator::kGreater:
      return !has_nan && order > 0;
    default:
      return !has_nan && order >= 0;
  }
}

Value apply(UnaryOperator op, const Value& value) {
  if (is_undefined(value)) {
    fail_undefined(std::get<Undefined>(value));
  }
  if (!is_number(value)) {
    fail(fmt::format("bad operand type for a sign: '{}'", type_name(value)));
  }
  if (is<double>(value)) {
    return op == UnaryOperator::kMinus ? -as_double(value) : as_double(value);
  }
  if (op == UnaryOperator::kMinus) {
    return integer_arithmetic(Operator::kSubtract, 0, as_integer(value));
  }
  return as_integer(value);
}

}  // namespace minimax::text::jinja
