// SPDX-License-Identifier: Apache-2.0
// Recognises the tensors of bitsandbytes by their names and checks that they fit together.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "io/checkpoint_reader.h"
#include "io/joined_tensor.h"
#include "quant/bitsandbytes.h"
#include "quant/format.h"

namespace minimax::io {
namespace {

using base::JsonView;
using base::printable;
using tensor::DType;

constexpr std::string_view kStateMark = ".quant_state.bitsandbytes__";
constexpr std::string_view kScbEnding = ".SCB";
constexpr std::int64_t kMaxStateBytes = 65536;
constexpr std::int64_t kMapEntries = 256;

[[noreturn]] void refuse(ErrorCode code, const TensorEntry& entry, std::string_view what) {
  throw Error(code, fmt::format("{}: {}", printable(entry.name), what));
}

class Joiner {
 public:
  explicit Joiner(Checkpoint& checkpoint) : checkpoint_(checkpoint), reader_(checkpoint) {}

  void run() {
    for (const TensorEntry& entry : checkpoint_.tensors) {
      if (const std::size_t at = entry.name.find(kStateMark); at != std::string::npos) {
        join_4bit(entry, entry.name.substr(0, at));
      } else if (entry.name.ends_with(kScbEnding)) {
        join_int8(entry, entry.name.substr(0, entry.name.size() - kScbEnding.size()));
      }
    }
    replace();
  }

 private:
  const TensorEntry& part(const std::string& name) {
    const TensorEntry& entry = checkpoint_.require(name);
    used_.insert(entry.name);
    return entry;
  }

  template <class T>
  std::vector<T> all_of(const TensorEntry& entry, DType dtype, std::int64_t count) const {
    check_size(entry, dtype, count);
    std::vector<T> values(static_cast<std::size_t>(count));
    reader_.read(entry, std::as_writable_bytes(std::span(values)));
    return values;
  }

  static void check_size(const TensorEntry& entry, DType dtype, std::int64_t count) {
    if (entry.dtype != dtype || entry.format || entry.shape.elements() != count) {
      refuse(
          ErrorCode::kCorruptFile, entry,
          fmt::format("expected {} elements of {}, found {} {}", count, tensor::dtype_name(dtype),
                      tensor::dtype_name(entry.dtype), entry.shape.to_string()));
    }
  }

  void join_4bit(const TensorEntry& state_entry, const std::string& name) {
    base::check(state_entry.bytes <= kMaxStateBytes, ErrorCode::kCorruptFile, [&] {
      return fmt::format("{}: expected at most {} bytes, found {}", printable(state_entry.name),
                         kMaxStateBytes, state_entry.bytes);
    });
    const auto text = all_of<char>(state_entry, DType::kU8, state_entry.bytes);
    const std::string source = printable(state_entry.name);
    const base::Json json = base::parse_json(std::string_view(text.data(), text.size()), source);
    const JsonView state(json, source);
    used_.insert(state_entry.name);
    JoinedTensor joined;
    joined.format = format_of(state, state_entry.name);
    const tensor::Shape shape = shape_of(state.require("shape"));
    joined.block_elements = state.require("blocksize").as_integer(1, std::int64_t{1} << 20);
    joined.codes = part(name);
    const std::int64_t code_bytes = shape.elements() / 2 + shape.elements() % 2;
    if (joined.codes.bytes != code_bytes) {
      refuse(ErrorCode::kCorruptFile, joined.codes,
             fmt::format("expected {} bytes for {} elements of 4 bits, found {}", code_bytes,
                         shape.elements(), joined.codes.bytes));
    }
    check_map(part(name + ".quant_map"), joined.format);
    joined.absmax = part(name + ".absmax");
    const std::int64_t scales = quant::count_blocks(shape.elements(), joined.block_elements);
    if (state.get("nested_blocksize")) {
      set_nested(state, name, scales, joined);
    } else {
      check_size(joined.absmax, DType::kF32, scales);
    }
    add(name, shape, std::move(joined));
  }

