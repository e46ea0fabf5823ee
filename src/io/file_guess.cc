// SPDX-License-Identifier: Apache-2.0
#include "io/file_guess.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace minimax::io {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view start;
  std::string_view guess;
};

constexpr std::string_view kPickleAdvice =
    "; pickled checkpoints can run code and are never read: convert it to safetensors first";

constexpr std::array kSignatures = {
    Signature{"version https://git-lfs"sv,
              "a Git LFS pointer, not the file itself: run `git lfs pull` in its folder"sv},
    Signature{"PK\x03\x04"sv, "a zip archive, as PyTorch .bin and .pt files are"sv},
    Signature{"\x80\x02"sv, "a Python pickle, as old PyTorch .bin and .pt files are"sv},
    Signature{"\x80\x03"sv, "a Python pickle"sv},
    Signature{"\x80\x04"sv, "a Python pickle"sv},
    Signature{"\x80\x05"sv, "a Python pickle"sv},
    Signature{"GGUF"sv, "a GGUF file: it is run under its own name, without config.json"sv},
    Signature{"\x89HDF"sv, "an HDF5 file"sv},
    Signature{"\x93NUMPY"sv, "a NumPy array"sv},
    Signature{"\x1f\x8b"sv, "gzip data: unpack it first"sv},
    Signature{"\x28\xb5\x2f\xfd"sv, "zstd data: unpack it first"sv},
    Signature{"{"sv, "JSON text"sv},
};

bool looks_like_html(std::string_view start) {
  std::string text(start.substr(0, 256));
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const std::string_view visible = std::string_view(text).substr(std::min(first, text.size()));
  return visible.starts_with("<!doctype") || visible.starts_with("<html") ||
         visible.starts_with("<?xml");
}

std::string clause(std::string_view guess, std::string_view advice = {}) {
  return std::string(" (it looks like ").append(guess).append(advice).append(")");
}

}  // namespace

std::string guess_file(std::string_view start) {
  for (const Signature& signature : kSignatures) {
    if (start.starts_with(signature.start)) {
      const bool runs_code = signature.start[0] == '\x80' || signature.start.starts_with("PK");
      return clause(signature.guess, runs_code ? kPickleAdvice : ""sv);
    }
  }
  if (looks_like_html(start)) {
    return clause("a web page, probably an error page saved under this name: download it again");
  }
  if (!start.empty() && std::ranges::all_of(start, [](char c) { return c == '\0'; })) {
    return clause("an unfinished download: it begins with zeros");
  }
  return {};
}

}  // namespace minimax::io
