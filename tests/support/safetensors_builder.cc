// SPDX-License-Identifier: Apache-2.0
#include "tests/support/safetensors_builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace minimax::testing {

std::string length_bytes(std::uint64_t length) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) {
    bytes += static_cast<char>((length >> shift) & 0xff);
  }
  return bytes;
}

std::string safetensors_file(std::string_view header, std::string_view data) {
  return fmt::format("{}{}{}", length_bytes(header.size()), header, data);
}

SafetensorsBuilder& SafetensorsBuilder::tensor(std::string_view name, std::string_view dtype,
                                               const std::vector<std::int64_t>& shape,
                                               std::string_view data) {
  tensors_ += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          tensors_.empty() ? "" : ",", name, dtype, fmt::join(shape, ","),
                          data_.size(), data_.size() + data.size());
  data_ += data;
  return *this;
}

SafetensorsBuilder& SafetensorsBuilder::metadata(std::string_view key, std::string_view value) {
  metadata_ += fmt::format(R"({}"{}":"{}")", metadata_.empty() ? "" : ",", key, value);
  return *this;
}

std::string SafetensorsBuilder::header() const {
  const bool has_metadata = !metadata_.empty();
  return fmt::format("{{{}{}{}}}",
                     has_metadata ? fmt::format("\"__metadata__\":{{{}}}", metadata_) : "",
                     has_metadata && !tensors_.empty() ? "," : "", tensors_);
}

}  // namespace minimax::testing