  static quant::Format format_of(const JsonView& state, std::string_view name) {
    const JsonView type = state.require("quant_type");
    const std::string& value = type.as_string();
    if (!name.ends_with(value) || (value != "nf4" && value != "fp4")) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: {}: expected \"nf4\" or \"fp4\" as in its name, found \"{}\"",
                              state.source(), type.pointer(), printable(value)));
    }
    return value == "nf4" ? quant::Format::kNF4 : quant::Format::kFP4;
  }

  static tensor::Shape shape_of(const JsonView& view) {
    std::vector<std::int64_t> extents;
    std::int64_t product = 1;
    for (const JsonView& extent : view.elements()) {
      extents.push_back(extent.as_integer(1, std::int64_t{1} << 40));
      if (__builtin_mul_overflow(product, extents.back(), &product)) {
        view.fail_expected("a product below 2^63");
      }
    }
    if (extents.empty() || extents.size() > tensor::Shape::kMaxRank) {
      view.fail_expected("1 to 8 extents");
    }
    return tensor::Shape(extents);
  }

  void check_map(const TensorEntry& entry, quant::Format format) const {
    const auto& expected = format == quant::Format::kNF4 ? quant::kNf4Values : quant::kFp4Values;
    const auto map = all_of<float>(entry, DType::kF32, std::ssize(expected));
    // The package rounds some of its tables once more than we do.
    constexpr float kRounding = 1e-6f;
    for (std::size_t i = 0; i < map.size(); ++i) {
      if (!(std::abs(map[i] - expected[i]) <= kRounding)) {
        refuse(ErrorCode::kUnsupported, entry,
               fmt::format("expected {} for code {}, found {}", expected[i], i, map[i]));
      }
    }
  }

  void set_nested(const JsonView& state, const std::string& name, std::int64_t scales,
                  JoinedTensor& joined) {
    check_size(joined.absmax, DType::kU8, scales);
    joined.nested_block_elements =
        state.require("nested_blocksize").as_integer(1, std::int64_t{1} << 20);
    joined.nested_offset = static_cast<float>(state.require("nested_offset").as_finite());
    joined.nested_absmax = part(name + ".nested_absmax");
    check_size(*joined.nested_absmax, DType::kF32,
               quant::count_blocks(scales, joined.nested_block_elements));
    joined.nested_map = all_of<float>(part(name + ".nested_quant_map"), DType::kF32, kMapEntries);
  }

  void join_int8(const TensorEntry& scb, const std::string& module) {
    const std::string name = module + ".weight";
    JoinedTensor joined;
    joined.format = quant::Format::kInt8F32;
    joined.codes = part(name);
    joined.absmax = part(scb.name);
    const tensor::Shape shape = joined.codes.shape;
    if (joined.codes.dtype != DType::kI8 || shape.rank() != 2 || shape.elements() == 0) {
      refuse(ErrorCode::kCorruptFile, joined.codes,
             fmt::format("expected I8 [rows, columns] beside its SCB, found {} {}",
                         tensor::dtype_name(joined.codes.dtype), shape.to_string()));
    }
    check_size(joined.absmax, DType::kF32, shape[0]);
    joined.block_elements = shape[1];
    if (checkpoint_.find(module + ".weight_format") != nullptr) {
      const TensorEntry& format = part(module + ".weight_format");
      if (all_of<std::uint8_t>(format, DType::kU8, 1).front() != 0) {
        refuse(ErrorCode::kUnsupported, format,
               "expected 0, rows as they are, found another order");
      }
    }
    add(name, shape, std::move(joined));
  }

  void add(const std::string& name, const tensor::Shape& shape, JoinedTensor joined) {
    constexpr std::int64_t kBlock = 64;
    TensorEntry entry = joined.codes;
    entry.name = name;
    entry.shape = shape;
    entry.joined = static_cast<std::int32_t>(checkpoint_.joined.size());
    const bool has_blocks = shape[-1] % kBlock == 0 && joined.block_elements % kBlock == 0;
    if (has_blocks) {
      entry.dtype = DType::kU8;
      entry.format = joined.format;
      entry.bytes = shape.elements() / kBlock * quant::info(joined.format).block_bytes;
    } else {
      entry.dtype = DType::kF32;
      entry.format.reset();
      entry.bytes = shape.elements() * tensor::dtype_bytes(DType::kF32);
    }
    checkpoint_.joined.push_back(std::move(joined));
    made_.push_back(std::move(entry));
  }

  void replace() {
    std::erase_if(checkpoint_.tensors,
                  [&](const TensorEntry& entry) { return used_.contains(entry.name); });
    std::ranges::move(made_, std::back_inserter(checkpoint_.tensors));
    merge_files(checkpoint_);
  }

  Checkpoint& checkpoint_;
  CheckpointReader reader_;
  std::unordered_set<std::string> used_;
  std::vector<TensorEntry> made_;
};

}  // namespace

void join_bitsandbytes(Checkpoint& checkpoint) {
  const bool has_parts = std::ranges::any_of(checkpoint.tensors, [](const TensorEntry& entry) {
    return entry.name.find(kStateMark) != std::string::npos || entry.name.ends_with(kScbEnding);
  });
  if (has_parts) {
    Joiner(checkpoint).run();
  }
}

}  // namespace minimax::io
