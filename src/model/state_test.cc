// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

#include <gtest/gtest.h>

#include "minimax/error.h"

namespace minimax::model {
namespace {

MiniMaxConfig small_config() {
  MiniMaxConfig config;
  config.num_hidden_layers = 3;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention,
                        LayerType::kLinearAttention};
  config.num_attention_heads = 3;
  config.num_key_value_heads = 1;
  config.head_dim = 5;
  return config;
}

// A state of 200 tokens, so that the second page is in use, with recognisable content.
SequenceState filled_state() {
  SequenceState state(small_config(), ops::Precision::kFloat32);
  state.extend(200);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (int i = 0; i < 3 * 5 * 5; ++i) {
      state.lightning(layer)[i] = static_cast<float>(layer * 1000 + i);
    }
  }
  const ops::KvCacheView kv = state.kv(0);
  for (std::size_t page = 0; page < kv.pages.size(); ++page) {
    reinterpret_cast<float*>(kv.pages[page])[7] = static_cast<float>(page + 1);
  }
  return state;
}

TEST(SequenceState, GrowsByWholePages) {
  SequenceState state(small_config(), ops::Precision::kBFloat16);
  const std::int64_t empty = state.bytes();
  state.extend(1);
  const std::int64_t one_page = 2 * SequenceState::kPageTokens * 5 * 2;
  EXPECT_EQ(state.bytes() - empty, one_page);
  state.extend(SequenceState::kPageTokens - 1);
  EXPECT_EQ(state.bytes() - empty, one_page);
  state.extend(1);
  EXPECT_EQ(state.bytes() - empty, 2 * one_page);
  EXPECT_EQ(state.length(), SequenceState::kPageTokens + 1);
}

TEST(SequenceState, CopiesAreIndependent) {
  SequenceState state = filled_state();
  SequenceState copy = state;
  copy.lightning(1)[3] = -1.0f;
  reinterpret_cast<float*>(copy.kv(0).pages[1])[7] = -1.0f;
  EXPECT_EQ(state.lightning(1)[3], 1003.0f);
  EXPECT_EQ(reinterpret_cast<float*>(state.kv(0).pages[1])[7], 2.0f);
}

TEST(SequenceState, RestoresEveryBit) {
  const SequenceState state = filled_state();
  const std::string bytes = state.save();
  const SequenceState restored =
      SequenceState::restore(bytes, small_config(), ops::Precision::kFloat32);
  EXPECT_EQ(restored.length(), 200);
  EXPECT_EQ(restored.save(), bytes);
}

TEST(SequenceState, RefusesDamageAndOtherGeometries) {
  const std::string bytes = filled_state().save();
  for (std::size_t position = 0; position < bytes.size(); position += 97) {
    std::string damaged = bytes;
    damaged[position] = static_cast<char>(damaged[position] ^ 1);
    EXPECT_THROW(SequenceState::restore(damaged, small_config(), ops::Precision::kFloat32), Error)
        << position;
  }
  for (std::size_t length = 0; length < bytes.size(); length += 131) {
    EXPECT_THROW(
        SequenceState::restore(bytes.substr(0, length), small_config(), ops::Precision::kFloat32),
        Error)
        << length;
  }
  EXPECT_THROW(SequenceState::restore(bytes, small_config(), ops::Precision::kBFloat16), Error);
  MiniMaxConfig other = small_config();
  other.head_dim = 6;
  EXPECT_THROW(SequenceState::restore(bytes, other, ops::Precision::kFloat32), Error);
}

}  // namespace
}  // namespace minimax::model
