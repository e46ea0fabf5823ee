// SPDX-License-Identifier: Apache-2.0
// Makes GGUF files for tests, valid ones and broken ones. It shares no code with the reader.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace minimax::testing {

/// The bytes of a number as they lie in a file.
template <class T>
  requires std::is_arithmetic_v<T>
std::string number_bytes(T value) {
  const auto* begin = reinterpret_cast<const char*>(&value);
  return std::string(begin, begin + sizeof(T));
}

/// A length of eight bytes and the text.
std::string gguf_string(std::string_view text);

/// The number by which GGUF names a type of metadata.
template <class T>
constexpr std::uint32_t gguf_type_number() {
  if constexpr (std::same_as<T, bool>) {
    return 7;
  } else if constexpr (std::floating_point<T>) {
    return sizeof(T) == 4 ? 6 : 12;
  } else {
    const std::uint32_t first = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 2 : sizeof(T) == 4 ? 4 : 10;
    return first + (std::signed_integral<T> ? 1 : 0);
  }
}

/// Collects keys and tensors; a tensor's data follows that of the one before, padded.
class GgufBuilder {
 public:
  /// Without the key that says so: add general.alignment too.
  GgufBuilder& pad_to(std::uint64_t alignment);
  GgufBuilder& version(std::uint32_t version);
  /// Counts other than the true ones.
  GgufBuilder& claim_tensors(std::uint64_t count);
  GgufBuilder& claim_keys(std::uint64_t count);

  /// `value` is taken as it is, whatever the type says.
  GgufBuilder& raw_key(std::string_view key, std::uint32_t type, std::string_view value);
  GgufBuilder& text(std::string_view key, std::string_view value);
  GgufBuilder& texts(std::string_view key, const std::vector<std::string>& values);
  template <class T>
  GgufBuilder& number(std::string_view key, T value) {
    return raw_key(key, gguf_type_number<T>(), number_bytes(value));
  }
  template <class T>
  GgufBuilder& numbers(std::string_view key, const std::vector<T>& values) {
    std::string bytes;
    for (const T value : values) {
      bytes += number_bytes(value);
    }
    return raw_array(key, gguf_type_number<T>(), values.size(), bytes);
  }
  GgufBuilder& raw_array(std::string_view key, std::uint32_t type, std::uint64_t count,
                         std::string_view elements);

  /// `shape` is outermost first; `data` is taken as it is, whatever shape and type say.
  GgufBuilder& tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                      std::uint32_t type, std::string_view data);
  /// The entry of a tensor alone, with any offset; add the data with data().
  GgufBuilder& entry(std::string_view name, const std::vector<std::uint64_t>& shape,
                     std::uint32_t type, std::uint64_t offset);
  GgufBuilder& data(std::string_view data);

  /// Everything up to the padding in front of the data.
  std::string header() const;
  std::string build() const;

 private:
  std::uint32_t version_ = 3;
  std::uint64_t alignment_ = 32;
  std::uint64_t tensors_ = 0;
  std::uint64_t keys_ = 0;
  std::uint64_t false_tensors_ = 0;
  std::uint64_t false_keys_ = 0;
  std::string metadata_;
  std::string entries_;
  std::string data_;
};

}  // namespace minimax::testing
