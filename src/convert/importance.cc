// SPDX-License-Identifier: Apache-2.0
#include "convert/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "io/safetensors_writer.h"
#include "model/parameters.h"

namespace minimax::convert {
namespace {

constexpr const char* kFormatKey = "minimax.file";
constexpr const char* kFormatValue = "importance matrix 1";
constexpr std::string_view kCountEnding = ".rows";

[[noreturn]] void refuse(const std::string& source, std::string_view name, std::string_view what) {
  throw Error(ErrorCode::kCorruptFile,
              fmt::format("{}: \"{}\": {}", source, base::printable(name, 100), what));
}

template <class T>
std::vector<T> read_all(const io::CheckpointReader& reader, const io::TensorEntry& entry) {
  std::vector<T> values(static_cast<std::size_t>(entry.shape.elements()));
  reader.read(entry, std::as_writable_bytes(std::span(values)));
  return values;
}

std::int64_t read_count(const io::Checkpoint& checkpoint, const io::CheckpointReader& reader,
                        const std::string& source, const std::string& name) {
  const std::string count_name = name + std::string(kCountEnding);
  const io::TensorEntry* entry = checkpoint.find(count_name);
  if (entry == nullptr || entry->dtype != tensor::DType::kI64 || entry->shape.elements() != 1) {
    refuse(source, count_name, "expected one I64, the number of rows that were seen");
  }
  const std::int64_t count = read_all<std::int64_t>(reader, *entry).front();
  if (count < 0) {
    refuse(source, count_name, fmt::format("expected a count from 0, found {}", count));
  }
  return count;
}

ImportanceMatrix::Input read_input(const io::Checkpoint& checkpoint,
                                   const io::CheckpointReader& reader, const std::string& source,
                                   const io::TensorEntry& entry) {
  if (entry.dtype != tensor::DType::kF32 || entry.format || entry.shape.rank() != 1) {
    refuse(source, entry.name,
           fmt::format("expected F32 with one extent, found {} {}", tensor::dtype_name(entry.dtype),
                       entry.shape.to_string()));
  }
  ImportanceMatrix::Input input{.mean_squares = read_all<float>(reader, entry),
                                .rows = read_count(checkpoint, reader, source, entry.name)};
  for (const float value : input.mean_squares) {
    if (!std::isfinite(value) || value < 0) {
      refuse(source, entry.name, fmt::format("expected mean squares from 0, found {}", value));
    }
  }
  return input;
}

}  // namespace

void ImportanceMatrix::set(std::string_view parameter, Input input) {
  inputs_.insert_or_assign(input_name(parameter), std::move(input));
}

std::span<const float> ImportanceMatrix::columns(std::string_view parameter,
                                                 std::int64_t expected) const {
  if (inputs_.empty() || parameter == model::kEmbeddingsName) {
    return {};
  }
  const std::string name = input_name(parameter);
  const auto it = inputs_.find(name);
  if (it == inputs_.end()) {
    refuse(source_, name,
           "expected the importance of this input, found none; it is of another "
           "model");
  }
  if (std::ssize(it->second.mean_squares) != expected) {
    refuse(source_, name,
           fmt::format("expected {} columns, found {}; it is of another model", expected,
                       it->second.mean_squares.size()));
  }
  return it->second.rows > 0 ? std::span<const float>(it->second.mean_squares)
                             : std::span<const float>();
}

std::string input_name(std::string_view parameter) {
  constexpr std::array kSameInput = {
      std::pair<std::string_view, std::string_view>(".w3.weight", ".w1.weight"),
      std::pair<std::string_view, std::string_view>(".k_proj.weight", ".q_proj.weight"),
      std::pair<std::string_view, std::string_view>(".v_proj.weight", ".q_proj.weight"),
      std::pair<std::string_view, std::string_view>(".output_gate.weight", ".qkv_proj.weight"),
      std::pair<std::string_view, std::string_view>(".up_proj.weight", ".gate_proj.weight"),
  };
  for (const auto& [ending, replacement] : kSameInput) {
    if (parameter.ends_with(ending)) {
      return std::string(parameter.substr(0, parameter.size() - ending.size())) +
             std::string(replacement);
    }
  }
  return std::string(parameter);
}

ImportanceMatrix read_importance(const std::filesystem::path& path) {
  const std::string source = base::printable(path.string());
  const io::Checkpoint checkpoint = io::read_safetensors(path);
  const auto kind = checkpoint.metadata.find(kFormatKey);
  base::check(kind != checkpoint.metadata.end() && kind->second == kFormatValue,
              ErrorCode::kCorruptFile, [&] {
                return fmt::format("{}: expected __metadata__ with {} \"{}\", found none", source,
                                   kFormatKey, kFormatValue);
              });
  const io::CheckpointReader reader(checkpoint);
  ImportanceMatrix matrix;
  matrix.source_ = source;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    if (!entry.name.ends_with(kCountEnding)) {
      matrix.set(entry.name, read_input(checkpoint, reader, source, entry));
    }
  }
  base::check(!matrix.empty(), ErrorCode::kCorruptFile,
              [&] { return fmt::format("{}: expected tensors, found none", source); });
  return matrix;
}

void write_importance(const ImportanceMatrix& matrix, const std::filesystem::path& path) {
  std::vector<io::TensorPlan> plans;
  for (const auto& [name, input] : matrix.inputs()) {
    plans.push_back({name, tensor::DType::kF32, tensor::Shape{std::ssize(input.mean_squares)}});
    plans.push_back({name + std::string(kCountEnding), tensor::DType::kI64, tensor::Shape{1}});
  }
  io::SafetensorsWriter writer(path, plans, {{kFormatKey, kFormatValue}});
  std::size_t index = 0;
  for (const auto& [name, input] : matrix.inputs()) {
    writer.append(index++, std::as_bytes(std::span(input.mean_squares)));
    writer.append(index++, std::as_bytes(std::span(&input.rows, 1)));
  }
  writer.commit();
}

}  // namespace minimax::convert
