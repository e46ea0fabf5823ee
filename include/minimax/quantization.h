// SPDX-License-Identifier: Apache-2.0
// Weights that are quantized while a model is loaded.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace minimax {

/// The arithmetic of the projections. Everything else is float32.
enum class ComputeType {
  kAuto,      ///< kBFloat16 where projections are bfloat16 or quantized, else kFloat32
  kFloat32,   ///< activations as they are; weights as stored
  kBFloat16,  ///< activations rounded, sums in float32: to bfloat16 with plain weights, which are
              ///< rounded, too; to int8 in groups of 32 with quantized ones
};

enum class Bnb4BitQuantType { kFp4, kNf4 };

/// As the class of transformers, with its defaults but for the compute type. Embeddings, the router
/// and norms are never quantized; experts are, though transformers leaves its fused ones as they
/// are. Matrices whose rows are no multiple of 64 stay as stored.
struct BitsAndBytesConfig {
  bool load_in_8bit = false;  ///< int8 with a scale for each row
  bool load_in_4bit = false;  ///< 4 bits with a scale for each 64 elements
  Bnb4BitQuantType bnb_4bit_quant_type = Bnb4BitQuantType::kFp4;
  bool bnb_4bit_use_double_quant = false;  ///< scales in 8 bits: the values, not yet the memory
  ComputeType bnb_4bit_compute_dtype = ComputeType::kAuto;
  /// Modules to leave as stored, as ends or beginnings of names: "lm_head", "model.layers.0",
  /// "out_proj". Unset: the heads.
  std::optional<std::vector<std::string>> llm_int8_skip_modules = std::nullopt;
};

}  // namespace minimax
