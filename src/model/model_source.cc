// SPDX-License-Identifier: Apache-2.0
#include "model/model_source.h"

#include <utility>

#include "io/gguf.h"
#include "io/model_files.h"
#include "io/safetensors.h"
#include "model/gguf_config.h"

namespace minimax::model {
namespace {

ModelSource open_files(const std::filesystem::path& path) {
  if (const auto gguf = io::find_gguf(path)) {
    io::GgufModel model = io::read_gguf(*gguf);
    MiniMaxConfig config = config_from_gguf(model);
    return {.config = std::move(config),
            .checkpoint = std::move(model.checkpoint),
            .names = TensorNames::kGguf};
  }
  return {.config = MiniMaxConfig::from_pretrained(path), .checkpoint = io::read_safetensors(path)};
}

}  // namespace

ModelSource open_model(const std::filesystem::path& path, const LoadOptions& options) {
  ModelSource source = open_files(path);
  source.config.lightning_norm_eps =
      options.lightning_norm_eps.value_or(source.config.lightning_norm_eps);
  return source;
}

}  // namespace minimax::model
