// SPDX-License-Identifier: Apache-2.0
#include "convert/quantize_source.h"

#include <optional>
#include <utility>

#include "convert/gguf_model_files.h"
#include "io/gguf.h"
#include "io/model_files.h"
#include "model/model_source.h"
#include "model/published_checkpoint.h"

namespace minimax::convert {

QuantizeSource open_quantize_source(const std::filesystem::path& model) {
  model::ModelSource opened = model::open_model(model);
  QuantizeSource source;
  source.config = opened.config;
  if (const auto gguf = io::find_gguf(model)) {
    source.files =
        model_files_of_gguf(io::read_gguf(*gguf).metadata, opened.config, source.warnings);
  } else {
    source.files = read_model_files(model);
  }
  source.checkpoint = model::published_checkpoint(std::move(opened));
  const std::vector<std::string>& more = source.checkpoint.warnings;
  source.warnings.insert(source.warnings.end(), more.begin(), more.end());
  return source;
}

}  // namespace minimax::convert
