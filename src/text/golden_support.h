// SPDX-License-Identifier: Apache-2.0
// For tests only: the goldens of tests/golden/tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace minimax::text {

std::filesystem::path tokenizer_goldens();

/// The strings of a JSON array.
std::vector<std::string> read_strings(const std::filesystem::path& path);

/// What is known about the ids of one string.
struct Fingerprint {
  std::int64_t count = 0;
  std::string hash;  // FNV-1a of the ids, in hexadecimal

  bool operator==(const Fingerprint&) const = default;
};

Fingerprint fingerprint(std::span<const std::int32_t> ids);

/// One per line, behind a line that says where they come from.
std::vector<Fingerprint> read_fingerprints(const std::filesystem::path& path);

/// Fails the test where the ids of the strings differ, naming the first of them.
void expect_fingerprints(const Tokenizer& tokenizer, std::span<const std::string> strings,
                         const std::filesystem::path& golden);

}  // namespace minimax::text
