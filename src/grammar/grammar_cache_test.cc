// SPDX-License-Identifier: Apache-2.0
#include "grammar/grammar_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "grammar/gbnf.h"
#include "grammar/testing.h"
#include "minimax/error.h"

namespace minimax::grammar {
namespace {

std::shared_ptr<const CompiledGrammar> get(GrammarCache& cache, const std::string& text) {
  return cache.get(text, [&] { return parse_gbnf(text); });
}

TEST(GrammarCache, GivesTheSameGrammarAgain) {
  GrammarCache cache(shared_test_vocabulary(), 1 << 20);
  const auto first = get(cache, "root ::= \"a\"");
  EXPECT_EQ(get(cache, "root ::= \"a\""), first);
  EXPECT_NE(get(cache, "root ::= \"b\""), first);
  EXPECT_EQ(cache.size(), 2);
}

TEST(GrammarCache, KeepsNothingOfWhatWasRefused) {
  GrammarCache cache(shared_test_vocabulary(), 1 << 20);
  EXPECT_THROW(get(cache, "root ::= *"), Error);
  EXPECT_THROW(get(cache, "root ::= ("), Error);
  EXPECT_EQ(cache.size(), 0);
}

TEST(GrammarCache, StaysWithinItsBytesWhateverComes) {
  constexpr std::int64_t kBytes = 300'000;
  GrammarCache cache(shared_test_vocabulary(), kBytes);
  const auto used = get(cache, "root ::= \"kept\"");
  for (int i = 0; i < 2000; ++i) {
    Matcher matcher(get(cache, "root ::= \"" + std::to_string(i) + "\" [a-z]*"));
    ASSERT_TRUE(matcher.accept_text(std::to_string(i)));
    EXPECT_TRUE(allowed_tokens(matcher).contains("the"));
    EXPECT_EQ(get(cache, "root ::= \"kept\""), used);
    EXPECT_LE(cache.bytes_used(), kBytes);
  }
  EXPECT_GT(cache.size(), 4);
  EXPECT_LT(cache.size(), 1000);
}

TEST(GrammarCache, LeavesGrammarsInUseAlone) {
  GrammarCache cache(shared_test_vocabulary(), 1);
  Matcher matcher(get(cache, "root ::= \"ab\""));
  EXPECT_EQ(cache.size(), 0);
  EXPECT_TRUE(matcher.accept_text("ab"));
}

TEST(GrammarCache, ServesSeveralThreads) {
  GrammarCache cache(shared_test_vocabulary(), 200'000, {.cache_bytes = 20'000});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const std::string letter(1, static_cast<char>('a' + i % 7));
        Matcher matcher(
            get(cache, fmt::format("root ::= \"{0}\" [a-z]{{300,400}} \"{0}\"", letter)));
        EXPECT_TRUE(matcher.accept_text(fmt::format("{0}{1:x>300}{0}", letter, "")));
        EXPECT_FALSE(allowed_tokens(matcher).empty());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace minimax::grammar
