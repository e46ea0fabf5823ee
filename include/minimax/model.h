// SPDX-License-Identifier: Apache-2.0
// The language model: load, forward, generate.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/config.h"
#include "minimax/device.h"
#include "minimax/generation_config.h"
#include "minimax/logits_processor.h"
#include "minimax/tokenizer.h"

namespace minimax {

/// The arithmetic of the projections. Everything else is float32.
enum class ComputeType {
  kAuto,      ///< kBFloat16 where the projections of the checkpoint are bfloat16, else kFloat32
  kFloat32,   ///< activations as they are; weights as stored
  kBFloat16,  ///< activations and weights rounded to bfloat16, sums in float32
};

struct LoadOptions {
  Device device = Device::kCpu;
  ComputeType dtype = ComputeType::kAuto;
  int threads = 0;       ///< 0: one per available processor
  std::string isa = {};  ///< "scalar", "avx2" or "avx512"; empty: the widest of the machine
  /// Called from the loading thread with the bytes read so far and in all.
  std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)> on_progress = {};
};

/// All that a sequence has left behind: the states of the lightning layers and the keys and values
/// of the softmax layers. A copy is independent of its original.
class State {
 public:
  State(const State&);
  State& operator=(const State&);
  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  ~State();

  std::int64_t length() const;  ///< tokens seen
  std::int64_t bytes() const;   ///< memory held

  /// The whole state as bytes, and back: restored, it gives the same bits as the original.
  std::string save() const;

  struct Impl;
  explicit State(std::unique_ptr<Impl> impl);
  Impl& impl() { return *impl_; }
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct ForwardOptions {
  State* past_key_values = nullptr;  ///< continued and advanced; null: from an empty state
  std::int64_t logits_to_keep = 0;   ///< rows of logits wanted, from the end; 0: all
  bool output_hidden_states = false;
};

struct CausalLMOutput {
  std::int64_t vocab_size = 0;
  std::vector<float> logits;  ///< [rows, vocab_size], raw: nothing suppressed
  /// [num_hidden_layers + 1] of [tokens, hidden_size]: the embeddings, the output of every layer
  /// but the last, and the output of the final norm.
  std::vector<std::vector<float>> hidden_states;
};

enum class FinishReason { kEndOfSequence, kStopString, kLength, kCancelled };

/// "stop" for an end token or stop string, "length", or "cancelled".
const char* finish_reason_name(FinishReason reason);

struct GenerateOptions {
  const Tokenizer* tokenizer = nullptr;  ///< required for on_text and stop_strings
  State* state = nullptr;                ///< continued from (the input follows it) and advanced
  /// Called in this order, after the processors of the GenerationConfig that forbid or penalize
  /// tokens and before temperature and the filters. Those that look back, these too, see the tokens
  /// of this call, not what is behind `state`.
  std::vector<LogitsProcessor> logits_processor = {};
  /// Called with every new token; returning false ends the generation.
  std::function<bool(std::int32_t token)> on_token = {};
  /// Called with text as it becomes certain: whole UTF-8 characters, no part of a stop string.
  std::function<void(std::string_view text)> on_text = {};
  /// Asked between the pieces of a long prompt and before every token; true ends the generation.
  std::function<bool()> cancelled = {};
  /// Called while a long prompt is read.
  std::function<void(std::int64_t done_tokens, std::int64_t total_tokens)> on_prompt_progress = {};
};

struct GenerateOutput {
  std::vector<std::int32_t> tokens;  ///< the new ones, an end token included
  std::string text;                  ///< of the new tokens, up to a stop string; needs a tokenizer
  /// With output_scores, for each token: its score after all processors, and the logarithm of the
  /// probability with which it was drawn, or would have been. In transformers,
  /// compute_transition_scores without and with normalize_logits.
  std::vector<float> scores;
  std::vector<float> logprobs;
  FinishReason finish_reason = FinishReason::kLength;
  std::int64_t prompt_tokens = 0;
  double prompt_seconds = 0.0;    ///< until the first token was chosen
  double generate_seconds = 0.0;  ///< from then on
};

/// What a loaded model takes and reads.
struct ModelSize {
  std::int64_t total_parameters = 0;
  std::int64_t active_parameters = 0;    ///< used for one token, embeddings not counted
  std::int64_t weight_bytes = 0;         ///< in memory
  std::int64_t active_weight_bytes = 0;  ///< read for one token
};

/// A MiniMax model with its language head. Thread safety: one call at a time.
class MiniMaxForCausalLM {
 public:
  MiniMaxForCausalLM(MiniMaxForCausalLM&&) noexcept;
  MiniMaxForCausalLM& operator=(MiniMaxForCausalLM&&) noexcept;
  MiniMaxForCausalLM(const MiniMaxForCausalLM&) = delete;
  MiniMaxForCausalLM& operator=(const MiniMaxForCausalLM&) = delete;
  ~MiniMaxForCausalLM();

  /// Loads config.json and the safetensors files of a model directory.
  /// Throws: Error{kCorruptFile, kUnsupported, kIo, kOutOfMemory} naming file, tensor and field.
  static MiniMaxForCausalLM from_pretrained(const std::filesystem::path& directory,
                                            const LoadOptions& options = {});

  const MiniMaxConfig& config() const;
  const GenerationConfig& generation_config() const;
  const ModelSize& size() const;
  int threads() const;
  ComputeType dtype() const;
  /// Ids whose rows of the head are all zero: never generated.
  const std::vector<std::int32_t>& suppressed_tokens() const;
  const std::vector<std::string>& warnings() const;

  State new_state() const;
  /// Throws: Error{kCorruptFile} where `bytes` is not a state of this model.
  State restore_state(std::string_view bytes) const;

  /// Throws: Error{kInvalidArgument} for no tokens or an id outside of the vocabulary.
  CausalLMOutput forward(std::span<const std::int32_t> input_ids,
                         const ForwardOptions& options = {});

  GenerateOutput generate(std::span<const std::int32_t> input_ids, const GenerationConfig& config,
                          const GenerateOptions& options = {});

  struct Impl;
  explicit MiniMaxForCausalLM(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace minimax
