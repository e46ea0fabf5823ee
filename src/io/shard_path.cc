// SPDX-License-Identifier: Apache-2.0
#include "io/shard_path.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::printable;

constexpr std::size_t kMostNamesShown = 1000;

bool lies_in(const fs::path& path, const fs::path& folder) {
  const auto [folder_end, unused] =
      std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return folder_end == folder.end();
}

bool is_repository(const fs::path& path) {
  return path.filename().string().starts_with("models--");
}

// .../models--ORG--NAME of a folder .../models--ORG--NAME/snapshots/COMMIT, else empty.
fs::path repository_of_snapshot(const fs::path& folder) {
  const fs::path snapshots = folder.parent_path();
  return snapshots.filename() == "snapshots" && is_repository(snapshots.parent_path())
             ? snapshots.parent_path()
             : fs::path();
}

// .../models--ORG--NAME/blobs/HASH
bool is_blob(const fs::path& path) {
  const fs::path blobs = path.parent_path();
  return blobs.filename() == "blobs" && is_repository(blobs.parent_path());
}

bool may_read(const fs::path& target, const fs::path& folder) {
  const fs::path repository = repository_of_snapshot(folder);
  return lies_in(target, folder) ||
         (is_blob(target) && (repository.empty() || lies_in(target, repository)));
}

std::string list_missing(const std::vector<std::string>& missing) {
  const std::size_t shown = std::min(missing.size(), kMostNamesShown);
  std::string text = fmt::format(
      "{}", fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  return shown == missing.size() ? text
                                 : fmt::format("{} and {} more", text, missing.size() - shown);
}

}  // namespace

std::vector<fs::path> resolve_shards(const fs::path& folder,
                                     const std::vector<std::string>& names) {
  const fs::path real_folder = fs::canonical(folder);
  std::vector<fs::path> paths;
  std::vector<std::string> missing;
  paths.reserve(names.size());
  for (const std::string& name : names) {
    // exists() follows symlinks, so one that dangles counts as missing.
    if (!fs::exists(real_folder / name)) {
      missing.push_back(printable(name, 100));
      continue;
    }
    const fs::path target = fs::canonical(real_folder / name);
    base::check(may_read(target, real_folder), ErrorCode::kCorruptFile, [&] {
      return fmt::format(
          "{}: expected a file inside this folder or a blob of its Hugging Face "
          "cache, found a symlink to {}",
          printable((folder / name).string()), printable(target.string()));
    });
    paths.push_back(folder / name);
  }
  base::check(missing.empty(), ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: incomplete: {} of {} files are missing: {}", printable(folder.string()),
                       missing.size(), names.size(), list_missing(missing));
  });
  return paths;
}

}  // namespace minimax::io
