// SPDX-License-Identifier: Apache-2.0
#include "grammar/fuzz_walk.h"

#include <random>
#include <vector>

#include "grammar/matcher.h"
#include "grammar/testing.h"

namespace minimax::grammar {
namespace {

constexpr int kSteps = 12;

void require(bool condition) {
  if (!condition) {
    __builtin_trap();
  }
}

}  // namespace

std::uint32_t seed_of(std::string_view input) {
  std::uint32_t seed = 1;
  for (const char c : input) {
    seed = seed * 31 + static_cast<unsigned char>(c);
  }
  return seed;
}

void walk_along_masks(const Grammar& grammar, std::uint32_t seed) {
  static const std::shared_ptr<const Vocabulary> kWords = shared_test_vocabulary();
  std::mt19937 random(seed);
  const auto compiled = compile(grammar, kWords, {.cache_bytes = 1 << 20});
  Matcher matcher(compiled);
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(kWords->mask_words()));
  for (int step = 0; step < kSteps; ++step) {
    matcher.fill_mask(mask);
    std::vector<std::int32_t> allowed;
    for (std::int32_t id = 0; id < kWords->size(); ++id) {
      const bool is_allowed = (mask[static_cast<std::size_t>(id) / 32] >> (id % 32)) % 2 == 1;
      Matcher copy = matcher;
      require(copy.accept(id) == is_allowed);
      if (is_allowed) {
        allowed.push_back(id);
      }
    }
    require(!allowed.empty());
    require(matcher.accept(allowed[random() % allowed.size()]));
  }
}

}  // namespace minimax::grammar
