// SPDX-License-Identifier: Apache-2.0
// Tells a model in GGUF files from a directory of config.json and safetensors.
#pragma once

#include <filesystem>
#include <optional>

namespace minimax::io {

/// The GGUF file that `path` names: itself where it is one (any part of a split model is), or the
/// only model in a directory that has .gguf files and no config.json, by its first part. Nothing
/// where the path is a directory of another kind, or does not exist.
/// Throws: Error{kCorruptFile} for a file of another kind, and for a directory with several models,
/// naming them; Error{kIo}.
std::optional<std::filesystem::path> find_gguf(const std::filesystem::path& path);

}  // namespace minimax::io
