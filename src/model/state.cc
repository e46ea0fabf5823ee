// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace minimax::model {
namespace {

using tensor::Buffer;
using tensor::DType;

constexpr std::string_view kMagic = "MMSTATE1";

std::int64_t count_layers(const MiniMaxConfig& config, LayerType type) {
  return std::count(config.layer_types.begin(), config.layer_types.end(), type);
}

DType kv_dtype(ops::Precision precision) {
  return precision == ops::Precision::kBFloat16 ? DType::kBF16 : DType::kF32;
}

Buffer copy_of(const Buffer& buffer) {
  Buffer copy = Buffer::allocate(buffer.bytes());
  if (buffer.bytes() > 0) {
    std::memcpy(copy.data(), buffer.data(), static_cast<std::size_t>(buffer.bytes()));
  }
  return copy;
}

void append(std::string& out, const void* data, std::int64_t bytes) {
  out.append(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
}

template <class T>
void append_value(std::string& out, const T& value) {
  append(out, &value, sizeof(T));
}

/// Takes bytes off the front; every step checks that they are there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(std::int64_t count) {
    base::check(count >= 0 && static_cast<std::size_t>(count) <= bytes_.size(),
                ErrorCode::kCorruptFile, [&] {
                  return fmt::format("state: expected {} more bytes, found {}", count,
                                     bytes_.size());
                });
    const std::string_view taken = bytes_.substr(0, static_cast<std::size_t>(count));
    bytes_.remove_prefix(static_cast<std::size_t>(count));
    return taken;
  }

  void copy_to(void* data, std::int64_t count) {
    std::memcpy(data, take(count).data(), static_cast<std::size_t>(count));
  }

  template <class T>
  T value() {
    T result;
    copy_to(&result, sizeof(T));
    return result;
  }

  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

std::string_view check_envelope(std::string_view bytes) {
  constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
  base::check(bytes.starts_with(kMagic) && bytes.size() >= kMagic.size() + kChecksumBytes,
              ErrorCode::kCorruptFile, "state: expected the magic MMSTATE1 at the start");
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  std::uint64_t stored = 0;
  std::memcpy(&stored, bytes.data() + body.size(), kChecksumBytes);
  base::check(XXH3_64bits(body.data(), body.size()) == stored, ErrorCode::kCorruptFile,
              "state: the checksum does not match, the bytes are damaged");
  return body.substr(kMagic.size());
}

}  // namespace

SequenceState::SequenceState(const MiniMaxConfig& config, ops::Precision precision)
    : lightning_layers_(count_layers(config, LayerType::kLinearAttention)),
      lightning_elements_(config.num_attention_heads * config.head_dim * config.head_dim),
      kv_row_elements_(config.num_key_value_heads * config.head_dim),
      kv_heads_(config.num_key_value_heads),
      kv_dtype_(kv_dtype(precision)),
      lightning_(Buffer::allocate(lightning_layers_ * lightning_elements_ *
                                  static_cast<std::int64_t>(sizeof(float)))),
      kv_(static_cast<std::size_t>(count_layers(config, LayerType::kFullAttention))) {}

SequenceState::SequenceState(const SequenceState& other)
    : lightning_layers_(other.lightning_layers_),
      lightning_elements_(other.lightning_elements_),
      kv_row_elements_(other.kv_row_elements_),
      kv_heads_(other.kv_heads_),
      kv_dtype_(other.kv_dtype_),
      length_(other.length_),
      lightning_(copy_of(other.lightning_)),
      kv_(other.kv_.size()) {
  for (std::size_t layer = 0; layer < kv_.size(); ++layer) {
    for (const Buffer& page : other.kv_[layer].pages) {
      kv_[layer].pages.push_back(copy_of(page));
      kv_[layer].page_pointers.push_back(kv_[layer].pages.back().data());
    }
  }
}

SequenceState& SequenceState::operator=(const SequenceState& other) {
  SequenceState copy(other);
  *this = std::move(copy);
  return *this;
}

