// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_metadata.h"

#include <fmt/format.h>

#include <array>
#include <concepts>
#include <type_traits>
#include <utility>

#include "base/file.h"
#include "minimax/error.h"

namespace minimax::io {
namespace {

constexpr std::array<std::string_view, 13> kTypeNames = {
    "uint8",   "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
    "boolean", "string", "array",  "uint64", "int64",  "float64"};

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

bool fits(Integer auto value) { return std::in_range<std::int64_t>(value); }

}  // namespace

std::string gguf_type_name(const GgufValue& value) {
  if (const auto* array = std::get_if<GgufArray>(&value)) {
    return fmt::format("array of {}", kTypeNames.at(array->index()));
  }
  return std::string(kTypeNames.at(value.index()));
}

bool GgufMetadata::insert(std::string key, GgufValue value) {
  return values_.insert({std::move(key), std::move(value)}).second;
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

void GgufMetadata::refuse(std::string_view key, std::string_view expected,
                          const std::string& found) const {
  throw Error(ErrorCode::kCorruptFile, fmt::format("{}: key \"{}\": expected {}, found {}", source_,
                                                   base::printable(key, 100), expected, found));
}

std::optional<std::int64_t> GgufMetadata::integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  return std::visit(
      [&]<class T>(const T& number) -> std::int64_t {
        if constexpr (Integer<T>) {
          if (!fits(number)) {
            refuse(key, "an integer below 2^63", fmt::format("{}", number));
          }
          return static_cast<std::int64_t>(number);
        } else {
          refuse(key, "an integer", gguf_type_name(*value));
        }
      },
      *value);
}

std::optional<double> GgufMetadata::real(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (const auto* number = std::get_if<float>(value)) {
    return *number;
  }
  if (const auto* number = std::get_if<double>(value)) {
    return *number;
  }
  refuse(key, "float32 or float64", gguf_type_name(*value));
}

std::optional<bool> GgufMetadata::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (const auto* flag = std::get_if<bool>(value)) {
    return *flag;
  }
  refuse(key, "boolean", gguf_type_name(*value));
}

const std::string* GgufMetadata::string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) {
    return nullptr;
  }
  if (const auto* text = std::get_if<std::string>(value)) {
    return text;
  }
  refuse(key, "string", gguf_type_name(*value));
}

const GgufArray* GgufMetadata::array(std::string_view key, std::string_view expected) const {
  const GgufValue* value = find(key);
  if (value == nullptr) {
    return nullptr;
  }
  if (const auto* values = std::get_if<GgufArray>(value)) {
    return values;
  }
  refuse(key, expected, gguf_type_name(*value));
}

const std::vector<std::string>* GgufMetadata::strings(std::string_view key) const {
  const GgufArray* values = array(key, "array of string");
  if (values == nullptr) {
    return nullptr;
  }
  if (const auto* texts = std::get_if<std::vector<std::string>>(values)) {
    return texts;
  }
  refuse(key, "array of string", gguf_type_name(*find(key)));
}

std::optional<std::vector<std::int64_t>> GgufMetadata::integers(std::string_view key) const {
  const GgufArray* values = array(key, "array of integers");
  if (values == nullptr) {
    return std::nullopt;
  }
  return std::visit(
      [&]<class T>(const T& numbers) -> std::vector<std::int64_t> {
        if constexpr (requires { requires Integer<typename T::value_type>; }) {
          std::vector<std::int64_t> result;
          result.reserve(numbers.size());
          for (const auto number : numbers) {
            if (!fits(number)) {
              refuse(key, "integers below 2^63", fmt::format("{}", number));
            }
            result.push_back(static_cast<std::int64_t>(number));
          }
          return result;
        } else {
          refuse(key, "array of integers", gguf_type_name(*find(key)));
        }
      },
      *values);
}

std::optional<std::vector<bool>> GgufMetadata::booleans(std::string_view key) const {
  const GgufArray* values = array(key, "array of boolean");
  if (values == nullptr) {
    return std::nullopt;
  }
  if (const auto* flags = std::get_if<std::vector<bool>>(values)) {
    return *flags;
  }
  refuse(key, "array of boolean", gguf_type_name(*find(key)));
}

std::optional<std::vector<double>> GgufMetadata::reals(std::string_view key) const {
  const GgufArray* values = array(key, "array of float32 or float64");
  if (values == nullptr) {
    return std::nullopt;
  }
  if (const auto* numbers = std::get_if<std::vector<float>>(values)) {
    return std::vector<double>(numbers->begin(), numbers->end());
  }
  if (const auto* numbers = std::get_if<std::vector<double>>(values)) {
    return *numbers;
  }
  refuse(key, "array of float32 or float64", gguf_type_name(*find(key)));
}

}  // namespace minimax::io
