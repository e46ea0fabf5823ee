// SPDX-License-Identifier: Apache-2.0
// The logits of a base in a file, so that many models can be compared with one run of it: a
// safetensors file with `logits`, F32 [judged tokens, V], and `tokens`, I32, the whole text;
// metadata tells how the text was cut.
#pragma once

#include <filesystem>

#include "engine/perplexity.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors_writer.h"

namespace minimax::engine {

class LogitsFileWriter {
 public:
  /// Throws: Error{kIo}; as cut_windows().
  LogitsFileWriter(const std::filesystem::path& path, std::span<const std::int32_t> text,
                   const WindowOptions& windows, std::int64_t vocab_size);

  void append(std::span<const float> logits) { writer_.append(0, std::as_bytes(logits)); }
  void commit() { writer_.commit(); }
  const std::filesystem::path& temporary_path() const { return writer_.temporary_path(); }

 private:
  io::SafetensorsWriter writer_;
};

class LogitsFile : public BaseLogits {
 public:
  /// Throws: Error{kCorruptFile} where the file holds something else than these tokens, cut like
  /// this, of a vocabulary of this size; Error{kIo}.
  LogitsFile(const std::filesystem::path& path, std::span<const std::int32_t> text,
             const WindowOptions& windows, std::int64_t vocab_size);

  void begin_window() override {}
  std::vector<float> read(std::span<const std::int32_t> tokens, std::int64_t rows) override;

 private:
  io::Checkpoint checkpoint_;
  io::CheckpointReader reader_;
  std::int64_t vocab_size_ = 0;
  std::int64_t next_row_ = 0;
};

}  // namespace minimax::engine
