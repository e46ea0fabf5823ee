// SPDX-License-Identifier: Apache-2.0
// The models without a head and with the language head.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/forward_pass.h"
#include "engine/losses.h"

namespace minimax {
namespace {

using engine::ForwardPass;
using engine::Packing;

// The cross entropy of every token's successor. What follows padding is not predicted, and padding
// neither. Shapes: logits [P, V] of all tokens, labels [B, T].
float next_token_loss(const Packing& packing, const std::vector<float>& logits,
                      std::span<const std::int32_t> labels) {
  std::vector<std::int32_t> next = packing.pack(labels);
  for (std::int64_t row = 0; row < packing.batch_size(); ++row) {
    const auto end = next.begin() + packing.cu_seqlens()[static_cast<std::size_t>(row + 1)];
    const auto begin = end - packing.tokens_of(row);
    std::shift_left(begin, end, 1);
    *(end - 1) = kIgnoredLabel;
  }
  return engine::cross_entropy(logits, next, kIgnoredLabel);
}

void check_options(const ForwardOptions& options, const Packing& packing) {
  constexpr const char* kClass = "MiniMaxForCausalLM";
  engine::refuse_option(!options.float_labels.empty(), "float_labels", kClass);
  engine::refuse_option(!options.start_positions.empty(), "start_positions", kClass);
  engine::refuse_option(!options.end_positions.empty(), "end_positions", kClass);
  base::check(0 <= options.logits_to_keep && options.logits_to_keep <= packing.length(),
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("logits_to_keep: expected 0 to {}, found {}", packing.length(),
                                   options.logits_to_keep);
              });
  if (!options.labels.empty()) {
    engine::check_size("labels", options.labels.size(),
                       static_cast<std::size_t>(packing.batch_size() * packing.length()));
    base::check(options.logits_to_keep == 0, ErrorCode::kInvalidArgument,
                "logits_to_keep: expected 0 with labels, which need the logits of all tokens");
  }
}

}  // namespace

MiniMaxModel MiniMaxModel::from_pretrained(const std::filesystem::path& directory,
                                           const LoadOptions& options) {
  return MiniMaxModel(engine::load_pretrained(directory, model::HeadKind::kNone, options));
}

MiniMaxModel MiniMaxModel::from_config(const MiniMaxConfig& config, const LoadOptions& options,
                                       std::uint64_t seed) {
  return MiniMaxModel(engine::make_pretrained(config, model::HeadKind::kNone, options, seed));
}

MoeModelOutputWithPast MiniMaxModel::forward(const ModelInputs& inputs,
                                             const ForwardOptions& options) {
  constexpr const char* kClass = "MiniMaxModel";
  engine::refuse_option(!options.labels.empty(), "labels", kClass);
  engine::refuse_option(!options.float_labels.empty(), "float_labels", kClass);
  engine::refuse_option(options.logits_to_keep != 0, "logits_to_keep", kClass);
  engine::refuse_option(!options.start_positions.empty(), "start_positions", kClass);
  engine::refuse_option(!options.end_positions.empty(), "end_positions", kClass);
  ForwardPass pass(impl(), inputs, options, true);
  MoeModelOutputWithPast output;
  output.last_hidden_state = pass.packing().unpack(pass.run_headless(), config().hidden_size);
  pass.fill(output);
  return output;
}

MiniMaxForCausalLM MiniMaxForCausalLM::from_pretrained(const std::filesystem::path& directory,
                                                       const LoadOptions& options) {
  auto impl = engine::load_pretrained(directory, model::HeadKind::kLanguage, options);
  impl->generation_config = GenerationConfig::from_pretrained(directory, impl->model.config);
  const std::vector<std::string>& warnings = impl->generation_config.warnings;
  impl->model.warnings.insert(impl->model.warnings.end(), warnings.begin(), warnings.end());
  return MiniMaxForCausalLM(std::move(impl));
}

MiniMaxForCausalLM MiniMaxForCausalLM::from_config(const MiniMaxConfig& config,
                                                   const LoadOptions& options, std::uint64_t seed) {
  return MiniMaxForCausalLM(
      engine::make_pretrained(config, model::HeadKind::kLanguage, options, seed));
}

const GenerationConfig& MiniMaxForCausalLM::generation_config() const {
  return impl().generation_config;
}

const std::vector<std::int32_t>& MiniMaxForCausalLM::suppressed_tokens() const {
  return impl().model.suppressed_tokens;
}

MoeCausalLMOutputWithPast MiniMaxForCausalLM::forward(const ModelInputs& inputs,
                                                      const ForwardOptions& options) {
  ForwardPass pass(impl(), inputs, options);
  const Packing& packing = pass.packing();
  check_options(options, packing);
  const std::int64_t kept = options.logits_to_keep > 0 ? options.logits_to_keep : packing.length();
  std::vector<float> logits = pass.run(packing.last_columns(kept));

  MoeCausalLMOutputWithPast output;
  output.aux_loss = pass.aux_loss();
  if (!options.labels.empty()) {
    output.loss = next_token_loss(packing, logits, options.labels);
    if (output.aux_loss) {
      *output.loss += static_cast<float>(config().router_aux_loss_coef) * *output.aux_loss;
    }
  }
  output.logits = packing.unpack(std::move(logits), config().vocab_size, kept);
  pass.fill(output);
  return output;
}

}  // namespace minimax
