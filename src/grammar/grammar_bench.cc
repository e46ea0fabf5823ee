// SPDX-License-Identifier: Apache-2.0
// What grammars cost: compiling, masks where nothing is cached yet, and masks of texts that have
// been seen. Run it in the root of the repository; a directory with a tokenizer.json or a
// merges.txt that is named in the file build/grammar_bench_model takes the place of the
// demonstration model.
#include <benchmark/benchmark.h>

#include <chrono>
#include <filesystem>
#include <limits>
#include <optional>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "grammar/code_points.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/matcher.h"
#include "grammar/regex.h"

namespace minimax::grammar {
namespace {

std::filesystem::path model_directory() {
  const std::filesystem::path choice = "build/grammar_bench_model";
  if (!std::filesystem::exists(choice)) {
    return "models/tiny-minimax";
  }
  const std::string name = base::read_file(choice);
  return name.substr(0, name.find_last_not_of('\n') + 1);
}

// The bytes of a token in the alphabet of byte-level vocabularies: printable Latin-1 stands for
// itself, the other bytes have the characters from U+0100 on.
std::string bytes_of(const std::string& token) {
  std::string others;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
    if (!is_printable) {
      others += static_cast<char>(byte);
    }
  }
  std::string bytes;
  for (std::size_t offset = 0; offset < token.size();) {
    const char32_t value = next_code_point(token, offset);
    bytes += value < 0x100 ? static_cast<char>(value) : others.at(value - 0x100);
  }
  return bytes;
}

std::shared_ptr<const Vocabulary> load_vocabulary() {
  VocabularyParts parts;
  const std::filesystem::path file = model_directory() / "tokenizer.json";
  if (std::filesystem::exists(file)) {
    const base::Json json = base::read_json_file(file.string());
    for (const auto& [token, id] : json.find("model")->find("vocab")->object()) {
      parts.tokens.resize(
          std::max(parts.tokens.size(), static_cast<std::size_t>(id.integer()) + 1));
      parts.tokens[static_cast<std::size_t>(id.integer())] = bytes_of(token);
    }
  } else {
    for (int byte = 0; byte < 256; ++byte) {
      parts.tokens.emplace_back(1, static_cast<char>(byte));
    }
    std::istringstream merges(base::read_file((model_directory() / "merges.txt").string()));
    std::string first;
    std::string second;
    while (merges >> first >> second) {
      parts.tokens.push_back(bytes_of(first + second));
    }
  }
  parts.tokens.emplace_back();
  parts.end_tokens = {static_cast<std::int32_t>(parts.tokens.size()) - 1};
  return std::make_shared<const Vocabulary>(std::move(parts));
}

const std::shared_ptr<const Vocabulary>& vocabulary() {
  static const std::shared_ptr<const Vocabulary> kVocabulary = load_vocabulary();
  return kVocabulary;
}

constexpr const char* kSchema =
    R"({"type": "object", "required": ["name", "age", "tags", "address"],
  "properties": {"name": {"type": "string", "maxLength": 100}, "age": {"type": "integer",
  "minimum": 0, "maximum": 150}, "email": {"type": "string", "format": "email"}, "tags": {"type":
  "array", "items": {"enum": ["new", "old", "blue", "green"]}, "maxItems": 5}, "address": {"type":
  "object", "required": ["street", "zip"], "properties": {"street": {"type": "string"}, "zip":
  {"type": "string", "pattern": "^[0-9]{5}$"}, "note": {"type": ["string", "null"]}}}}})";

constexpr const char* kAnswer =
    R"({"name": "Ada Lovelace, Countess of something", "age": 36, "email": "ada@example.org",)"
    R"( "tags": ["new", "blue"], "address": {"street": "12 St James's Square", "zip": "12345",)"
    R"( "note": "The first one who wrote a program \"for a machine\" that was never built."}})";

