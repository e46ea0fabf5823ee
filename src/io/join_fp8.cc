// SPDX-License-Identifier: Apache-2.0
// Recognises e4m3 weights by their type and finds the scales beside them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "io/joined_tensor.h"
#include "quant/format.h"

namespace minimax::io {
namespace {

using base::printable;
using tensor::DType;
using tensor::Shape;

constexpr std::int64_t kBlock = 128;  // rows and columns that share a scale
constexpr std::array<std::string_view, 2> kScaleEndings = {"_scale_inv", "_scale"};

std::int64_t blocks_of(std::int64_t extent) { return (extent + kBlock - 1) / kBlock; }

[[noreturn]] void refuse(const TensorEntry& entry, std::string_view what) {
  throw Error(ErrorCode::kCorruptFile, fmt::format("{}: {}", printable(entry.name), what));
}

class Joiner {
 public:
  explicit Joiner(Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  void run() {
    for (const TensorEntry& entry : checkpoint_.tensors) {
      if (entry.dtype == DType::kF8E4M3) {
        join(entry);
      }
    }
    std::erase_if(checkpoint_.tensors,
                  [&](const TensorEntry& entry) { return used_.contains(entry.name); });
    std::ranges::move(made_, std::back_inserter(checkpoint_.tensors));
    merge_files(checkpoint_);
  }

 private:
  const TensorEntry& scales_of(const TensorEntry& codes) const {
    for (const std::string_view ending : kScaleEndings) {
      if (const auto* scales = checkpoint_.find(codes.name + std::string(ending))) {
        return *scales;
      }
    }
    refuse(codes, fmt::format("expected its scales in {}_scale_inv or {}_scale, found neither",
                              printable(codes.name), printable(codes.name)));
  }

  // Activations are quantized as they come; what was measured for them is of no use.
  void forget_activation_scale(const std::string& name) {
    constexpr std::string_view kWeight = ".weight";
    if (name.ends_with(kWeight)) {
      used_.insert(name.substr(0, name.size() - kWeight.size()) + ".input_scale");
    }
  }

  void join(const TensorEntry& codes) {
    const Shape& shape = codes.shape;
    if (shape.rank() < 2 || shape.elements() == 0) {
      refuse(codes, fmt::format("F8_E4M3: expected a matrix, found {}", shape.to_string()));
    }
    JoinedTensor joined;
    joined.format = quant::Format::kFP8;
    joined.codes = codes;
    joined.absmax = scales_of(codes);
    set_blocks(joined);
    used_.insert(codes.name);
    used_.insert(joined.absmax.name);
    forget_activation_scale(codes.name);
    add(std::move(joined));
  }

  // One scale for all, for each row, or for each block.
  static void set_blocks(JoinedTensor& joined) {
    const Shape& shape = joined.codes.shape;
    const TensorEntry& scales = joined.absmax;
    const std::int64_t rows = shape[-2];
    const std::int64_t columns = shape[-1];
    const std::int64_t matrices = shape.elements() / (rows * columns);
    const std::int64_t count = scales.shape.elements();
    const bool is_float =
        scales.dtype == DType::kF32 || scales.dtype == DType::kBF16 || scales.dtype == DType::kF16;
    const bool ends_in_columns = scales.shape.rank() >= 2 &&
                                 scales.shape[-1] == blocks_of(columns) &&
                                 scales.shape[-2] == blocks_of(rows);
    joined.block_elements = columns;
    if (is_float && count == 1) {
      joined.block_rows = shape.elements();
    } else if (is_float && ends_in_columns &&
               count == matrices * blocks_of(rows) * blocks_of(columns)) {
      joined.block_rows = kBlock;
      joined.block_elements = kBlock;
    } else if (is_float && count == matrices * rows) {
      joined.block_rows = 1;
    } else {
      refuse(scales,
             fmt::format(
                 "expected scales (F32, F16 or BF16) of the tensor, of the rows or of blocks "
                 "of 128 x 128 of {}, found {} {}",
                 shape.to_string(), tensor::dtype_name(scales.dtype), scales.shape.to_string()));
    }
  }

  void add(JoinedTensor joined) {
    TensorEntry entry = joined.codes;
    const quant::FormatInfo& fp8 = quant::info(quant::Format::kFP8);
    entry.joined = static_cast<std::int32_t>(checkpoint_.joined.size());
    if (entry.shape[-1] % fp8.block_elements == 0) {
      entry.dtype = DType::kU8;
      entry.format = fp8.format;
      entry.bytes = entry.shape.elements() / fp8.block_elements * fp8.block_bytes;
    } else {
      entry.dtype = DType::kF32;
      entry.bytes = entry.shape.elements() * tensor::dtype_bytes(DType::kF32);
    }
    checkpoint_.joined.push_back(std::move(joined));
    made_.push_back(std::move(entry));
  }

  Checkpoint& checkpoint_;
  std::unordered_set<std::string> used_;
  std::vector<TensorEntry> made_;
};

}  // namespace

void join_fp8(Checkpoint& checkpoint) {
  const bool has_codes = std::ranges::any_of(
      checkpoint.tensors, [](const TensorEntry& entry) { return entry.dtype == DType::kF8E4M3; });
  if (has_codes) {
    Joiner(checkpoint).run();
  }
}

}  // namespace minimax::io
