// SPDX-License-Identifier: Apache-2.0
#include "text/golden_support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"

namespace minimax::text {

std::filesystem::path tokenizer_goldens() {
  return std::filesystem::path(MINIMAX_SOURCE_DIR) / "tests" / "golden" / "tokenizer";
}

std::vector<std::string> read_strings(const std::filesystem::path& path) {
  std::vector<std::string> strings;
  const base::Json file = base::read_json_file(path.string());
  for (const base::Json& string : file.array()) {
    strings.push_back(string.string());
  }
  return strings;
}

Fingerprint fingerprint(std::span<const std::int32_t> ids) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const std::int32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      hash ^= static_cast<std::uint64_t>(static_cast<std::uint32_t>(id) >> shift & 0xFFu);
      hash *= 0x100000001B3ULL;
    }
  }
  return {static_cast<std::int64_t>(ids.size()), fmt::format("{:016x}", hash)};
}

std::vector<Fingerprint> read_fingerprints(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string header;
  std::getline(file, header);
  std::vector<Fingerprint> all;
  for (Fingerprint one; file >> one.count >> one.hash;) {
    all.push_back(one);
  }
  return all;
}

void expect_fingerprints(const Tokenizer& tokenizer, std::span<const std::string> strings,
                         const std::filesystem::path& golden) {
  const std::vector<Fingerprint> expected = read_fingerprints(golden);
  ASSERT_EQ(expected.size(), strings.size()) << golden;
  std::int64_t different = 0;
  std::string first;
  for (std::size_t i = 0; i < strings.size(); ++i) {
    const Fingerprint found =
        fingerprint(tokenizer.encode(strings[i], {.add_special_tokens = false}));
    if (found != expected[i] && different++ == 0) {
      first = fmt::format("{}: {} ids, expected {}: {}", i, found.count, expected[i].count,
                          base::quote_json(strings[i]));
    }
  }
  EXPECT_EQ(different, 0) << "of " << strings.size() << " strings; the first is " << first;
}

}  // namespace minimax::text
