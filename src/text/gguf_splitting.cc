// SPDX-License-Identifier: Apache-2.0
#include "text/gguf_splitting.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "text/splitters.h"

namespace minimax::text {
namespace {

enum class Rule { kGpt2, kGpt2Digits, kO200k, kLlama3, kLlama3Merging, kQwen2 };

struct Name {
  std::string_view name;
  Rule rule;
};

// The first name of a rule is the one that is written. Several rules of the same name in llama.cpp
// differ only in how it cleans text up while it decodes, which is not done here.
constexpr std::array kNames = {
    Name{"gpt-4o", Rule::kO200k},
    Name{"minimax-m2", Rule::kO200k},
    Name{"llama4", Rule::kO200k},
    Name{"kanana2", Rule::kO200k},
    Name{"gpt-2", Rule::kGpt2},
    Name{"phi-2", Rule::kGpt2},
    Name{"mpt", Rule::kGpt2},
    Name{"olmo", Rule::kGpt2},
    Name{"jais", Rule::kGpt2},
    Name{"jina-es", Rule::kGpt2},
    Name{"jina-de", Rule::kGpt2},
    Name{"jina-v2-es", Rule::kGpt2},
    Name{"jina-v2-de", Rule::kGpt2},
    Name{"gigachat", Rule::kGpt2},
    Name{"a.x-4.0", Rule::kGpt2},
    Name{"mellum", Rule::kGpt2},
    Name{"exaone4", Rule::kGpt2},
    Name{"trillion", Rule::kGpt2},
    Name{"modern-bert", Rule::kGpt2},
    Name{"granite-docling", Rule::kGpt2},
    Name{"smollm", Rule::kGpt2Digits},
    Name{"starcoder", Rule::kGpt2Digits},
    Name{"refact", Rule::kGpt2Digits},
    Name{"command-r", Rule::kGpt2Digits},
    Name{"exaone", Rule::kGpt2Digits},
    Name{"codeshell", Rule::kGpt2Digits},
    Name{"minerva-7b", Rule::kGpt2Digits},
    Name{"llama-bpe", Rule::kLlama3Merging},
    Name{"llama3", Rule::kLlama3Merging},
    Name{"llama-v3", Rule::kLlama3Merging},
    Name{"falcon3", Rule::kLlama3Merging},
    Name{"pixtral", Rule::kLlama3Merging},
    Name{"dbrx", Rule::kLlama3},
    Name{"smaug-bpe", Rule::kLlama3},
    Name{"qwen2", Rule::kQwen2},
    Name{"stablelm2", Rule::kQwen2},
    Name{"deepseek-r1-qwen", Rule::kQwen2},
    Name{"hunyuan", Rule::kQwen2},
    Name{"megrez", Rule::kQwen2},
};

// As the tokenizers of these models write them.
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

PreTokenizer splitting_at(std::string_view pattern, std::string_view name) {
  std::vector<PreTokenizerStage> stages;
  stages.emplace_back(SplitStage{.pattern = Pattern::regex(pattern, std::string(name))});
  stages.emplace_back(ByteLevelStage{.add_prefix_space = false, .use_regex = false});
  return PreTokenizer(std::move(stages));
}

PreTokenizer gpt2_splitting(bool splits_digits) {
  std::vector<PreTokenizerStage> stages;
  if (splits_digits) {
    stages.emplace_back(DigitsStage{.individual = true});
  }
  stages.emplace_back(ByteLevelStage{.add_prefix_space = false, .use_regex = true});
  return PreTokenizer(std::move(stages));
}

PreTokenizer pre_tokenizer_of(const Name& row) {
  switch (row.rule) {
    case Rule::kGpt2:
      return gpt2_splitting(false);
    case Rule::kGpt2Digits:
      return gpt2_splitting(true);
    case Rule::kO200k:
      return splitting_at(kO200kPattern, row.name);
    case Rule::kLlama3:
    case Rule::kLlama3Merging:
      return splitting_at(kLlama3Pattern, row.name);
    case Rule::kQwen2:
      break;
  }
  return splitting_at(kQwen2Pattern, row.name);
}

bool ignores_merges(Rule rule) { return rule == Rule::kLlama3Merging; }

}  // namespace

std::optional<GgufSplitting> find_gguf_splitting(std::string_view name) {
  const auto* const row = std::ranges::find(kNames, name, &Name::name);
  if (row == kNames.end()) {
    return std::nullopt;
  }
  return GgufSplitting{.pre_tokenizer = pre_tokenizer_of(*row),
                       .ignore_merges = ignores_merges(row->rule),
                       .adds_bos = row->rule == Rule::kLlama3Merging};
}

std::string_view gguf_splitting_name(const PreTokenizer& pre_tokenizer, bool ignore_merges) {
  const auto* const row = std::ranges::find_if(kNames, [&](const Name& candidate) {
    return ignores_merges(candidate.rule) == ignore_merges &&
           pre_tokenizer_of(candidate) == pre_tokenizer;
  });
  return row == kNames.end() ? std::string_view() : row->name;
}

}  // namespace minimax::text
