// SPDX-License-Identifier: Apache-2.0
// The metadata of a GGUF file as typed values. What the keys mean for a model is not known here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace minimax::io {

struct GgufNestedArray {};  // arrays of arrays are refused

/// The alternatives of both variants stand in the order of GGUF's type numbers, 0 to 12.
using GgufArray =
    std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                 std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
                 std::vector<float>, std::vector<bool>, std::vector<std::string>, GgufNestedArray,
                 std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<double>>;
using GgufValue = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                               std::uint32_t, std::int32_t, float, bool, std::string, GgufArray,
                               std::uint64_t, std::int64_t, double>;

/// "uint8", "string", "array of int32" ...
std::string gguf_type_name(const GgufValue& value);

/// Values by key. The functions that ask for a kind of value give nothing where the key is absent.
/// They throw Error{kCorruptFile} naming file, key, expected and found type where the value is of
/// another kind.
class GgufMetadata {
 public:
  using Values = std::map<std::string, GgufValue, std::less<>>;

  GgufMetadata() = default;
  /// `source` names the file in messages.
  explicit GgufMetadata(std::string source) : source_(std::move(source)) {}

  /// Whether the key was new; a value that is there already stays.
  bool insert(std::string key, GgufValue value);

  const Values& values() const { return values_; }
  const std::string& source() const { return source_; }
  /// The value of that key, or null.
  const GgufValue* find(std::string_view key) const;

  /// Of any integer type, signed or not; one beyond 2^63 - 1 is refused.
  std::optional<std::int64_t> integer(std::string_view key) const;
  /// float32 or float64.
  std::optional<double> real(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  /// Null where the key is absent; valid as long as this object.
  const std::string* string(std::string_view key) const;
  const std::vector<std::string>* strings(std::string_view key) const;
  /// An array of any integer type.
  std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;
  std::optional<std::vector<bool>> booleans(std::string_view key) const;
  /// An array of float32 or float64.
  std::optional<std::vector<double>> reals(std::string_view key) const;

 private:
  [[noreturn]] void refuse(std::string_view key, std::string_view expected,
                           const std::string& found) const;
  const GgufArray* array(std::string_view key, std::string_view expected) const;

  std::string source_;
  Values values_;
};

}  // namespace minimax::io
