// SPDX-License-Identifier: Apache-2.0
// Which tensors of the result a planned tensor becomes, and how they are spread over files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "convert/quantize_plan.h"
#include "io/safetensors_writer.h"

namespace minimax::convert {

struct OutputTensor {
  io::TensorPlan plan;
  std::string format;       // as in the manifest
  tensor::Shape shape;      // in elements
  bool has_blocks = false;  // rows of blocks of `format`, which the file has to name
};

/// How the tensors of a group are made.
enum class Packing {
  kRows,  // one tensor: the rows as they are stored, or as blocks
  k4Bit,  // as bitsandbytes: codes, scales, and what describes them
  kInt8,  // codes and the scale of each row
};

/// What rows of one stored tensor become.
struct OutputGroup {
  const PlannedTensor* planned = nullptr;
  Packing packing = Packing::kRows;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::vector<OutputTensor> tensors;

  std::int64_t bytes() const;
};

struct OutputFile {
  std::string name;
  std::vector<OutputGroup> groups;
};

/// All rows of one tensor, as they are stored or as blocks, under its name.
OutputGroup rows_group(const PlannedTensor& planned);

/// One tensor of rows of blocks for every quantized tensor, of the same name.
/// Layout: docs/formats/quantized_checkpoint.md. `plan` must outlive the result.
std::vector<OutputGroup> block_layout(const QuantizePlan& plan);

/// Fills files up to `max_bytes` in the order of the groups; a larger group has its own.
std::vector<OutputFile> split_into_files(std::vector<OutputGroup> groups, std::int64_t max_bytes);

}  // namespace minimax::convert
