// SPDX-License-Identifier: Apache-2.0
// Speed of the tokenizer: loading, text, text back, and the runs of one letter that a naive
// implementation cannot take. Run it in the root of the repository; a directory in the file
// build/tokenizer_bench_model takes the place of the small vocabulary.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "base/file.h"
#include "text/tokenizer.h"

namespace minimax::text {
namespace {

std::filesystem::path model_directory() {
  const std::filesystem::path choice = "build/tokenizer_bench_model";
  if (!std::filesystem::exists(choice)) {
    return "tests/golden/tokenizer/small";
  }
  const std::string name = base::read_file(choice);
  return name.substr(0, name.find_last_not_of('\n') + 1);
}

// About a megabyte of English with some code.
std::string prose() {
  const std::string page = base::read_file("README.md") + base::read_file("ARCHITECTURE.md");
  std::string text;
  while (text.size() < 1'000'000) {
    text += page;
  }
  return text;
}

void encode_text(benchmark::State& bench, const std::string& text) {
  const Tokenizer tokenizer = Tokenizer::from_directory(model_directory());
  for (auto step : bench) {
    benchmark::DoNotOptimize(tokenizer.encode(text));
  }
  bench.SetBytesProcessed(bench.iterations() * static_cast<std::int64_t>(text.size()));
}

void load(benchmark::State& bench) {
  for (auto step : bench) {
    benchmark::DoNotOptimize(Tokenizer::from_directory(model_directory()));
  }
}

void encode_prose(benchmark::State& bench) { encode_text(bench, prose()); }

void encode_scripts(benchmark::State& bench) {
  encode_text(bench, base::read_file("tests/golden/tokenizer/strings.json"));
}

void encode_one_letter(benchmark::State& bench) {
  encode_text(bench, std::string(static_cast<std::size_t>(bench.range(0)), 'a'));
}

void decode_prose(benchmark::State& bench) {
  const Tokenizer tokenizer = Tokenizer::from_directory(model_directory());
  const std::string text = prose();
  const auto ids = tokenizer.encode(text);
  for (auto step : bench) {
    benchmark::DoNotOptimize(tokenizer.decode(ids));
  }
  bench.SetBytesProcessed(bench.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK(load)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_prose)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_scripts)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_one_letter)->Arg(1'000'000)->Arg(2'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_prose)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace minimax::text
