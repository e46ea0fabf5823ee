// SPDX-License-Identifier: Apache-2.0
// Makes safetensors files for tests, valid ones and broken ones. It shares no code with the
// library's own writer, so that the two check each other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::testing {

/// `length` as the 8 bytes in front of a header.
std::string length_bytes(std::uint64_t length);

/// A file of this header text, its true length in front, and this data.
std::string safetensors_file(std::string_view header, std::string_view data = {});

/// The bytes of a host array, as tensor data.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  const auto* begin = reinterpret_cast<const char*>(values.data());
  return std::string(begin, begin + values.size() * sizeof(T));
}

/// Collects tensors in the order of their data.
class SafetensorsBuilder {
 public:
  /// `dtype` as the format names it; `data` is taken as it is, whatever the shape says.
  SafetensorsBuilder& tensor(std::string_view name, std::string_view dtype,
                             const std::vector<std::int64_t>& shape, std::string_view data);
  SafetensorsBuilder& metadata(std::string_view key, std::string_view value);

  std::string header() const;
  std::string build() const { return safetensors_file(header(), data_); }

 private:
  std::string metadata_;
  std::string tensors_;
  std::string data_;
};

}  // namespace minimax::testing
