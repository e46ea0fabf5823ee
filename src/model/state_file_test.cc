// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>

#include "minimax/error.h"
#include "model/state.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::model {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::thrown_by;

constexpr std::uint64_t kIdentity = 0x1234;

MiniMaxConfig small_config(std::int64_t window = 0) {
  MiniMaxConfig config;
  config.num_hidden_layers = 3;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention,
                        LayerType::kFullAttention};
  config.num_attention_heads = 3;
  config.num_key_value_heads = 1;
  config.head_dim = 5;
  if (window > 0) {
    config.sliding_window = window;
  }
  return config;
}

// Random content; several pages, the last one not full.
SequenceState random_state(std::int64_t window = 0) {
  SequenceState state(small_config(window), ops::Precision::kFloat32, kIdentity);
  std::minstd_rand random(7);
  for (int step = 0; step < 5; ++step) {
    state.extend(100);
  }
  std::generate_n(state.lightning(0), 75, [&] { return static_cast<float>(random()); });
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (std::byte* const page : state.kv(layer).pages) {
      std::generate_n(reinterpret_cast<float*>(page), 2 * SequenceState::kPageTokens * 5,
                      [&] { return static_cast<float>(random()); });
    }
  }
  return state;
}

SequenceState restore(std::string_view bytes, std::int64_t window = 0) {
  return SequenceState::restore(bytes, small_config(window), ops::Precision::kFloat32, kIdentity);
}

SequenceState load(const std::filesystem::path& path) {
  return SequenceState::load_file(path, small_config(), ops::Precision::kFloat32, kIdentity);
}

TEST(StateFile, RestoresEveryBit) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "state";
  const SequenceState state = random_state();
  state.save_file(path);
  const std::string bytes = testing::read_bytes(path);
  EXPECT_EQ(bytes, state.save());
  EXPECT_EQ(load(path).save(), bytes);
  EXPECT_EQ(load(path).length(), 500);
  EXPECT_EQ(restore(bytes).save(), bytes);
}

TEST(StateFile, HoldsTheSlidingWindowAlone) {
  const SequenceState state = random_state(150);
  const SequenceState restored = restore(state.save(), 150);
  EXPECT_EQ(restored.save(), state.save());
  EXPECT_EQ(restored.length(), 500);
  // Of the positions 351 to 499, which the next token sees.
  EXPECT_EQ(restored.kv(0).first_page, 2);
  EXPECT_EQ(restored.kv(0).pages.size(), 2u);
  EXPECT_EQ(
      std::memcmp(restored.kv(1).pages[1],
                  state.kv(1).pages[static_cast<std::size_t>(3 - state.kv(1).first_page)],
                  static_cast<std::size_t>(2 * SequenceState::kPageTokens * 5) * sizeof(float)),
      0);
}

TEST(StateFile, ReplacesAnOldFileAsAWhole) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory.write("state", "something else");
  random_state().save_file(path);
  EXPECT_EQ(load(path).length(), 500);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
  EXPECT_EQ(
      thrown_by([&] { random_state().save_file(directory.path() / "missing" / "state"); }).code,
      ErrorCode::kIo);
}

void write_byte(const std::filesystem::path& path, std::size_t position, char byte) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(position));
  file.put(byte);
}

TEST(StateFile, RefusesEveryFlippedBit) {
  const TemporaryDirectory directory;
  const std::string bytes = random_state().save();
  const std::filesystem::path path = directory.write("state", bytes);
  std::minstd_rand random(1);
  std::uniform_int_distribution<std::size_t> positions(0, bytes.size() - 1);
  for (std::size_t i = 0; i < 1000; ++i) {
    // The header and the checksum, byte by byte, then anywhere.
    const std::size_t position = i < 96    ? i
                                 : i < 104 ? bytes.size() - 1 - (i - 96)
                                           : positions(random);
    write_byte(path, position, static_cast<char>(bytes[position] ^ (1 << random() % 8)));
    const testing::Thrown thrown = thrown_by([&] { load(path); });
    ASSERT_EQ(thrown.code, ErrorCode::kCorruptFile) << position << ": " << thrown.message;
    write_byte(path, position, bytes[position]);
  }
  EXPECT_EQ(load(path).save(), bytes);
}

TEST(StateFile, RefusesMissingAndAdditionalBytes) {
  const std::string bytes = random_state().save();
  for (std::size_t length = 0; length < bytes.size(); length += length < 200 ? 1 : 997) {
    EXPECT_EQ(thrown_by([&] { restore(bytes.substr(0, length)); }).code, ErrorCode::kCorruptFile)
        << length;
  }
  EXPECT_EQ(thrown_by([&] { restore(bytes + '\0'); }).code, ErrorCode::kCorruptFile);
}

TEST(StateFile, SaysWhatIsWrongWithWhichFile) {
  const TemporaryDirectory directory;
  std::string bytes = random_state().save();
  const auto message = [&] {
    return thrown_by([&] { load(directory.write("turn.state", bytes)); }).message;
  };
  bytes[bytes.size() / 2] ^= 4;
  EXPECT_THAT(message(), HasSubstr("turn.state: the checksum does not match"));
  bytes[40] ^= 4;
  EXPECT_THAT(message(), HasSubstr("turn.state: the checksum of the header does not match"));
  bytes = "GGUF";
  EXPECT_THAT(message(), HasSubstr("turn.state: it is too short for a state"));
  bytes = std::string(200, 'x');
  EXPECT_THAT(message(), HasSubstr("turn.state: expected the magic MMSTATE2"));
}

TEST(StateFile, RefusesStatesOfOtherModels) {
  const std::string bytes = random_state().save();
  EXPECT_THAT(thrown_by([&] {
                SequenceState::restore(bytes, small_config(), ops::Precision::kFloat32, 1);
              }).message,
              HasSubstr("expected a state of the model 0000000000000001, found one of "
                        "0000000000001234"));
  EXPECT_THAT(thrown_by([&] {
                SequenceState::restore(bytes, small_config(), ops::Precision::kBFloat16, kIdentity);
              }).message,
              HasSubstr("expected a state with the layout [1, 75, 2, 1, 5, 2, 128, 0] of this "
                        "model, found [1, 75, 2, 1, 5, 4, 128, 0]"));
  EXPECT_THAT(thrown_by([&] { restore(bytes, 150); }).message, HasSubstr("128, 150] of this"));
}

}  // namespace
}  // namespace minimax::model
