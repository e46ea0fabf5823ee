// SPDX-License-Identifier: Apache-2.0
// Which file a name in a model's folder stands for, without ever leaving the model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace minimax::io {

/// The paths of `names` (relative, without "..") in `folder`, once they are known to be safe.
/// A symlink may lead to a file inside the folder or to a blob of the Hugging Face cache; from a
/// snapshot in that cache only to a blob of the same repository.
/// Throws: Error{kCorruptFile} listing every name that is missing or a dangling symlink
/// ("incomplete: 3 of 413 files are missing"), or naming a file that lies elsewhere;
/// std::filesystem::filesystem_error where the system refuses.
std::vector<std::filesystem::path> resolve_shards(const std::filesystem::path& folder,
                                                  const std::vector<std::string>& names);

}  // namespace minimax::io
