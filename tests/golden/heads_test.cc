// SPDX-License-Identifier: Apache-2.0
// Every class of the family against transformers: outputs and losses under any padding.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "minimax/model.h"
#include "tests/golden/golden_file.h"
#include "tests/golden/head_call.h"
#include "tests/support/difference.h"
#include "tests/support/thrown_by.h"

namespace minimax::testing {
namespace {

using ::testing::HasSubstr;

// As in parity_test.cc: sums in another order, in kernels in blocks and with fused multiply-adds.
constexpr double kReferenceTolerance = 2e-5;
constexpr double kCpuTolerance = 1e-4;
// Relative. Errors of single logits have all signs and mostly cancel in a mean.
constexpr double kLossTolerance = 1e-5;

// Whether a value of an output belongs to a token; those of outputs by row always do.
class TokenFilter {
 public:
  TokenFilter(const HeadCall& call, const std::string& output, const FloatTensor& tensor)
      : call_(call), shape_(tensor.shape) {
    if (output.starts_with("attentions")) {
      // Weights are [B, H, T, S]. States [B, H, D, D] are told from them by D, which is not T.
      columns_ = shape_[2] == call.length() ? shape_[2] : 0;
      inner_ = columns_ > 0 ? shape_[3] : 1;
    } else if (output.starts_with("router_logits")) {
      columns_ = call.length();
      inner_ = shape_[1];
    } else if (shape_.size() >= 2 && (shape_.size() == 3 || output.ends_with("_logits"))) {
      columns_ = shape_[1];
      inner_ = shape_.size() == 3 ? shape_[2] : 1;
    }
  }

  bool operator()(std::size_t index) const {
    if (columns_ == 0) {
      return true;
    }
    const std::int64_t position = static_cast<std::int64_t>(index) / inner_;
    const std::int64_t column = position % columns_;
    const std::int64_t heads = shape_.size() == 4 ? shape_[1] : 1;
    const std::int64_t row = position / columns_ / heads;
    return call_.is_token(row, call_.length() - columns_ + column);
  }

 private:
  const HeadCall& call_;
  std::vector<std::int64_t> shape_;
  std::int64_t columns_ = 0;  // 0: an output without columns
  std::int64_t inner_ = 1;    // values of a position
};

struct Split {
  std::vector<float> tokens;
  std::vector<float> padding;
};

Split split(const TokenFilter& is_token, const std::vector<float>& values) {
  Split parts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    (is_token(i) ? parts.tokens : parts.padding).push_back(values[i]);
  }
  return parts;
}

bool is_loss(const std::string& output) { return output.ends_with("loss"); }

// A span's probabilities are taken over the tokens here, in transformers over padding, too.
std::string comparable(const HeadCall& call, const std::string& output) {
  const std::vector<std::string> names = call.expected_names();
  const bool masked = std::count(names.begin(), names.end(), "loss_of_tokens") > 0;
  return output == "loss" && masked ? "loss_of_tokens" : output;
}

void expect_loss(float actual, float expected, const std::string& output) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << output;
    return;
  }
  EXPECT_NEAR(actual, expected, kLossTolerance * std::abs(expected)) << output;
}

class HeadModel : public ::testing::TestWithParam<std::tuple<std::string, Device>> {
 protected:
  std::string name() const { return std::get<0>(GetParam()); }
  Device device() const { return std::get<1>(GetParam()); }
  double tolerance() const {
    return device() == Device::kReference ? kReferenceTolerance : kCpuTolerance;
  }

  void expect_tensor(const HeadCall& call, const std::string& output, const FloatTensor& actual) {
    const FloatTensor expected = call.expected(output);
    ASSERT_EQ(actual.shape, expected.shape) << output;
    const TokenFilter is_token(call, output, expected);
    const Split found = split(is_token, actual.values);
    EXPECT_LT(relative_difference(found.tokens, split(is_token, expected.values).tokens),
              tolerance())
        << output;
    EXPECT_THAT(found.padding, ::testing::Each(0.0F)) << output;
  }

  void expect_outputs(const HeadCall& call, const NamedOutputs& outputs) {
    for (const std::string& output : call.expected_names()) {
      if (output == "loss_of_tokens") {
        continue;
      }
      const auto found = outputs.find(output);
      if (found == outputs.end()) {
        ADD_FAILURE() << output << " is missing";
      } else if (is_loss(output)) {
        expect_loss(found->second.values[0], call.expected(comparable(call, output)).values[0],
                    output);
      } else {
        expect_tensor(call, output, found->second);
      }
    }
  }
};

TEST_P(HeadModel, GivesTheOutputsOfTransformers) {
  const GoldenFile file(golden_path(name()));
  const std::vector<std::string> calls = call_names(file);
  ASSERT_GE(calls.size(), 3U);
  for (const std::string& each : calls) {
    SCOPED_TRACE(each);
    const HeadCall call(file, each);
    expect_outputs(call, run_call(name(), device(), call));
  }
}