std::int64_t SequenceState::page_bytes() const {
  return 2 * kPageTokens * kv_row_elements_ * tensor::dtype_bytes(kv_dtype_);
}

std::int64_t SequenceState::bytes() const {
  std::int64_t total = lightning_.bytes();
  for (const KvCache& cache : kv_) {
    total += static_cast<std::int64_t>(cache.pages.size()) * page_bytes();
  }
  return total;
}

float* SequenceState::lightning(std::int64_t index) {
  return reinterpret_cast<float*>(lightning_.data()) + index * lightning_elements_;
}

ops::KvCacheView SequenceState::kv(std::int64_t index) {
  return {.pages = kv_[static_cast<std::size_t>(index)].page_pointers,
          .page_tokens = kPageTokens,
          .length = length_,
          .dtype = kv_dtype_};
}

void SequenceState::extend(std::int64_t tokens) {
  const auto pages = static_cast<std::size_t>((length_ + tokens + kPageTokens - 1) / kPageTokens);
  for (KvCache& cache : kv_) {
    while (cache.pages.size() < pages) {
      cache.pages.push_back(Buffer::allocate(page_bytes()));
      cache.page_pointers.push_back(cache.pages.back().data());
    }
  }
  length_ += tokens;
}

std::vector<std::int64_t> SequenceState::geometry() const {
  return {lightning_layers_,
          lightning_elements_,
          kv_row_elements_,
          kv_heads_,
          static_cast<std::int64_t>(kv_.size()),
          tensor::dtype_bytes(kv_dtype_),
          kPageTokens};
}

std::string SequenceState::save() const {
  std::string out(kMagic);
  for (const std::int64_t value : geometry()) {
    append_value(out, value);
  }
  append_value(out, length_);
  append(out, lightning_.data(),
         lightning_layers_ * lightning_elements_ * static_cast<std::int64_t>(sizeof(float)));
  for (const KvCache& cache : kv_) {
    for (const Buffer& page : cache.pages) {
      append(out, page.data(), page_bytes());
    }
  }
  append_value(out, std::uint64_t{XXH3_64bits(out.data(), out.size())});
  return out;
}

SequenceState SequenceState::restore(std::string_view bytes, const MiniMaxConfig& config,
                                     ops::Precision precision) {
  Reader reader(check_envelope(bytes));
  SequenceState state(config, precision);
  const std::vector<std::int64_t> expected = state.geometry();
  std::vector<std::int64_t> found;
  found.reserve(expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    found.push_back(reader.value<std::int64_t>());
  }
  base::check(found == expected, ErrorCode::kCorruptFile, [&] {
    return fmt::format("state: expected the geometry [{}] of this model, found [{}]",
                       fmt::join(expected, ", "), fmt::join(found, ", "));
  });
  const auto length = reader.value<std::int64_t>();
  base::check(0 <= length && length <= static_cast<std::int64_t>(bytes.size()) * kPageTokens,
              ErrorCode::kCorruptFile, "state: the length is out of range");
  reader.copy_to(state.lightning_.data(), state.lightning_layers_ * state.lightning_elements_ *
                                              static_cast<std::int64_t>(sizeof(float)));
  state.extend(length);
  for (KvCache& cache : state.kv_) {
    for (Buffer& page : cache.pages) {
      reader.copy_to(page.data(), state.page_bytes());
    }
  }
  base::check(reader.at_end(), ErrorCode::kCorruptFile, "state: bytes are left over at the end");
  return state;
}

StateSize state_size(const MiniMaxConfig& config, ops::Precision precision) {
  const std::int64_t head = config.head_dim;
  return {.fixed_bytes = count_layers(config, LayerType::kLinearAttention) *
                         config.num_attention_heads * head * head *
                         static_cast<std::int64_t>(sizeof(float)),
          .bytes_per_token = count_layers(config, LayerType::kFullAttention) * 2 *
                             config.num_key_value_heads * head *
                             tensor::dtype_bytes(kv_dtype(precision))};
}

}  // namespace minimax::model
