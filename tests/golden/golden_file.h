// SPDX-License-Identifier: Apache-2.0
// Reads the golden files of this folder; README.md describes their layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/checkpoint.h"

namespace minimax::testing {

inline constexpr const char* kDemonstrationModel = "tiny-minimax";

/// The random models with a golden.safetensors of sequences: folders of tests/golden and of
/// tests/golden/window ("window/one_key"), sorted.
std::vector<std::string> random_model_names();

/// The folders of tests/golden/heads, as "heads/token_softmax", sorted.
std::vector<std::string> head_model_names();

/// The folder of a random model, or of the demonstration model.
std::filesystem::path golden_model_directory(const std::string& name);

/// The golden.safetensors that belongs to it.
std::filesystem::path golden_path(const std::string& name);

/// One golden.safetensors, read tensor by tensor.
class GoldenFile {
 public:
  explicit GoldenFile(const std::filesystem::path& path);

  bool has(const std::string& tensor) const { return checkpoint_.find(tensor) != nullptr; }
  /// Of all tensors, sorted.
  std::vector<std::string> names() const;
  std::vector<std::int64_t> shape(const std::string& tensor) const;
  bool is_float(const std::string& tensor) const;
  std::vector<float> floats(const std::string& tensor) const;
  std::vector<std::int64_t> integers(const std::string& tensor) const;
  std::vector<std::byte> bytes(const std::string& tensor) const;
  /// "len_17" for every sequence in the file.
  std::vector<std::string> sequences() const;
  std::vector<std::int32_t> input_ids(const std::string& sequence) const;

 private:
  template <class T>
  std::vector<T> read(const std::string& tensor) const;

  io::Checkpoint checkpoint_;
};

/// The rows of a [N, width] matrix that `rows` lists.
std::vector<float> select_rows(const std::vector<float>& matrix, std::int64_t width,
                               const std::vector<std::int64_t>& rows);

}  // namespace minimax::testing
