// SPDX-License-Identifier: Apache-2.0
#include "io/model_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "io/file_guess.h"
#include "io/input_file.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::printable;

constexpr std::string_view kExtension = ".gguf";
constexpr std::size_t kMostNamesShown = 8;

// A file with the extension is left to the reader of GGUF, which knows best what is wrong with it.
void check_is_gguf(const fs::path& path) {
  if (path.extension() == kExtension) {
    return;
  }
  const InputFile file(path);
  std::string start(static_cast<std::size_t>(std::min<std::int64_t>(file.bytes(), 256)), '\0');
  file.read(0, std::as_writable_bytes(std::span(start)));
  base::check(start.starts_with("GGUF"), ErrorCode::kCorruptFile, [&] {
    return fmt::format(
        "{}: expected a folder with config.json and safetensors, or a GGUF file, found another "
        "file{}",
        printable(path.string()), guess_file(start));
  });
}

// NAME of NAME-00002-of-00003.gguf, or else the name itself.
std::string model_name(const std::string& file) {
  constexpr std::string_view kPattern = "-00000-of-00000.gguf";
  const auto fits = [](char expected, char found) {
    return expected == '0' ? std::isdigit(static_cast<unsigned char>(found)) != 0
                           : expected == found;
  };
  if (file.size() <= kPattern.size() ||
      !std::equal(kPattern.begin(), kPattern.end(), file.end() - std::ssize(kPattern), fits)) {
    return file;
  }
  return file.substr(0, file.size() - kPattern.size());
}

std::optional<fs::path> find_in_folder(const fs::path& folder) {
  if (fs::exists(folder / "config.json")) {
    return std::nullopt;
  }
  std::set<std::string> files;
  std::set<std::string> models;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == kExtension && entry.is_regular_file()) {
      files.insert(entry.path().filename().string());
      models.insert(model_name(entry.path().filename().string()));
    }
  }
  if (files.empty()) {
    return std::nullopt;
  }
  base::check(models.size() == 1, ErrorCode::kCorruptFile, [&] {
    std::vector<std::string> shown;
    for (const std::string& file : files) {
      if (shown.size() < kMostNamesShown) {
        shown.push_back(printable(file, 100));
      }
    }
    return fmt::format(
        "{}: expected config.json or one GGUF model, found {}; name one of them: "
        "{}{}",
        printable(folder.string()), models.size(), fmt::join(shown, ", "),
        files.size() > shown.size() ? ", ..." : "");
  });
  return folder / *files.begin();
}

}  // namespace

std::optional<fs::path> find_gguf(const fs::path& path) {
  try {
    if (fs::is_directory(path)) {
      return find_in_folder(path);
    }
    if (!fs::exists(path)) {
      return std::nullopt;
    }
    check_is_gguf(path);
    return path;
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot read: {}", printable(path.string()),
                                            error.code().message()));
  }
}

}  // namespace minimax::io
