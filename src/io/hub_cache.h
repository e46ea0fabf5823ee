// SPDX-License-Identifier: Apache-2.0
// Finds a model: a folder, or a snapshot in the local Hugging Face cache, read in place.
// Nothing is ever downloaded here.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace minimax::io {

/// Values of the environment variables that place the cache; empty where unset. The programs
/// read the environment and pass them down.
struct HubEnvironment {
  std::string hf_hub_cache = {};           // HF_HUB_CACHE
  std::string huggingface_hub_cache = {};  // HUGGINGFACE_HUB_CACHE, the older name
  std::string hf_home = {};                // HF_HOME
  std::string hf_hub_offline = {};         // HF_HUB_OFFLINE; here it only changes the advice
  std::string xdg_cache_home = {};         // XDG_CACHE_HOME
  std::string home = {};                   // HOME
};

/// The folder that holds models--ORG--NAME; it need not exist.
std::filesystem::path hub_cache_folder(const HubEnvironment& environment);

/// The folder of `model`, or a GGUF file, which is a path, or NAME, ORG/NAME or ORG/NAME@REVISION
/// in the cache; a folder of that name wins. REVISION is a branch, a tag or a commit, "main" where
/// absent. Throws: Error{kCorruptFile} telling what was looked for and where, or that the folder is
/// incomplete (a file in it is a dangling symlink); Error{kIo}.
std::filesystem::path resolve_model(std::string_view model, const HubEnvironment& environment);

}  // namespace minimax::io
