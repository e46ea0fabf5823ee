// SPDX-License-Identifier: Apache-2.0
// The models of the MiniMax-01 family: load, forward, generate.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/config.h"
#include "minimax/device.h"
#include "minimax/device_map.h"
#include "minimax/generation.h"
#include "minimax/generation_config.h"
#include "minimax/inputs.h"
#include "minimax/outputs.h"
#include "minimax/quantization.h"
#include "minimax/state.h"

namespace minimax {

/// How softmax layers attend. Both give the same numbers but for rounding.
enum class AttnImplementation {
  kFlash,  ///< in tiles, in memory that does not grow with the length
  kEager,  ///< all scores at once: the reference
};

/// How the keys and values of softmax layers are kept between steps.
enum class KvCacheDtype {
  kAuto,  ///< as activations are
  kFloat32,
  kBFloat16,
  kFp8,   ///< e4m3 with a scale for every token and head: half of bfloat16
  kInt4,  ///< with a scale for every 32 numbers: 28 % of bfloat16
};

struct LoadOptions {
  Device device = Device::kCpu;
  ComputeType dtype = ComputeType::kAuto;
  /// kFp8 and kInt4 need AttnImplementation::kFlash.
  KvCacheDtype kv_cache_dtype = KvCacheDtype::kAuto;
  AttnImplementation attn_implementation = AttnImplementation::kFlash;
  int threads = 0;  ///< 0: one per available processor
  /// Quantizes the weights of a model that is not quantized yet.
  std::optional<BitsAndBytesConfig> quantization_config = std::nullopt;
  /// Replaces MiniMaxConfig::lightning_norm_eps; with rms_norm_eps, results compare with
  /// llama.cpp's.
  std::optional<double> lightning_norm_eps = std::nullopt;
  /// Which weights stay on the host while a GPU runs the model. Unset: none.
  std::optional<DeviceMap> device_map = std::nullopt;
  /// Takes no more of the GPU than so much, as max_memory of transformers. 0: what is free.
  std::int64_t gpu_memory_bytes = 0;
  /// Memory for routed experts. Those that do not fit are read from the files when the router
  /// chooses them. 0: all experts, or where memory is too small for them, what is available.
  std::int64_t expert_memory_bytes = 0;
  /// [layers * experts]: how often the router chose each, so that the most wanted are in memory
  /// from the start. Empty: not known.
  std::vector<std::int64_t> expert_counts = {};
  /// from_config() only: the format of the matrices but the router, as `minimax quantize` names it
  /// ("int4_g64", "bf16"). They are then filled with random blocks where they lie, much faster than
  /// with numbers to train from: for measuring. Empty: numbers to train from, in `dtype`.
  std::string random_format = {};
  std::string isa =
      {};  ///< "scalar", "avx2", "avx2_vnni" or "avx512"; empty: the fastest of the machine
  /// Called from the loading thread with the bytes read so far and in all.
  std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)> on_progress = {};
};

/// What a loaded model takes and reads.
struct ModelSize {
  std::int64_t total_parameters = 0;
  std::int64_t active_parameters = 0;    ///< used for one token, embeddings not counted
  std::int64_t weight_bytes = 0;         ///< in memory
  std::int64_t active_weight_bytes = 0;  ///< read for one token
  std::int64_t expert_weight_bytes = 0;  ///< of all routed experts
  std::int64_t quantized_parameters = 0;
  std::int64_t host_weight_bytes = 0;    ///< of weight_bytes, on the host beside a GPU
  std::int64_t staged_weight_bytes = 0;  ///< buffers on the GPU that those pass through
};

/// A model loaded into memory: what all classes of the family share. Thread safety: one call at a
/// time.
class MiniMaxPreTrainedModel {
 public:
  MiniMaxPreTrainedModel(MiniMaxPreTrainedModel&&) noexcept;
  MiniMaxPreTrainedModel& operator=(MiniMaxPreTrainedModel&&) noexcept;
  MiniMaxPreTrainedModel(const MiniMaxPreTrainedModel&) = delete;
  MiniMaxPreTrainedModel& operator=(const MiniMaxPreTrainedModel&) = delete;
  ~MiniMaxPreTrainedModel();

  const MiniMaxConfig& config() const;
  const ModelSize& size() const;
  int threads() const;
  ComputeType dtype() const;
  const std::vector<std::string>& warnings() const;

  State new_state() const;
  /// Throws: Error{kCorruptFile} where `bytes` is not a state of this model.
  State restore_state(std::string_view bytes) const;
  /// Throws: as restore_state, and Error{kIo}.
  State load_state(const std::filesystem::path& path) const;

  struct Impl;
  Impl& impl() { return *impl_; }
  const Impl& impl() const { return *impl_; }

