// SPDX-License-Identifier: Apache-2.0
#include "engine/perplexity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/saved_logits.h"
#include "minimax/error.h"
#include "tests/support/temporary_directory.h"

namespace minimax::engine {
namespace {

using ::testing::HasSubstr;

constexpr const char* kModel = MINIMAX_SOURCE_DIR "/tests/golden/softmax_first";
constexpr const char* kOtherModel = MINIMAX_SOURCE_DIR "/tests/golden/lightning_first";

class PerplexityTest : public ::testing::Test {
 protected:
  PerplexityTest() {
    std::uniform_int_distribution<std::int32_t> any(
        0, static_cast<std::int32_t>(model_.config().vocab_size - 1));
    text_.resize(70);
    std::ranges::generate(text_, [&] { return any(random_); });
  }

  std::mt19937 random_{1};
  LoadOptions load_{.dtype = ComputeType::kFloat32, .threads = 2};
  MiniMaxForCausalLM model_ = MiniMaxForCausalLM::from_pretrained(kModel, load_);
  std::vector<std::int32_t> text_;
};

TEST_F(PerplexityTest, IsTheCrossEntropyOfSecondHalves) {
  const std::vector<TokenScore> scores =
      score_text({.model = model_, .text = text_, .windows = {.context = 16}});
  ASSERT_EQ(scores.size(), 4U * 7U);
  for (std::size_t window = 0; window < 4; ++window) {
    const std::vector<std::int32_t> ids(
        text_.begin() + static_cast<std::ptrdiff_t>(16 * window),
        text_.begin() + static_cast<std::ptrdiff_t>(16 * window + 16));
    std::vector<std::int32_t> labels = ids;
    std::fill_n(labels.begin(), 9, kIgnoredLabel);
    const float loss = model_.forward(ids, {.labels = labels}).loss.value();
    // Two ways to cut the same sums in float32.
    EXPECT_NEAR(mean_nll(std::span(scores).subspan(7 * window, 7)).value, loss, 1e-5);
  }
}

TEST_F(PerplexityTest, OfAModelAgainstItselfHasNoDivergence) {
  ModelLogits base(model_);
  const std::vector<TokenScore> scores = score_text(
      {.model = model_, .text = text_, .windows = {.context = 16, .stride = 4}, .base = &base});
  ASSERT_EQ(scores.size(), 52U);
  for (const TokenScore& score : scores) {
    EXPECT_EQ(score.nll, score.base_nll);
    EXPECT_NEAR(score.kl, 0, 1e-12);
    EXPECT_TRUE(score.same_top);
  }
}

TEST_F(PerplexityTest, ComparesWithSavedLogitsAsWithTheModelThatWroteThem) {
  const testing::TemporaryDirectory folder;
  const std::filesystem::path file = folder.path() / "base.safetensors";
  const WindowOptions windows{.context = 20, .bos = 1};
  const std::int64_t vocab_size = model_.config().vocab_size;
  LogitsFileWriter writer(file, text_, windows, vocab_size);
  score_text({.model = model_,
              .text = text_,
              .windows = windows,
              .on_logits = [&](std::span<const float> logits) { writer.append(logits); }});
  writer.commit();

  auto other = MiniMaxForCausalLM::from_pretrained(kOtherModel, load_);
  ASSERT_EQ(other.config().vocab_size, vocab_size);
  ModelLogits direct(model_);
  LogitsFile saved(file, text_, windows, vocab_size);
  const auto expected =
      score_text({.model = other, .text = text_, .windows = windows, .base = &direct});
  const auto found =
      score_text({.model = other, .text = text_, .windows = windows, .base = &saved});
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].kl, expected[i].kl);
    EXPECT_GT(found[i].kl, 0);
    EXPECT_EQ(found[i].base_nll, expected[i].base_nll);
  }
}

TEST_F(PerplexityTest, RefusesSavedLogitsOfSomethingElse) {
  const testing::TemporaryDirectory folder;
  const std::filesystem::path file = folder.path() / "base.safetensors";
  const WindowOptions windows{.context = 20};
  const std::int64_t vocab_size = model_.config().vocab_size;
  LogitsFileWriter writer(file, text_, windows, vocab_size);
  score_text({.model = model_,
              .text = text_,
              .windows = windows,
              .on_logits = [&](std::span<const float> logits) { writer.append(logits); }});
  writer.commit();
  const auto refusal = [&](const WindowOptions& options, std::int64_t columns) {
    try {
      const LogitsFile logits(file, text_, options, columns);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptFile);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal(windows, vocab_size), "accepted");
  EXPECT_THAT(refusal({.context = 10}, vocab_size), HasSubstr("expected windows of context 10"));
  EXPECT_THAT(refusal({.context = 20, .bos = 2}, vocab_size), HasSubstr("bos 2"));
  EXPECT_THAT(refusal(windows, vocab_size + 1), HasSubstr("logits: expected F32"));
  text_[3] = (text_[3] + 1) % static_cast<std::int32_t>(vocab_size);
  EXPECT_THAT(refusal(windows, vocab_size), HasSubstr("another"));
}

TEST_F(PerplexityTest, CanBeEndedBetweenWindows) {
  const auto stop = [](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 4);
    if (done == 2) {
      throw Error(ErrorCode::kCancelled, "enough");
    }
  };
  EXPECT_THROW(
      score_text({.model = model_, .text = text_, .windows = {.context = 16}, .on_window = stop}),
      Error);
}

}  // namespace
}  // namespace minimax::engine
