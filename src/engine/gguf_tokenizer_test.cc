// SPDX-License-Identifier: Apache-2.0
#include "engine/gguf_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "minimax/generation_config.h"
#include "minimax/tokenizer.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"
#include "text/gguf_vocabulary.h"

namespace minimax::engine {
namespace {

using minimax::testing::GgufBuilder;
using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kModel = std::string(MINIMAX_SOURCE_DIR) + "/models/tiny-minimax";

// The tokenizer of the demonstration model, as files for llama.cpp have it.
GgufBuilder demonstration() {
  const text::OwnedGgufVocabulary vocabulary =
      text::Tokenizer::from_directory(kModel).to_gguf(2213);
  GgufBuilder builder;
  builder.text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", vocabulary.pre)
      .texts("tokenizer.ggml.tokens", vocabulary.tokens)
      .numbers("tokenizer.ggml.token_type", vocabulary.types)
      .texts("tokenizer.ggml.merges", vocabulary.merges)
      .number<std::uint32_t>("tokenizer.ggml.bos_token_id", 2)
      .number<std::uint32_t>("tokenizer.ggml.eos_token_id", 3)
      .number<std::uint32_t>("tokenizer.ggml.padding_token_id", 0)
      .text("tokenizer.chat_template", base::read_file(kModel + "/chat_template.jinja"));
  return builder;
}

TEST(GgufTokenizer, ReadsRendersAndEncodesAsTheOriginal) {
  const TemporaryDirectory directory;
  const Tokenizer original = AutoTokenizer::from_pretrained(kModel);
  const Tokenizer copy =
      AutoTokenizer::from_pretrained(directory.write("m.gguf", demonstration().build()));
  EXPECT_THAT(copy.warnings(), IsEmpty());
  EXPECT_EQ(copy.vocab_size(), original.vocab_size());
  const std::string messages =
      R"([{"role":"system","content":"Be kind."},{"role":"user","content":"1 + 12 = <end_of_sentence>"}])";
  EXPECT_EQ(copy.apply_chat_template(messages), original.apply_chat_template(messages));
  const std::vector<std::int32_t> ids = original.encode_chat(messages);
  EXPECT_EQ(copy.encode_chat(messages), ids);
  EXPECT_EQ(copy.decode(ids), original.decode(ids));
}

TEST(GgufTokenizer, ReadsTheTokenizerOfADirectoryWithNothingElse) {
  const TemporaryDirectory directory;
  directory.write("m.gguf", demonstration().build());
  EXPECT_EQ(AutoTokenizer::from_pretrained(directory.path()).vocab_size(), 2213);
}

TEST(GgufTokenizer, ReadsTemplatesWithNames) {
  const TemporaryDirectory directory;
  const auto path = directory.write(
      "m.gguf",
      demonstration().text("tokenizer.chat_template.tool_use", "{{ bos_token }}tools").build());
  Tokenizer::ChatTemplateOptions options;
  options.tools_json = "[]";
  EXPECT_EQ(AutoTokenizer::from_pretrained(path).apply_chat_template(
                R"([{"role":"user","content":"x"}])", options),
            "<beginning_of_sentence>tools");
}

TEST(GgufTokenizer, FallsBackToTheBuiltInTemplate) {
  const TemporaryDirectory directory;
  const auto path = directory.write("m.gguf", GgufBuilder()
                                                  .text("tokenizer.ggml.model", "gpt2")
                                                  .text("tokenizer.ggml.pre", "gpt-2")
                                                  .texts("tokenizer.ggml.tokens", {"a", "b"})
                                                  .texts("tokenizer.ggml.merges", {})
                                                  .build());
  const Tokenizer tokenizer = AutoTokenizer::from_pretrained(path);
  EXPECT_THAT(tokenizer.warnings(), ElementsAre(HasSubstr("no chat template; the built-in")));
}

TEST(GgufTokenizer, SaysWhatIsMissing) {
  const TemporaryDirectory directory;
  const auto error_of = [&](const GgufBuilder& builder) {
    const auto path = directory.write("m.gguf", builder.build());
    return thrown_by([&] { AutoTokenizer::from_pretrained(path); });
  };
  EXPECT_EQ(error_of(GgufBuilder().text("tokenizer.ggml.model", "none")).code,
            ErrorCode::kUnsupported);
  EXPECT_THAT(error_of(GgufBuilder()).message, HasSubstr("has no tokenizer: it can be run on"));
  EXPECT_THAT(error_of(GgufBuilder().text("tokenizer.ggml.model", "llama")).message,
              HasSubstr("expected \"gpt2\", found \"llama\""));
  EXPECT_THAT(error_of(GgufBuilder().text("tokenizer.ggml.model", "gpt2")).message,
              HasSubstr("key \"tokenizer.ggml.tokens\": expected an array of string"));
  EXPECT_THAT(
      error_of(demonstration().number<std::int32_t>("tokenizer.ggml.eot_token_id", -1)).message,
      HasSubstr("eot_token_id\": expected 0 to"));
  EXPECT_THAT(error_of(demonstration().number<bool>("tokenizer.chat_template.x", true)).message,
              HasSubstr("tokenizer.chat_template.x"));
}

TEST(GgufGeneration, TakesWhatTheFileSaysOfSampling) {
  const TemporaryDirectory directory;
  const auto path =
      directory.write("m.gguf", GgufBuilder()
                                    .number<float>("general.sampling.temp", 0.5F)
                                    .number<std::int32_t>("general.sampling.top_k", 7)
                                    .number<float>("general.sampling.top_p", 2.0F)
                                    .numbers<std::int32_t>("tokenizer.ggml.suppress_tokens", {5, 6})
                                    .build());
  MiniMaxConfig config;
  config.eos_token_id = {3};
  const GenerationConfig generation = GenerationConfig::from_pretrained(path, config);
  EXPECT_TRUE(generation.do_sample);
  EXPECT_EQ(generation.temperature, 0.5);
  EXPECT_EQ(generation.top_k, 7);
  EXPECT_THAT(generation.eos_token_id, ElementsAre(3));
  EXPECT_THAT(generation.suppress_tokens, ElementsAre(5, 6));
  EXPECT_THAT(generation.warnings, ElementsAre(HasSubstr("/top_p: expected a number")));
}

}  // namespace
}  // namespace minimax::engine
