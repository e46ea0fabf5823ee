// SPDX-License-Identifier: Apache-2.0
#include "engine/saved_logits.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "io/safetensors.h"

namespace minimax::engine {
namespace {

constexpr const char* kWindowsKey = "windows";

std::string describe(const WindowOptions& windows) {
  const std::string bos = windows.bos ? fmt::format("{}", *windows.bos) : "none";
  return fmt::format("context {}, stride {}, bos {}", windows.context, windows.stride, bos);
}

std::int64_t judged_tokens(std::size_t text_tokens, const WindowOptions& options) {
  const std::vector<Window> windows = cut_windows(static_cast<std::int64_t>(text_tokens), options);
  return static_cast<std::int64_t>(windows.size()) * windows.front().judged;
}

std::vector<io::TensorPlan> plan(std::size_t text_tokens, const WindowOptions& windows,
                                 std::int64_t vocab_size) {
  return {{"logits", tensor::DType::kF32,
           tensor::Shape{judged_tokens(text_tokens, windows), vocab_size}},
          {"tokens", tensor::DType::kI32, tensor::Shape{static_cast<std::int64_t>(text_tokens)}}};
}

}  // namespace

LogitsFileWriter::LogitsFileWriter(const std::filesystem::path& path,
                                   std::span<const std::int32_t> text, const WindowOptions& windows,
                                   std::int64_t vocab_size)
    : writer_(path, plan(text.size(), windows, vocab_size), {{kWindowsKey, describe(windows)}}) {
  writer_.append(1, std::as_bytes(text));
}

LogitsFile::LogitsFile(const std::filesystem::path& path, std::span<const std::int32_t> text,
                       const WindowOptions& windows, std::int64_t vocab_size)
    : checkpoint_(io::read_safetensors(path)), reader_(checkpoint_), vocab_size_(vocab_size) {
  const std::string source = base::printable(path.string());
  const auto cut = checkpoint_.metadata.find(kWindowsKey);
  base::check(cut != checkpoint_.metadata.end(), ErrorCode::kCorruptFile,
              [&] { return fmt::format("{}: expected logits that were saved as a base", source); });
  base::check(cut->second == describe(windows), ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected windows of {}, found {}", source, describe(windows),
                       base::printable(cut->second));
  });
  for (const io::TensorPlan& expected : plan(text.size(), windows, vocab_size)) {
    const io::TensorEntry& found = checkpoint_.require(expected.name);
    base::check(found.dtype == expected.dtype && found.shape == expected.shape,
                ErrorCode::kCorruptFile, [&] {
                  return fmt::format("{}: {}: expected {} {}, found {} {}", source, expected.name,
                                     tensor::dtype_name(expected.dtype), expected.shape.to_string(),
                                     tensor::dtype_name(found.dtype), found.shape.to_string());
                });
  }
  std::vector<std::int32_t> tokens(text.size());
  reader_.read(checkpoint_.require("tokens"), std::as_writable_bytes(std::span(tokens)));
  base::check(std::ranges::equal(tokens, text), ErrorCode::kCorruptFile,
              [&] { return fmt::format("{}: expected the same text, found another one", source); });
}

std::vector<float> LogitsFile::read(std::span<const std::int32_t> /*tokens*/, std::int64_t rows) {
  std::vector<float> logits(static_cast<std::size_t>(rows * vocab_size_));
  const auto row_bytes = vocab_size_ * static_cast<std::int64_t>(sizeof(float));
  reader_.read(checkpoint_.require("logits"), next_row_ * row_bytes,
               std::as_writable_bytes(std::span(logits)));
  next_row_ += rows;
  return logits;
}

}  // namespace minimax::engine
