// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace minimax::model {
namespace {

using Names = std::pair<std::string_view, std::string_view>;  // published, in GGUF files

constexpr std::array kModelNames = {
    Names{"model.embed_tokens.weight", "token_embd.weight"},
    Names{"model.norm.weight", "output_norm.weight"},
    Names{"lm_head.weight", "output.weight"},
};

constexpr std::array kLayerNames = {
    Names{"input_layernorm.weight", "attn_norm.weight"},
    Names{"self_attn.q_proj.weight", "attn_q.weight"},
    Names{"self_attn.k_proj.weight", "attn_k.weight"},
    Names{"self_attn.v_proj.weight", "attn_v.weight"},
    Names{"self_attn.o_proj.weight", "attn_output.weight"},
    Names{"self_attn.qkv_proj.weight", "attn_qkv.weight"},
    Names{"self_attn.output_gate.weight", "attn_gate.weight"},
    Names{"self_attn.norm.weight", "attn_norm_2.weight"},
    Names{"self_attn.out_proj.weight", "attn_output.weight"},
    Names{"post_attention_layernorm.weight", "ffn_norm.weight"},
    Names{"block_sparse_moe.gate.weight", "ffn_gate_inp.weight"},
};

// What follows the number of an expert.
constexpr std::array kExpertNames = {
    Names{"w1.weight", "ffn_gate_exps.weight"},
    Names{"w3.weight", "ffn_up_exps.weight"},
    Names{"w2.weight", "ffn_down_exps.weight"},
};

template <class Table>
std::optional<std::string_view> find(const Table& table, std::string_view published) {
  const auto* const row = std::ranges::find(table, published, &Names::first);
  return row == table.end() ? std::nullopt : std::optional(row->second);
}

// Takes a prefix, a number and a dot from the front of `name`.
std::optional<std::int64_t> take_number(std::string_view prefix, std::string_view& name) {
  if (!name.starts_with(prefix)) {
    return std::nullopt;
  }
  const char* const begin = name.data() + prefix.size();
  const char* const end = name.data() + name.size();
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop == end || *stop != '.') {
    return std::nullopt;
  }
  name.remove_prefix(static_cast<std::size_t>(stop + 1 - name.data()));
  return number;
}

}  // namespace

std::optional<ParameterSource> gguf_source(const MiniMaxConfig& config,
                                           const ParameterSource& published) {
  ParameterSource source = published;
  std::string_view name = published.name;
  if (const auto found = find(kModelNames, name)) {
    source.name = *found;
    return source;
  }
  const std::optional<std::int64_t> layer = take_number("model.layers.", name);
  if (!layer) {
    return std::nullopt;
  }
  if (const auto expert = take_number("block_sparse_moe.experts.", name)) {
    const auto found = find(kExpertNames, name);
    if (!found) {
      return std::nullopt;
    }
    source.name = fmt::format("blk.{}.{}", *layer, *found);
    source.tensor_shape =
        tensor::Shape({config.num_local_experts, source.shape[0], source.shape[1]});
    source.first_element = *expert * source.shape.elements();
    return source;
  }
  const auto found = find(kLayerNames, name);
  if (!found) {
    return std::nullopt;
  }
  source.name = fmt::format("blk.{}.{}", *layer, *found);
  return source;
}

}  // namespace minimax::model
