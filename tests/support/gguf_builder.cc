// SPDX-License-Identifier: Apache-2.0
#include "tests/support/gguf_builder.h"

#include <ranges>

namespace minimax::testing {
namespace {

void pad(std::string& bytes, std::uint64_t alignment) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
}

}  // namespace

std::string gguf_string(std::string_view text) {
  return number_bytes(std::uint64_t{text.size()}).append(text);
}

GgufBuilder& GgufBuilder::pad_to(std::uint64_t alignment) {
  alignment_ = alignment;
  return *this;
}

GgufBuilder& GgufBuilder::version(std::uint32_t version) {
  version_ = version;
  return *this;
}

GgufBuilder& GgufBuilder::claim_tensors(std::uint64_t count) {
  false_tensors_ = count - tensors_;
  return *this;
}

GgufBuilder& GgufBuilder::claim_keys(std::uint64_t count) {
  false_keys_ = count - keys_;
  return *this;
}

GgufBuilder& GgufBuilder::raw_key(std::string_view key, std::uint32_t type,
                                  std::string_view value) {
  ++keys_;
  metadata_.append(gguf_string(key)).append(number_bytes(type)).append(value);
  return *this;
}

GgufBuilder& GgufBuilder::text(std::string_view key, std::string_view value) {
  return raw_key(key, 8, gguf_string(value));
}

GgufBuilder& GgufBuilder::texts(std::string_view key, const std::vector<std::string>& values) {
  std::string bytes;
  for (const std::string& value : values) {
    bytes += gguf_string(value);
  }
  return raw_array(key, 8, values.size(), bytes);
}

GgufBuilder& GgufBuilder::raw_array(std::string_view key, std::uint32_t type, std::uint64_t count,
                                    std::string_view elements) {
  return raw_key(key, 9, number_bytes(type).append(number_bytes(count)).append(elements));
}

GgufBuilder& GgufBuilder::entry(std::string_view name, const std::vector<std::uint64_t>& shape,
                                std::uint32_t type, std::uint64_t offset) {
  ++tensors_;
  entries_.append(gguf_string(name)).append(number_bytes(static_cast<std::uint32_t>(shape.size())));
  for (const std::uint64_t extent : std::views::reverse(shape)) {
    entries_ += number_bytes(extent);
  }
  entries_.append(number_bytes(type)).append(number_bytes(offset));
  return *this;
}

GgufBuilder& GgufBuilder::data(std::string_view data) {
  data_ += data;
  pad(data_, alignment_);
  return *this;
}

GgufBuilder& GgufBuilder::tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                                 std::uint32_t type, std::string_view bytes) {
  entry(name, shape, type, data_.size());
  return data(bytes);
}

std::string GgufBuilder::header() const {
  return std::string("GGUF")
      .append(number_bytes(version_))
      .append(number_bytes(tensors_ + false_tensors_))
      .append(number_bytes(keys_ + false_keys_))
      .append(metadata_)
      .append(entries_);
}

std::string GgufBuilder::build() const {
  std::string file = header();
  pad(file, alignment_);
  return file.append(data_);
}

}  // namespace minimax::testing
