// SPDX-License-Identifier: Apache-2.0
// What is to be loaded: every row of the table of parameters with its tensor in the checkpoint and
// the format that it will have in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "io/checkpoint.h"
#include "minimax/model.h"
#include "model/convert.h"
#include "model/model_source.h"
#include "model/parameters.h"
#include "ops/context.h"

namespace minimax::model {

/// One parameter and where it lies in the checkpoint, with the format it will have in memory.
struct LoadItem {
  const Parameter* parameter = nullptr;
  const ParameterSource* source = nullptr;
  const io::TensorEntry* entry = nullptr;  // null for one that may be missing, and is
  quant::Format format = quant::Format::kF32;
  quant::Layout layout = quant::Layout::kRows;
  bool nests_scales = false;  // they are quantized, too, as bitsandbytes does
  bool on_host = false;       // in pinned memory, while the others are on a GPU
};

/// Finds the tensor of every parameter. The items point into both arguments.
/// Throws: Error{kCorruptFile} naming missing tensors or the tensor with expected and found shape;
/// Error{kUnsupported} for element types that are none of quant/format.h.
std::vector<LoadItem> match(const ModelSource& model, const std::vector<Parameter>& table);

/// The arithmetic that is asked for, or the one that fits the formats of the checkpoint.
ops::Precision resolve_precision(const LoadOptions& options, const std::vector<LoadItem>& items);

/// Sets how every item will be in memory. Its format: float32 for norms and the router, for
/// projections what options.quantization_config asks for, else the stored one or, where the model
/// computes in bfloat16, bfloat16. Among quantized weights plain ones were left so on purpose: they
/// stay as they are. On the CPU quantized matrices that are multiplied by lie in panels; embeddings
/// are only looked up, but where the head is tied to them.
/// Throws: Error{kInvalidArgument} where weights that are quantized already are to be quantized.
void choose_formats(const LoadOptions& options, ops::Precision precision, bool ties_embeddings,
                    std::vector<LoadItem>& items);

/// The same for random weights: all projections in `format`, or its fallback where rows do not
/// divide into blocks.
void choose_random_formats(quant::Format format, Device device, ops::Precision precision,
                           bool ties_embeddings, std::vector<LoadItem>& items);

/// Where an item lies. Requires: it has an entry.
StoredPart stored_part(const LoadItem& item);

/// What an item will be in memory, without data.
quant::Matrix matrix_of(const LoadItem& item);

/// What it takes in an arena.
std::int64_t bytes_in_memory(const LoadItem& item);

/// Sums over all items.
ModelSize sum_sizes(const MiniMaxConfig& config, const std::vector<LoadItem>& items);

}  // namespace minimax::model
