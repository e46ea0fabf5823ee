// SPDX-License-Identifier: Apache-2.0
#include "model/identity.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "model/convert.h"
#include "model/host_copy.h"

namespace minimax::model {
namespace {

constexpr std::int64_t kWholeBytes = 65536;  // a tensor of up to so many bytes is taken whole
constexpr std::int64_t kSamples = 16;
constexpr std::int64_t kSampleBytes = 4096;

std::uint64_t hash_of(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t hash_of_bytes(const quant::Matrix& weights, std::uint64_t seed) {
  return hash_of({reinterpret_cast<const char*>(weights.bytes_begin()),
                  static_cast<std::size_t>(weights.bytes())},
                 seed);
}

// Of rows as they would lie in memory without panels, before their scales are quantized.
std::uint64_t hash_of_rows(const LoadItem& item, const io::CheckpointReader& reader,
                           std::uint64_t seed) {
  const tensor::Shape& shape = item.source->shape;
  const std::int64_t columns = shape[-1];
  const std::int64_t rows = columns == 0 ? 0 : shape.elements() / columns;
  const std::int64_t row_bytes = quant::row_bytes(item.format, columns);
  const bool is_whole = rows * row_bytes <= kWholeBytes;
  const std::int64_t samples = is_whole || item.parameter->is_routed_expert ? 1 : kSamples;
  const std::int64_t count =
      is_whole ? rows : std::min(rows, std::max<std::int64_t>(1, kSampleBytes / row_bytes));
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * row_bytes));
  const quant::Matrix piece(bytes.data(), item.format, tensor::Shape({count, columns}));
  std::uint64_t hash = seed;
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t first =
        samples == 1 ? (rows - count) / 2 : (rows - count) * i / (samples - 1);
    read_parameter(
        reader,
        {.entry = item.entry, .first_element = item.source->first_element + first * columns},
        piece);
    hash = hash_of_bytes(piece, hash);
  }
  return hash;
}

std::uint64_t hash_of(const LoadItem& item, const io::CheckpointReader& reader,
                      const tensor::Memory& memory) {
  const std::uint64_t seed = hash_of(
      fmt::format("{} {} {} {}", item.parameter->published().name, quant::info(item.format).name,
                  item.source->shape.to_string(), item.nests_scales ? "nested" : "plain"),
      0);
  return item.entry == nullptr
             ? hash_of_bytes(HostCopy(memory, item.parameter->weights()).matrix(), seed)
             : hash_of_rows(item, reader, seed);
}

// The fields that change what a layer computes; those that change its rounding alone are left out.
std::string description(const MiniMaxConfig& c, ops::Precision precision) {
  std::string text = fmt::format(
      "{} heads {} {} {} experts {} {} eps {} {} rope {} {} window {} decay {} full {} {} linear "
      "{} "
      "{} "
      "mlp {} {} precision {} layers ",
      c.hidden_size, c.num_attention_heads, c.num_key_value_heads, c.head_dim, c.num_local_experts,
      c.num_experts_per_tok, c.rms_norm_eps, c.lightning_norm_eps, c.rope_theta, c.rotary_dim,
      c.sliding_window.value_or(0), static_cast<int>(c.decay_schedule), c.full_attn_alpha_factor,
      c.full_attn_beta_factor, c.linear_attn_alpha_factor, c.linear_attn_beta_factor,
      c.mlp_alpha_factor, c.mlp_beta_factor, static_cast<int>(precision));
  for (const LayerType type : c.layer_types) {
    text += type == LayerType::kFullAttention ? '1' : '0';
  }
  return text;
}

}  // namespace

std::uint64_t model_identity(const MiniMaxConfig& config, ops::Precision precision,
                             const std::vector<LoadItem>& items, const io::CheckpointReader& reader,
                             const tensor::Memory& memory) {
  std::uint64_t sum = hash_of(description(config, precision), 0);
  for (const LoadItem& item : items) {
    if (item.parameter->published().name.starts_with("model.")) {
      sum += hash_of(item, reader, memory);  // in whichever order
    }
  }
  return sum;
}

}  // namespace minimax::model
