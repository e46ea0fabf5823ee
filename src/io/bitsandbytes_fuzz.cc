// SPDX-License-Identifier: Apache-2.0
// Any quant_state, any count of codes and scales: refused with an Error, or every range of the
// joined weights reads as in the whole.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "minimax/error.h"
#include "quant/bitsandbytes.h"
#include "tests/support/safetensors_builder.h"

namespace {

namespace fs = std::filesystem;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

/// What the first bytes of an input choose; the rest is the quant_state.
struct Choices {
  bool is_int8 = false;
  bool is_nf4 = false;
  bool has_nested_scales = false;
  bool has_format = false;  // of int8
  std::int64_t codes = 0;   // bytes; of int8: rows
  std::int64_t scales = 0;  // of int8: columns
  std::int64_t nested_scales = 0;
  std::int64_t range_begin = 0;
  std::int64_t range_bytes = 0;
  std::string_view state;
};

constexpr std::size_t kChoiceBytes = 10;

Choices choose(const std::uint8_t* data, std::size_t size) {
  const auto pair = [&](std::size_t at) { return std::int64_t{data[at]} * 256 + data[at + 1]; };
  return {.is_int8 = (data[0] & 1) != 0,
          .is_nf4 = (data[0] & 2) != 0,
          .has_nested_scales = (data[0] & 4) != 0,
          .has_format = (data[0] & 8) != 0,
          .codes = pair(1) % ((data[0] & 1) != 0 ? 32 : 2048),
          .scales = pair(3) % 512,
          .nested_scales = data[5],
          .range_begin = pair(6),
          .range_bytes = pair(8),
          .state = {reinterpret_cast<const char*>(data) + kChoiceBytes, size - kChoiceBytes}};
}

std::string noise(std::int64_t bytes) {
  std::string text(static_cast<std::size_t>(bytes), '\0');
  char value = 13;
  for (char& byte : text) {
    byte = value = static_cast<char>(value * 5 + 7);
  }
  return text;
}

std::string floats(std::int64_t count) {
  return minimax::testing::bytes_of(std::vector<float>(static_cast<std::size_t>(count), 0.5f));
}

std::string file_of(const Choices& c) {
  minimax::testing::SafetensorsBuilder builder;
  if (c.is_int8) {
    builder.tensor("a.weight", "I8", {c.codes, c.scales}, noise(c.codes * c.scales))
        .tensor("a.SCB", "F32", {c.codes}, floats(c.codes));
    if (c.has_format) {
      builder.tensor("a.weight_format", "U8", {}, noise(1));
    }
    return builder.build();
  }
  const auto& map = c.is_nf4 ? minimax::quant::kNf4Values : minimax::quant::kFp4Values;
  const std::string type = c.is_nf4 ? "nf4" : "fp4";
  builder.tensor("a.weight", "U8", {c.codes, 1}, noise(c.codes))
      .tensor("a.weight.quant_map", "F32", {16},
              minimax::testing::bytes_of(std::vector<float>(map.begin(), map.end())))
      .tensor("a.weight.quant_state.bitsandbytes__" + type, "U8", {std::ssize(c.state)}, c.state);
  if (c.has_nested_scales) {
    builder.tensor("a.weight.absmax", "U8", {c.scales}, noise(c.scales))
        .tensor("a.weight.nested_absmax", "F32", {c.nested_scales}, floats(c.nested_scales))
        .tensor("a.weight.nested_quant_map", "F32", {256}, floats(256));
  } else {
    builder.tensor("a.weight.absmax", "F32", {c.scales}, floats(c.scales));
  }
  return builder.build();
}

/// A file of this process, written anew for every input.
const fs::path& scratch_file() {
  static const fs::path kPath =
      fs::temp_directory_path() / ("minimax_fuzz_" + std::to_string(::getpid()) + ".safetensors");
  return kPath;
}

void read_ranges(const minimax::io::Checkpoint& checkpoint, const Choices& choices) {
  const minimax::io::CheckpointReader reader(checkpoint);
  for (const minimax::io::TensorEntry& entry : checkpoint.tensors) {
    require(entry.bytes >= 0 && entry.bytes <= 16 * checkpoint.file_of(entry).bytes);
    std::vector<std::byte> whole(static_cast<std::size_t>(entry.bytes));
    reader.read(entry, whole);
    const std::int64_t begin = std::min(choices.range_begin, entry.bytes);
    const std::int64_t count = std::min(choices.range_bytes, entry.bytes - begin);
    std::vector<std::byte> part(static_cast<std::size_t>(count));
    reader.read(entry, begin, part);
    require(std::equal(part.begin(), part.end(), whole.begin() + begin));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kChoiceBytes) {
    return 0;
  }
  const Choices choices = choose(data, size);
  {
    std::ofstream file(scratch_file(), std::ios::binary | std::ios::trunc);
    file << file_of(choices);
  }
  try {
    read_ranges(minimax::io::read_safetensors(scratch_file()), choices);
  } catch (const minimax::Error& error) {
    require(error.what()[0] != '\0');
  }
  return 0;
}