constexpr const char* kNested =
    "{\"a\": [1, 2.5e10, {\"b\": [[true, false], {\"c\": \"some words in a string\", \"d\": null}],"
    " \"e\": {\"f\": {\"g\": [\"x\", \"y\"]}}}],\n  \"long\": \"text that goes on \\n for a "
    "while\"}";

struct Example {
  Grammar grammar;
  std::string answer;
};

Example example(std::int64_t number) {
  if (number == 0) {
    const base::Json schema = base::parse_json(kSchema, "schema");
    return {json_schema_grammar(base::JsonView(schema, "schema")), kAnswer};
  }
  if (number == 1) {
    return {json_object_grammar(), kNested};
  }
  if (number == 2) {
    return {regex_grammar(R"((\w+ ){3,20}(and|or) \d{4}-\d{2}-\d{2}\.)"),
            "these are some words before this and 2024-05-06."};
  }
  return {parse_gbnf("root ::= (move \"\\n\"){1,100}\nmove ::= [KQRBN]? [a-h] [1-8] [+#]?"),
          "e4\nNf3\nQd8+\nb5\nRa1\n"};
}

// The longest tokens of which a text consists.
std::vector<std::int32_t> tokens_of(std::string_view text) {
  const Vocabulary& words = *vocabulary();
  std::vector<std::int32_t> tokens;
  while (!text.empty()) {
    std::int32_t best = 0;
    std::size_t length = 0;
    for (std::int32_t id = 0; id < words.size(); ++id) {
      if (words.bytes(id).size() > length && text.starts_with(words.bytes(id))) {
        best = id;
        length = words.bytes(id).size();
      }
    }
    tokens.push_back(best);
    text.remove_prefix(length);
  }
  return tokens;
}

// Returns the seconds of the slowest mask.
double answer(const std::shared_ptr<const CompiledGrammar>& grammar,
              const std::vector<std::int32_t>& tokens, std::vector<std::uint32_t>& mask) {
  Matcher matcher(grammar);
  double slowest = 0;
  for (const std::int32_t token : tokens) {
    const auto begin = std::chrono::steady_clock::now();
    matcher.fill_mask(mask);
    benchmark::DoNotOptimize(mask.data());
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    slowest = std::max(slowest, taken.count());
    if (!matcher.accept(token)) {
      throw std::runtime_error("the example is refused");
    }
  }
  return slowest;
}

void set_counters(benchmark::State& bench, std::size_t tokens) {
  bench.counters["s_per_token"] =
      benchmark::Counter(static_cast<double>(bench.iterations()) * static_cast<double>(tokens),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  bench.counters["tokens"] = static_cast<double>(tokens);
  bench.counters["vocabulary"] = static_cast<double>(vocabulary()->size());
}

void compile_grammar(benchmark::State& bench) {
  const Example subject = example(bench.range(0));
  for (auto step : bench) {
    benchmark::DoNotOptimize(compile(subject.grammar, vocabulary()));
  }
}

void first_answer(benchmark::State& bench) {
  const Example subject = example(bench.range(0));
  const std::vector<std::int32_t> tokens = tokens_of(subject.answer);
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(vocabulary()->mask_words()));
  double slowest = std::numeric_limits<double>::max();
  for (auto step : bench) {
    slowest = std::min(slowest, answer(compile(subject.grammar, vocabulary()), tokens, mask));
  }
  bench.counters["slowest_mask_s"] = slowest;
  set_counters(bench, tokens.size());
}

void same_answer_again(benchmark::State& bench) {
  const Example subject = example(bench.range(0));
  const std::vector<std::int32_t> tokens = tokens_of(subject.answer);
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(vocabulary()->mask_words()));
  const auto grammar = compile(subject.grammar, vocabulary());
  answer(grammar, tokens, mask);
  for (auto step : bench) {
    answer(grammar, tokens, mask);
  }
  set_counters(bench, tokens.size());
}

BENCHMARK(compile_grammar)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);
BENCHMARK(first_answer)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);
BENCHMARK(same_answer_again)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace minimax::grammar
