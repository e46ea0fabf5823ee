// SPDX-License-Identifier: Apache-2.0
// One recorded call of forward() from tests/golden/heads; README.md there describes the layout.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "minimax/device.h"
#include "minimax/inputs.h"
#include "minimax/outputs.h"
#include "tests/golden/golden_file.h"

namespace minimax::testing {

/// Everything that a call returned, by the names of transformers: "loss", "hidden_states.0" ...
using NamedOutputs = std::map<std::string, FloatTensor>;

/// The calls that a file records.
std::vector<std::string> call_names(const GoldenFile& file);

/// The arguments of one call. Must outlive what inputs() and options() return.
class HeadCall {
 public:
  HeadCall(const GoldenFile& file, const std::string& name);

  ModelInputs inputs() const;
  ForwardOptions options() const;

  /// Names of the outputs that transformers returned.
  std::vector<std::string> expected_names() const;
  FloatTensor expected(const std::string& output) const;

  bool has_padding() const;
  /// Whether a position of the [B, T] inputs is a token.
  bool is_token(std::int64_t row, std::int64_t column) const;
  std::int64_t batch_size() const { return batch_size_; }
  std::int64_t length() const { return length_; }

 private:
  template <class T>
  std::vector<T> argument(const std::string& argument) const;
  std::int64_t option(const std::string& option) const;

  const GoldenFile& file_;
  std::string name_;
  std::int64_t batch_size_ = 0;
  std::int64_t length_ = 0;
  std::vector<std::int32_t> input_ids_;
  std::vector<std::int32_t> attention_mask_;
  std::vector<std::int32_t> labels_;
  std::vector<std::int64_t> position_ids_;
  std::vector<std::int64_t> start_positions_;
  std::vector<std::int64_t> end_positions_;
  std::vector<float> inputs_embeds_;
  std::vector<float> float_labels_;
};

/// Loads the model of the folder as the class that its configuration names and runs the call.
NamedOutputs run_call(const std::string& model, Device device, const HeadCall& call);

}  // namespace minimax::testing
