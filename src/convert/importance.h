// SPDX-License-Identifier: Apache-2.0
// The importance matrix of a model: how large the inputs of each projection are, column by column.
// An error in a weight counts as much as the square of what it is multiplied with.
// Layout: docs/formats/importance_matrix.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::convert {

class ImportanceMatrix {
 public:
  /// What was seen in front of one projection, or of several with the same input.
  struct Input {
    std::vector<float> mean_squares;  // [columns]
    std::int64_t rows = 0;            // how many were seen; 0 for an expert that was never chosen
  };

  /// Adds or replaces the input of a parameter.
  void set(std::string_view parameter, Input input);

  /// The mean squares for the columns of a parameter; empty where no row was seen, without a
  /// matrix, and for the embeddings, whose columns no product reads. Throws: Error{kCorruptFile}
  /// where it has other columns, or where the matrix lacks it.
  std::span<const float> columns(std::string_view parameter, std::int64_t expected) const;

  bool empty() const { return inputs_.empty(); }
  const std::map<std::string, Input, std::less<>>& inputs() const { return inputs_; }
  const std::string& source() const { return source_; }

 private:
  friend ImportanceMatrix read_importance(const std::filesystem::path& path);
  std::map<std::string, Input, std::less<>> inputs_;  // by input_name()
  std::string source_ = "importance matrix";
};

/// The parameter that stands for all that have the same input: w1 for w3, q for k and v, and qkv
/// for the output gate.
std::string input_name(std::string_view parameter);

/// Throws: Error{kCorruptFile} for a file that is no importance matrix, numbers that are negative
/// or not finite, and negative counts; Error{kIo}.
ImportanceMatrix read_importance(const std::filesystem::path& path);

/// Durably and atomically. Throws: Error{kIo}.
void write_importance(const ImportanceMatrix& matrix, const std::filesystem::path& path);

}  // namespace minimax::convert
