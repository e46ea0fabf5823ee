// SPDX-License-Identifier: Apache-2.0
// One small tokenizer for every feature of tokenizer.json, each on some hundred strings; expected
// ids and texts are those of Hugging Face tokenizers. tools/export_tokenizer_goldens.py wrote
// them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "text/detokenizer.h"
#include "text/golden_support.h"

namespace minimax::text {
namespace {

struct FeatureCase {
  std::string name;
  base::Json golden;

  friend std::ostream& operator<<(std::ostream& out, const FeatureCase& feature) {
    return out << feature.name;
  }
};

std::vector<FeatureCase> read_cases() {
  std::vector<FeatureCase> cases;
  std::ifstream file(tokenizer_goldens() / "features" / "cases.jsonl");
  for (std::string line; std::getline(file, line);) {
    base::Json golden = base::parse_json(line, "cases.jsonl");
    std::string name = golden.find("name")->string();
    cases.push_back({std::move(name), std::move(golden)});
  }
  return cases;
}

const std::vector<std::string>& feature_strings() {
  static const std::vector<std::string> kAll =
      read_strings(tokenizer_goldens() / "features" / "strings.json");
  return kAll;
}

// The members of a case over those of its trained model.
base::Json complete_tokenizer(const base::Json& golden) {
  const std::string file = "model_" + golden.find("model")->string() + ".json";
  base::Json model = base::read_json_file((tokenizer_goldens() / "features" / file).string());
  for (const auto& [key, value] : golden.find("model_members")->object()) {
    std::erase_if(model.object(), [&](const base::JsonMember& m) { return m.first == key; });
    model.object().emplace_back(key, value);
  }
  base::Json tokenizer = *golden.find("tokenizer");
  tokenizer.object().emplace_back("model", std::move(model));
  return tokenizer;
}

std::vector<std::int32_t> to_ids(const base::Json& array) {
  std::vector<std::int32_t> ids;
  for (const base::Json& id : array.array()) {
    ids.push_back(static_cast<std::int32_t>(id.integer()));
  }
  return ids;
}

void expect_ids(const Tokenizer& tokenizer, const base::Json* expected,
                const EncodeOptions& options) {
  if (expected == nullptr) {
    return;
  }
  ASSERT_EQ(expected->array().size(), feature_strings().size());
  for (std::size_t i = 0; i < feature_strings().size(); ++i) {
    const auto found = tokenizer.encode(feature_strings()[i], options);
    ASSERT_EQ(found, to_ids(expected->array()[i])) << base::quote_json(feature_strings()[i]);
  }
}

std::string stream(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids, bool skip) {
  Detokenizer detokenizer(tokenizer, skip);
  std::string text;
  for (const std::int32_t id : ids) {
    text += detokenizer.push(id);
  }
  return text + detokenizer.flush();
}

// Every assigned code point is in the strings that all whole vocabularies are compared on; here
// only fingerprints of blocks of them are kept.
void expect_blocks(const Tokenizer& tokenizer, const base::JsonArray& expected) {
  static const std::vector<std::string> kStrings =
      read_strings(tokenizer_goldens() / "strings.json");
  constexpr std::size_t kBlock = 256;
  ASSERT_LE(expected.size() * kBlock, kStrings.size());
  for (std::size_t block = 0; block < expected.size(); ++block) {
    std::vector<std::int32_t> ids;
    const std::size_t begin = block * kBlock;
    for (std::size_t i = begin; i < begin + kBlock; ++i) {
      const auto one = tokenizer.encode(kStrings[i]);
      ids.insert(ids.end(), one.begin(), one.end());
    }
    const Fingerprint found = fingerprint(ids);
    ASSERT_EQ(fmt::format("{} {}", found.count, found.hash), expected[block].string())
        << "strings " << begin << " and after";
  }
}

class TokenizerFeature : public testing::TestWithParam<FeatureCase> {};

TEST_P(TokenizerFeature, EqualsHuggingFace) {
  const base::Json& golden = GetParam().golden;
  const auto tokenizer =
      Tokenizer::from_tokenizer_json(base::write_json(complete_tokenizer(golden)), GetParam().name);
  expect_ids(tokenizer, golden.find("ids"), {});
  expect_ids(tokenizer, golden.find("plain_ids"), {.parse_special = false});
  expect_blocks(tokenizer, golden.find("blocks")->array());
  for (const base::Json& row : golden.find("decoded")->array()) {
    const auto ids = to_ids(row.array()[0]);
    ASSERT_EQ(tokenizer.decode(ids, false), row.array()[1].string());
    ASSERT_EQ(tokenizer.decode(ids, true), row.array()[2].string());
    ASSERT_EQ(stream(tokenizer, ids, true), row.array()[2].string());
  }
}

INSTANTIATE_TEST_SUITE_P(Features, TokenizerFeature, testing::ValuesIn(read_cases()),
                         [](const auto& feature) { return feature.param.name; });

}  // namespace
}  // namespace minimax::text
