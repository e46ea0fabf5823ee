// SPDX-License-Identifier: Apache-2.0
// From what a user calls a model to the directory that holds it.
#pragma once

#include <filesystem>
#include <string>

namespace minimax::apps {

/// The directory of a model named by a path, or as org/name in the local Hugging Face cache, whose
/// environment variables are read here. Nothing is downloaded.
/// Throws: Error{kCorruptFile} saying where it was looked for.
std::filesystem::path resolve_model(const std::string& name);

/// True where a lone argument is meant as a model and not as text: an existing directory, a model
/// in the cache, or a word with a slash.
bool looks_like_model(const std::string& argument);

/// models/tiny-minimax beside a parent folder of the program (a build tree), or
/// share/minimax/models/tiny-minimax beside its bin folder (an installation).
/// Throws: Error{kCorruptFile} where neither is there.
std::filesystem::path demonstration_model();

}  // namespace minimax::apps
