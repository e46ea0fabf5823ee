// SPDX-License-Identifier: Apache-2.0
// What the tensors of a model become in a GGUF file for llama.cpp: decided from its configuration
// and the headers of its files, before any weight is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "convert/quantize_plan.h"
#include "io/gguf_writer.h"
#include "model/model_source.h"

namespace minimax::convert {

struct GgufPlanOptions {
  std::optional<quant::Format> format = {};  // of all matrices; absent: as they are stored
  std::vector<KeepRule> keep = {};           // by published names; the last one that matches holds
  bool requantize = false;                   // accept blocks that become other blocks
};

/// One parameter of the model, which is all or a part of a tensor in the file.
struct GgufPart {
  const io::TensorEntry* source = nullptr;
  Segment rows;  // of the source
};

struct GgufTensor {
  io::GgufTensorPlan plan;
  std::vector<GgufPart> parts;  // in the order of the file
  /// Of all weights: what llama.cpp's only residual factor leaves over.
  float factor = 1.0F;
  std::optional<quant::Format> wanted = {};  // where its rows do not divide into those blocks
};

struct GgufPlan {
  std::vector<GgufTensor> tensors;
  std::vector<std::string> warnings;

  std::int64_t elements() const;
};

/// Norms and routers become F32. llama.cpp has one factor for the skip paths of all layers
/// (residual_scale) and none for the branches: it is full_attn_alpha_factor, and the projections
/// behind attention and experts are multiplied by what the other factors differ from it, which the
/// norms that follow make equal.
/// Requires: `model` outlives the plan.
/// Throws: Error{kUnsupported} naming what llama.cpp cannot express: shared experts, a sliding
/// window, other heads than that of a language model, slopes for a number of heads that is no power
/// of two, factors of zero, and formats that GGUF has no number for; Error{kCorruptFile} where a
/// tensor is missing; Error{kInvalidArgument} for blocks that may not be quantized again, and for a
/// rule that nothing matches.
GgufPlan plan_gguf(const model::ModelSource& model, const GgufPlanOptions& options);

}  // namespace minimax::convert
