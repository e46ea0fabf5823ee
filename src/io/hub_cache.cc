// SPDX-License-Identifier: Apache-2.0
#include "io/hub_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "io/model_files.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

constexpr std::int64_t kMaxRefBytes = 1024;
constexpr std::size_t kMostNamesShown = 20;

struct Repository {
  std::string id;        // ORG/NAME or NAME
  std::string revision;  // "main" where none was given
};

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::kCorruptFile, message);
}

bool is_word(std::string_view text) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  };
  return !text.empty() && text.front() != '.' && text.front() != '-' &&
         text.find("..") == std::string_view::npos && std::ranges::all_of(text, allowed);
}

// Words separated by '/', so that no part can lead out of the cache.
bool is_words(std::string_view text, int most_words) {
  for (int count = 1; count <= most_words; ++count) {
    const std::size_t slash = text.find('/');
    if (!is_word(text.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(slash + 1);
  }
  return false;
}

std::optional<Repository> parse_repository(std::string_view model) {
  const std::size_t at = model.find('@');
  const std::string_view id = model.substr(0, at);
  const std::string_view revision = at == std::string_view::npos ? "main" : model.substr(at + 1);
  if (!is_words(id, 2) || !is_words(revision, 8)) {
    return std::nullopt;
  }
  return Repository{std::string(id), std::string(revision)};
}

fs::path folder_name(const Repository& repository) {
  std::string name = "models--" + repository.id;
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
    name.replace(slash, 1, "--");
  }
  return name;
}

std::string download_advice(const Repository& repository, const HubEnvironment& environment) {
  std::string command = "hf download " + repository.id;
  if (repository.revision != "main") {
    command += " --revision " + repository.revision;
  }
  std::string offline = environment.hf_hub_offline;
  std::ranges::transform(offline, offline.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const bool is_offline =
      offline == "1" || offline == "ON" || offline == "YES" || offline == "TRUE";
  return fmt::format("get it with `{}`{}", command,
                     is_offline ? " (HF_HUB_OFFLINE is set: unset it for that)" : "");
}

std::string names_in(const fs::path& folder) {
  std::vector<std::string> names;
  if (fs::is_directory(folder)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      names.push_back(printable(entry.path().filename().string(), 60));
    }
  }
  std::ranges::sort(names);
  const std::size_t all = names.size();
  names.resize(std::min(all, kMostNamesShown));
  return all == 0 ? "none"
                  : fmt::format("{}{}", fmt::join(names, ", "), all > names.size() ? ", ..." : "");
}

fs::path find_snapshot(const Repository& repository, const HubEnvironment& environment) {
  const fs::path cache = hub_cache_folder(environment);
  const fs::path root = cache / folder_name(repository);
  const fs::path snapshots = root / "snapshots";
  if (!fs::is_directory(root)) {
    fail(
        fmt::format("{}: expected a folder of that name or a model in the Hugging Face cache, "
                    "found neither {} nor {}; {}",
                    repository.id, printable(fs::absolute(repository.id).string()),
                    printable(root.string()), download_advice(repository, environment)));
  }
  std::string commit = repository.revision;
  const fs::path ref = root / "refs" / repository.revision;
  if (fs::is_regular_file(ref)) {
    commit = base::read_file(ref, kMaxRefBytes);
    commit.erase(commit.find_last_not_of(" \t\r\n") + 1);
    if (!is_word(commit)) {
      fail(fmt::format("{}: expected the name of a commit, found \"{}\"", printable(ref.string()),
                       printable(commit, 60)));
    }
  }
  if (!is_word(commit) || !fs::is_directory(snapshots / commit)) {
    fail(fmt::format("{}: expected a snapshot of revision {} in {}, found {}; {}", repository.id,
                     repository.revision, printable(snapshots.string()), names_in(snapshots),
                     download_advice(repository, environment)));
  }
  return snapshots / commit;
}

// Only files that a load may read: a picture of the model card may be absent.
bool matters(const fs::path& path) {
  static constexpr std::array<std::string_view, 5> kExtensions = {".json", ".safetensors", ".gguf",
                                                                  ".jinja", ".txt"};
  return std::ranges::find(kExtensions, path.extension().string()) != kExtensions.end();
}

void check_complete(const fs::path& folder) {
  std::vector<std::string> missing;
  std::size_t files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!matters(entry.path())) {
      continue;
    }
    ++files;
    if (!entry.exists()) {
      missing.push_back(printable(entry.path().filename().string(), 100));
    }
  }
  std::ranges::sort(missing);
  check(missing.empty(), ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: incomplete: {} of {} files are missing: {}; download the model again",
                       printable(folder.string()), missing.size(), files, fmt::join(missing, ", "));
  });
}

fs::path find_model(std::string_view model, const HubEnvironment& environment) {
  fs::path path(model);
  if (fs::is_directory(path)) {
    return path;
  }
  if (const std::optional<fs::path> file = find_gguf(path)) {
    return *file;
  }
  const std::optional<Repository> repository = parse_repository(model);
  check(repository.has_value(), ErrorCode::kCorruptFile, [&] {
    return fmt::format(
        "{}: expected a folder, a GGUF file, or ORG/NAME or ORG/NAME@REVISION of a model in the "
        "Hugging Face cache, found no such folder",
        printable(model));
  });
  return find_snapshot(*repository, environment);
}

fs::path expand_home(const std::string& path, const std::string& home) {
  return path == "~" || path.starts_with("~/") ? fs::path(home + path.substr(1)) : fs::path(path);
}

}  // namespace

fs::path hub_cache_folder(const HubEnvironment& environment) {
  const auto expanded = [&](const std::string& path) {
    return expand_home(path, environment.home);
  };
  if (!environment.hf_hub_cache.empty()) {
    return expanded(environment.hf_hub_cache);
  }
  if (!environment.huggingface_hub_cache.empty()) {
    return expanded(environment.huggingface_hub_cache);
  }
  if (!environment.hf_home.empty()) {
    return expanded(environment.hf_home) / "hub";
  }
  const fs::path cache = environment.xdg_cache_home.empty() ? fs::path(environment.home) / ".cache"
                                                            : expanded(environment.xdg_cache_home);
  return cache / "huggingface" / "hub";
}

fs::path resolve_model(std::string_view model, const HubEnvironment& environment) {
  try {
    fs::path folder = find_model(model, environment);
    if (fs::is_directory(folder)) {
      check_complete(folder);
    }
    return folder;
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::kIo,
                fmt::format("{}: cannot read: {}", printable(model), error.code().message()));
  }
}

}  // namespace minimax::io