 protected:
  explicit MiniMaxPreTrainedModel(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

// from_pretrained() of every class loads config.json and the safetensors files of a directory, or a
// GGUF file (as MiniMaxConfig::from_pretrained finds it), and
// throws Error{kCorruptFile, kUnsupported, kIo, kOutOfMemory} naming file, tensor and field. A head
// that the checkpoint lacks is made of random numbers, and a warning says so; the language head
// must be there. forward() throws Error{kInvalidArgument} naming the argument.

/// The layers without a head.
class MiniMaxModel : public MiniMaxPreTrainedModel {
 public:
  static MiniMaxModel from_pretrained(const std::filesystem::path& directory,
                                      const LoadOptions& options = {});
  static MiniMaxModel from_config(const MiniMaxConfig& config, const LoadOptions& options = {},
                                  std::uint64_t seed = 0);
  MoeModelOutputWithPast forward(const ModelInputs& inputs, const ForwardOptions& options = {});

 private:
  using MiniMaxPreTrainedModel::MiniMaxPreTrainedModel;
};

/// With the language head.
class MiniMaxForCausalLM : public MiniMaxPreTrainedModel {
 public:
  static MiniMaxForCausalLM from_pretrained(const std::filesystem::path& directory,
                                            const LoadOptions& options = {});
  static MiniMaxForCausalLM from_config(const MiniMaxConfig& config,
                                        const LoadOptions& options = {}, std::uint64_t seed = 0);

  const GenerationConfig& generation_config() const;
  /// Ids whose rows of the head are all zero: never generated.
  const std::vector<std::int32_t>& suppressed_tokens() const;

  MoeCausalLMOutputWithPast forward(const ModelInputs& inputs, const ForwardOptions& options = {});

  /// Continues one sequence.
  GenerateOutput generate(std::span<const std::int32_t> input_ids, const GenerationConfig& config,
                          const GenerateOptions& options = {});
  GenerateOutput generate(const std::vector<std::int32_t>& input_ids,
                          const GenerationConfig& config, const GenerateOptions& options = {});

  /// Continues every row: num_return_sequences outputs for the first row, then those for the next.
  /// The rows share nothing but the time: output i equals that of the row alone with the seed
  /// `seed` + i. max_length counts the tokens of each row, padding not.
  std::vector<GenerateOutput> generate(const ModelInputs& inputs, const GenerationConfig& config,
                                       const GenerateOptions& options = {});

 private:
  using MiniMaxPreTrainedModel::MiniMaxPreTrainedModel;
};

/// With a head that tells the class of a sequence by its last token.
class MiniMaxForSequenceClassification : public MiniMaxPreTrainedModel {
 public:
  static MiniMaxForSequenceClassification from_pretrained(const std::filesystem::path& directory,
                                                          const LoadOptions& options = {});
  static MiniMaxForSequenceClassification from_config(const MiniMaxConfig& config,
                                                      const LoadOptions& options = {},
                                                      std::uint64_t seed = 0);
  /// Throws: Error{kInvalidArgument} for several rows where the configuration has no pad_token_id.
  SequenceClassifierOutputWithPast forward(const ModelInputs& inputs,
                                           const ForwardOptions& options = {});

 private:
  using MiniMaxPreTrainedModel::MiniMaxPreTrainedModel;
};

/// With a head that tells the class of every token.
class MiniMaxForTokenClassification : public MiniMaxPreTrainedModel {
 public:
  static MiniMaxForTokenClassification from_pretrained(const std::filesystem::path& directory,
                                                       const LoadOptions& options = {});
  static MiniMaxForTokenClassification from_config(const MiniMaxConfig& config,
                                                   const LoadOptions& options = {},
                                                   std::uint64_t seed = 0);
  TokenClassifierOutput forward(const ModelInputs& inputs, const ForwardOptions& options = {});

 private:
  using MiniMaxPreTrainedModel::MiniMaxPreTrainedModel;
};

/// With a head that tells where an answer begins and ends.
class MiniMaxForQuestionAnswering : public MiniMaxPreTrainedModel {
 public:
  static MiniMaxForQuestionAnswering from_pretrained(const std::filesystem::path& directory,
                                                     const LoadOptions& options = {});
  static MiniMaxForQuestionAnswering from_config(const MiniMaxConfig& config,
                                                 const LoadOptions& options = {},
                                                 std::uint64_t seed = 0);
  QuestionAnsweringModelOutput forward(const ModelInputs& inputs,
                                       const ForwardOptions& options = {});

 private:
  using MiniMaxPreTrainedModel::MiniMaxPreTrainedModel;
};

/// The classes of transformers that pick the architecture: this library has one.
using AutoConfig = MiniMaxConfig;
using AutoModel = MiniMaxModel;
using AutoModelForCausalLM = MiniMaxForCausalLM;
using AutoModelForSequenceClassification = MiniMaxForSequenceClassification;
using AutoModelForTokenClassification = MiniMaxForTokenClassification;
using AutoModelForQuestionAnswering = MiniMaxForQuestionAnswering;

}  // namespace minimax
