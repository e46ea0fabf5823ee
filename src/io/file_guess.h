// SPDX-License-Identifier: Apache-2.0
// What a file that is no safetensors file most likely is, for messages that help.
#pragma once

#include <string>
#include <string_view>

namespace minimax::io {

/// A clause such as " (it looks like a Git LFS pointer: run `git lfs pull`)", or nothing where
/// `start`, the first bytes of the file, says nothing.
std::string guess_file(std::string_view start);

}  // namespace minimax::io
