// SPDX-License-Identifier: Apache-2.0
// Writing tokenizer.json.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "minimax/error.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

namespace minimax::text {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

class JsonWriter {
 public:
  JsonWriter(const Tokenizer& tokenizer, const TokenizerParts& parts,
             std::span<const AddedToken> added)
      : tokenizer_(tokenizer), parts_(parts), added_(added) {}

  std::string write() const {
    check_byte_level(parts_, "tokenizer.json");
    const Json file = JsonObject{{"version", "1.0"},
                                 {"truncation", nullptr},
                                 {"padding", nullptr},
                                 {"added_tokens", added_tokens()},
                                 {"normalizer", nullptr},
                                 {"pre_tokenizer", parts_.pre_tokenizer.to_json()},
                                 {"post_processor", post_processor()},
                                 {"decoder", decoder()},
                                 {"model", model()}};
    return base::write_json(file, base::JsonStyle::kIndented) + "\n";
  }

 private:
  static std::string checked(std::string_view token, std::int64_t id) {
    if (find_invalid_utf8(token) >= 0) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("the tokenizer cannot be written as tokenizer.json: token {} is not "
                              "UTF-8",
                              id));
    }
    return std::string(token);
  }

  JsonArray added_tokens() const {
    JsonArray tokens;
    for (const AddedToken& token : added_) {
      tokens.emplace_back(JsonObject{{"id", std::int64_t{token.id}},
                                     {"content", checked(token.content, token.id)},
                                     {"single_word", token.single_word},
                                     {"lstrip", token.lstrip},
                                     {"rstrip", token.rstrip},
                                     {"normalized", token.normalized},
                                     {"special", token.special}});
    }
    return tokens;
  }

  static JsonObject decoder() {
    return {{"type", "ByteLevel"},
            {"add_prefix_space", true},
            {"trim_offsets", true},
            {"use_regex", true}};
  }

  // A template, for one text and for two, each with the same tokens around it.
  Json post_processor() const {
    const std::vector<std::int32_t>& prefix = parts_.post_processor.prefix();
    const std::vector<std::int32_t>& suffix = parts_.post_processor.suffix();
    if (prefix.empty() && suffix.empty()) {
      return nullptr;
    }
    JsonArray single;
    JsonArray pair;
    JsonObject special;
    add_wrapped("A", 0, single, special);
    add_wrapped("A", 0, pair, special);
    add_wrapped("B", 1, pair, special);
    return JsonObject{{"type", "TemplateProcessing"},
                      {"single", std::move(single)},
                      {"pair", std::move(pair)},
                      {"special_tokens", std::move(special)}};
  }

  void add_wrapped(const char* sequence, int type_id, JsonArray& pieces,
                   JsonObject& special) const {
    add_special(parts_.post_processor.prefix(), type_id, pieces, special);
    pieces.emplace_back(
        JsonObject{{"Sequence", JsonObject{{"id", sequence}, {"type_id", type_id}}}});
    add_special(parts_.post_processor.suffix(), type_id, pieces, special);
  }

  void add_special(const std::vector<std::int32_t>& ids, int type_id, JsonArray& pieces,
                   JsonObject& special) const {
    for (const std::int32_t id : ids) {
      const std::string token = checked(tokenizer_.id_to_token(id).value_or(""), id);
      pieces.emplace_back(
          JsonObject{{"SpecialToken", JsonObject{{"id", token}, {"type_id", type_id}}}});
      const Json entry = JsonObject{
          {"id", token}, {"ids", JsonArray{std::int64_t{id}}}, {"tokens", JsonArray{token}}};
      if (std::ranges::find(special, token, &base::JsonMember::first) == special.end()) {
        special.emplace_back(token, entry);
      }
    }
  }

  JsonObject model() const {
    const BpeOptions& options = parts_.model.options();
    return {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", options.unk_token ? Json(*options.unk_token) : Json()},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", options.fuse_unk},
            {"byte_fallback", false},
            {"ignore_merges", options.ignore_merges},
            {"vocab", vocabulary()},
            {"merges", merges()}};
  }

  JsonObject vocabulary() const {
    const TokenTable& table = parts_.model.vocabulary();
    JsonObject tokens;
    tokens.reserve(static_cast<std::size_t>(table.count()));
    for (std::int64_t id = 0; id < table.size(); ++id) {
      if (table.contains(id)) {
        tokens.emplace_back(checked(table.text(id), id), id);
      }
    }
    return tokens;
  }

  JsonArray merges() const {
    JsonArray pairs;
    for (const MergePair& pair : parts_.model.merges()) {
      pairs.emplace_back(JsonArray{pair.left, pair.right});
    }
    return pairs;
  }

  const Tokenizer& tokenizer_;
  const TokenizerParts& parts_;
  std::span<const AddedToken> added_;
};

}  // namespace

void check_byte_level(const TokenizerParts& parts, std::string_view as) {
  const auto fail = [&](std::string_view what) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the tokenizer cannot be written as {}: {}", as, what));
  };
  const BpeOptions& options = parts.model.options();
  if (parts.normalizer) {
    fail("it has a normalizer");
  }
  const bool is_plain = options.continuing_subword_prefix.empty() &&
                        options.end_of_word_suffix.empty() && !options.byte_fallback;
  if (!options.map_bytes || !is_plain || !parts.decoder.is_byte_level()) {
    fail("it does not work on bytes alone");
  }
}

std::string write_tokenizer_json(const Tokenizer& tokenizer, const TokenizerParts& parts,
                                 std::span<const AddedToken> added) {
  return JsonWriter(tokenizer, parts, added).write();
}

}  // namespace minimax::text
