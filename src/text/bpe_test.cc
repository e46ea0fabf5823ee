// SPDX-License-Identifier: Apache-2.0
// Merging with a heap against merging as the definition says.
#include "text/bpe.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>

namespace minimax::text {
namespace {

struct RandomModel {
  TokenTable vocabulary;
  std::vector<std::string> texts;                          // by id
  std::vector<std::pair<std::int32_t, std::int32_t>> ids;  // of the merges, by rank
};

RandomModel make_model(std::mt19937& random) {
  RandomModel model;
  for (const char* letter : {"a", "b", "c"}) {
    model.vocabulary.add(letter, static_cast<std::int32_t>(model.texts.size()));
    model.texts.emplace_back(letter);
  }
  for (int tries = 0; tries < 30; ++tries) {
    const auto left = static_cast<std::int32_t>(random() % model.texts.size());
    const auto right = static_cast<std::int32_t>(random() % model.texts.size());
    const std::string merged =
        model.texts[static_cast<std::size_t>(left)] + model.texts[static_cast<std::size_t>(right)];
    if (model.vocabulary.find(merged) < 0) {
      model.vocabulary.add(merged, static_cast<std::int32_t>(model.texts.size()));
      model.texts.push_back(merged);
    }
    model.ids.emplace_back(left, right);
  }
  return model;
}

std::vector<MergePair> merge_pairs(const RandomModel& model) {
  std::vector<MergePair> pairs;
  for (const auto& [left, right] : model.ids) {
    pairs.push_back({model.texts[static_cast<std::size_t>(left)],
                     model.texts[static_cast<std::size_t>(right)]});
  }
  return pairs;
}

// The pair of the lowest rank, the leftmost of them, again and again. A pair that is listed twice
// has its later rank.
std::vector<std::int32_t> merge_by_definition(const RandomModel& model, std::string_view text) {
  std::map<std::pair<std::int32_t, std::int32_t>, std::size_t> ranks;
  for (std::size_t rank = 0; rank < model.ids.size(); ++rank) {
    ranks[model.ids[rank]] = rank;
  }
  std::vector<std::int32_t> ids;
  ids.reserve(text.size());
  for (const char c : text) {
    ids.push_back(c - 'a');
  }
  for (;;) {
    std::size_t best_rank = std::numeric_limits<std::size_t>::max();
    std::size_t best = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = ranks.find({ids[i], ids[i + 1]});
      if (found != ranks.end() && found->second < best_rank) {
        best_rank = found->second;
        best = i;
      }
    }
    if (best_rank == std::numeric_limits<std::size_t>::max()) {
      return ids;
    }
    ids[best] = model.vocabulary.find(model.texts[static_cast<std::size_t>(ids[best])] +
                                      model.texts[static_cast<std::size_t>(ids[best + 1])]);
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, MergesAsTheDefinitionSays) {
  std::mt19937 random(3);
  BpeScratch scratch;
  for (int round = 0; round < 300; ++round) {
    const RandomModel model = make_model(random);
    const Bpe bpe(model.vocabulary, merge_pairs(model), {}, "test");
    for (int i = 0; i < 20; ++i) {
      std::string text(random() % 40, 'a');
      for (char& c : text) {
        c = "abc"[random() % 3];
      }
      std::vector<std::int32_t> ids;
      bpe.encode(text, scratch, ids);
      ASSERT_EQ(ids, merge_by_definition(model, text)) << text;
    }
  }
}

TEST(Bpe, AppendsToTheIdsThatAreThere) {
  TokenTable vocabulary;
  vocabulary.add("a", 0);
  const Bpe bpe(std::move(vocabulary), {}, {}, "test");
  BpeScratch scratch;
  std::vector<std::int32_t> ids = {7};
  bpe.encode("aa", scratch, ids);
  bpe.encode("", scratch, ids);
  EXPECT_EQ(ids, (std::vector<std::int32_t>{7, 0, 0}));
}

}  // namespace
}  // namespace minimax::text
