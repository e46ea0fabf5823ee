// SPDX-License-Identifier: Apache-2.0
// Quantized weights as bitsandbytes keeps them: codes and scales in tensors of their own.
// Layout: docs/formats/bitsandbytes.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "convert/output_layout.h"
#include "convert/quantize_plan.h"
#include "cpu/thread_pool.h"
#include "io/checkpoint_reader.h"

namespace minimax::convert {

/// Whether the scales of 4-bit types are quantized themselves.
enum class DoubleQuant { kOff, kOn };

/// transformers computes in one type and takes what lies beside quantized weights as it is, so that
/// a router in float32 stops it. Gives all tensors that stay floating point the type that most
/// weights of the model are stored in.
void unify_types(QuantizePlan& plan);

/// What transformers calls that type.
std::string_view main_type_name(const QuantizePlan& plan);

/// The tensors of every weight in nf4, fp4 or int8_f32: those of kRows for all others. Parameters
/// that lie in one stored tensor become tensors of their own under their published names, unless
/// they stay as they are.
/// Throws: Error{kInvalidArgument} where a tensor would get another quantized format, or formats
/// that one checkpoint of bitsandbytes cannot mix. `plan` must outlive the result.
std::vector<OutputGroup> bitsandbytes_layout(const QuantizePlan& plan, DoubleQuant double_quant);

/// The quantization_config of such a checkpoint, as transformers writes it.
base::Json bitsandbytes_config(const QuantizePlan& plan, DoubleQuant double_quant);

/// The JSON that describes codes of 4 bits. With an offset it is as long for any.
std::string quant_state_text(const OutputGroup& group, std::optional<float> nested_offset);

/// Makes the tensors of groups with packing k4Bit or kInt8.
class BitsandbytesWriter {
 public:
  /// Bytes of tensor `index` of the group, in order.
  using Append = std::function<void(std::size_t index, std::span<const std::byte> bytes)>;
  using Report = std::function<void(std::int64_t elements)>;

  /// Requires: both outlive this object.
  BitsandbytesWriter(const io::CheckpointReader& reader, cpu::ThreadPool& pool)
      : reader_(reader), pool_(pool) {}

  /// Throws: Error{kCorruptFile} naming the tensor where a weight is not finite; Error{kIo}; what
  /// the functions throw.
  void write(const OutputGroup& group, const Append& append, const Report& report);

 private:
  void write_4bit(const OutputGroup& group, const Append& append, const Report& report);
  void write_int8(const OutputGroup& group, const Append& append, const Report& report);

  const io::CheckpointReader& reader_;
  cpu::ThreadPool& pool_;
  std::vector<float> rows_;
};

}  // namespace minimax::convert