TEST_P(HeadModel, ReturnsNothingThatTransformersDoesNot) {
  const GoldenFile file(golden_path(name()));
  for (const std::string& each : call_names(file)) {
    const HeadCall call(file, each);
    const std::vector<std::string> expected = call.expected_names();
    for (const auto& [output, tensor] : run_call(name(), device(), call)) {
      EXPECT_THAT(expected, ::testing::Contains(output)) << each;
    }
  }
}

std::string test_name(const ::testing::TestParamInfo<std::tuple<std::string, Device>>& test) {
  const auto& [name, device] = test.param;
  return name.substr(name.find('/') + 1) + (device == Device::kReference ? "_reference" : "_cpu");
}

INSTANTIATE_TEST_SUITE_P(All, HeadModel,
                         ::testing::Combine(::testing::ValuesIn(head_model_names()),
                                            ::testing::Values(Device::kReference, Device::kCpu)),
                         test_name);

template <class Model>
Model load(const std::string& name) {
  return Model::from_pretrained(golden_model_directory(name),
                                {.dtype = ComputeType::kFloat32, .threads = 2});
}

TEST(SequenceClassification, RefusesSeveralRowsWithoutAPaddingId) {
  auto model = load<MiniMaxForSequenceClassification>("heads/no_padding_id_softmax");
  ModelInputs inputs;
  const std::vector<std::int32_t> ids = {1, 2, 3, 4, 5, 6};
  inputs.batch_size = 2;
  inputs.input_ids = ids;
  const Thrown thrown = thrown_by([&] { model.forward(inputs); });
  EXPECT_EQ(thrown.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(thrown.message, HasSubstr("pad_token_id"));
}

// The columns from `begin` to `end` of [B, T] values.
std::vector<std::int32_t> columns(std::span<const std::int32_t> values, std::int64_t length,
                                  std::int64_t begin, std::int64_t end) {
  std::vector<std::int32_t> selected;
  for (auto row = values.begin(); row != values.end(); row += length) {
    selected.insert(selected.end(), row + begin, row + end);
  }
  return selected;
}

TEST(PastKeyValues, ContinuePaddedRows) {
  constexpr std::int64_t kSplit = 6;  // every row has a token before it
  for (const char* name : {"heads/causal_lm_lightning", "heads/window_softmax"}) {
    auto model = load<MiniMaxForCausalLM>(name);
    const GoldenFile file(golden_path(name));
    const HeadCall call(file, "left");
    const ModelInputs whole = call.inputs();
    const std::vector<std::int32_t> first = columns(whole.input_ids, call.length(), 0, kSplit);
    const std::vector<std::int32_t> mask = columns(whole.attention_mask, call.length(), 0, kSplit);
    const std::vector<std::int32_t> rest =
        columns(whole.input_ids, call.length(), kSplit, call.length());

    ModelInputs inputs = whole;
    inputs.input_ids = first;
    inputs.attention_mask = mask;
    std::vector<State> states = model.forward(inputs, {.use_cache = true}).past_key_values;
    ASSERT_EQ(static_cast<std::int64_t>(states.size()), call.batch_size());
    inputs.input_ids = rest;
    inputs.attention_mask = whole.attention_mask;  // with the columns of the tokens before
    const FloatTensor logits = model.forward(inputs, {.past_key_values = states}).logits;
    const FloatTensor expected =
        model.forward(whole, {.logits_to_keep = call.length() - kSplit}).logits;
    EXPECT_EQ(logits.shape, expected.shape);
    EXPECT_LT(relative_difference(logits.values, expected.values), 1e-5) << name;
  }
}

TEST(CausalLoss, LeavesOutLabelsOfPadding) {
  auto model = load<MiniMaxForCausalLM>("heads/causal_lm_lightning");
  const GoldenFile file(golden_path("heads/causal_lm_lightning"));
  const HeadCall call(file, "left");
  ForwardOptions options = call.options();
  const float expected = *model.forward(call.inputs(), options).loss;
  std::vector<std::int32_t> labels(options.labels.begin(), options.labels.end());
  for (std::int64_t row = 0; row < call.batch_size(); ++row) {
    for (std::int64_t column = 0; column < call.length(); ++column) {
      // A label of padding, and of the first token, which padding would have to predict.
      if (!call.is_token(row, column) || column == 0 || !call.is_token(row, column - 1)) {
        labels[static_cast<std::size_t>(row * call.length() + column)] = 7;
      }
    }
  }
  options.labels = labels;
  EXPECT_EQ(*model.forward(call.inputs(), options).loss, expected);
}

}  // namespace
}  // namespace minimax::testing
