// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/check.h"
#include "base/file.h"
#include "text/gguf_vocabulary.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"
#include "text/word_cache.h"

namespace minimax::text {
namespace {

constexpr std::int64_t kMaxFileBytes = std::int64_t{128} << 20;

// The text of one call and which of its bytes special tokens may be made of.
struct MarkedInput {
  std::string_view text;
  AllowedSpecials allowed;
};

void check_length(std::int64_t bytes) {
  base::check(bytes <= Tokenizer::kMaxTextBytes, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("text: expected at most {} bytes, found {}", Tokenizer::kMaxTextBytes,
                       bytes);
  });
}

// `text` itself where it is valid UTF-8, else the repaired copy.
std::string_view checked_utf8(std::string_view text, InvalidUtf8 policy, std::string& repaired) {
  const std::int64_t invalid = find_invalid_utf8(text);
  if (invalid < 0) {
    return text;
  }
  base::check(policy == InvalidUtf8::kReplace, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("text: expected UTF-8, found the byte 0x{:02x} at offset {}",
                       static_cast<unsigned char>(text[static_cast<std::size_t>(invalid)]),
                       invalid);
  });
  repaired = replace_invalid_utf8(text);
  return repaired;
}

std::string_view slice(std::string_view text, const TextSection& section) {
  return text.substr(static_cast<std::size_t>(section.begin),
                     static_cast<std::size_t>(section.end - section.begin));
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(TokenizerParts p)
      : parts(std::move(p)),
        added(std::move(parts.added_tokens.tokens),
              parts.normalizer ? &*parts.normalizer : nullptr) {}

  TokenizerParts parts;
  AddedTokens added;
};

namespace {

// One call of encode(): the ids so far, and what is kept from piece to piece.
class Encoding {
 public:
  Encoding(const TokenizerParts& parts, const AddedTokens& added, const MarkedInput& input)
      : parts_(parts),
        added_(added),
        input_(input),
        budget_(static_cast<std::int64_t>(input.text.size())),
        cache_(static_cast<std::int64_t>(input.text.size())) {}

  std::vector<std::int32_t> run() {
    ids_.reserve(input_.text.size() / 4 + 16);
    for (const TextSection& section : added_.split_raw(input_.text, input_.allowed)) {
      if (section.id >= 0) {
        ids_.push_back(section.id);
      } else {
        encode_between(section);
      }
    }
    return std::move(ids_);
  }

 private:
  // Text between raw tokens: normalized, then searched for the normalized tokens.
  void encode_between(const TextSection& section) {
    std::string_view text = slice(input_.text, section);
    AllowedSpecials allowed = input_.allowed;
    if (!allowed.marks.empty()) {
      allowed.marks = slice(allowed.marks, section);
    }
    if (parts_.normalizer) {
      MarkedText normalized{std::string(text), std::string(allowed.marks), allowed.uniform};
      parts_.normalizer->apply(normalized);
      text = owned_.emplace_back(std::move(normalized.text));
      allowed.marks = owned_.emplace_back(std::move(normalized.marks));
    }
    for (const TextSection& inner : added_.split_normalized(text, allowed)) {
      if (inner.id >= 0) {
        ids_.push_back(inner.id);
      } else {
        encode_text(slice(text, inner), section.begin == 0 && inner.begin == 0);
      }
    }
  }

  void encode_text(std::string_view text, bool at_start) {
    PreTokenizedText pieces{
        .pieces = {text}, .owned = &owned_, .at_start = at_start, .budget = &budget_};
    parts_.pre_tokenizer.run(pieces);
    for (const std::string_view piece : pieces.pieces) {
      encode_piece(piece);
    }
  }

  void encode_piece(std::string_view piece) {
    WordCache::Slot* slot = cache_.slot_for(piece);
    if (slot != nullptr && WordCache::holds(*slot, piece)) {
      const auto begin = static_cast<std::size_t>(slot->begin);
      for (std::size_t i = 0; i < static_cast<std::size_t>(slot->count); ++i) {
        ids_.push_back(ids_[begin + i]);
      }
      return;
    }
    const std::size_t before = ids_.size();
    parts_.model.encode(piece, scratch_, ids_);
    if (slot != nullptr) {
      *slot = {.data = piece.data(),
               .size = static_cast<std::int32_t>(piece.size()),
               .count = static_cast<std::int32_t>(ids_.size() - before),
               .begin = static_cast<std::int64_t>(before)};
    }
  }

  const TokenizerParts& parts_;
  const AddedTokens& added_;
  const MarkedInput& input_;
  std::vector<std::int32_t> ids_;
  std::deque<std::string> owned_;  // texts that normalizers and stages made; pieces point into them
  BpeScratch scratch_;
  StepBudget budget_;
  WordCache cache_;
};

std::vector<std::int32_t> encode_input(const TokenizerParts& parts, const AddedTokens& added,
                                       const MarkedInput& input, const EncodeOptions& options) {
  std::vector<std::int32_t> ids = Encoding(parts, added, input).run();
  if (options.add_special_tokens) {
    const auto& prefix = parts.post_processor.prefix();
    const auto& suffix = parts.post_processor.suffix();
    ids.insert(ids.begin(), prefix.begin(), prefix.end());
    ids.insert(ids.end(), suffix.begin(), suffix.end());
  }
  return ids;
}

}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_directory(const std::filesystem::path& directory) {
  const std::filesystem::path json = directory / "tokenizer.json";
  const std::filesystem::path vocab = directory / "vocab.json";
  const std::filesystem::path merges = directory / "merges.txt";
  const bool has_pair = std::filesystem::exists(vocab) && std::filesystem::exists(merges);
  base::check(has_pair || std::filesystem::exists(json), ErrorCode::kIo, [&] {
    return fmt::format("{}: expected tokenizer.json, or vocab.json and merges.txt, found neither",
                       base::printable(directory.string()));
  });
  const auto read_parts = [&] {
    if (std::filesystem::exists(json)) {
      return read_tokenizer_json(base::read_file(json, kMaxFileBytes), json.string());
    }
    const std::string vocab_json = base::read_file(vocab, kMaxFileBytes);
    const std::string merge_lines = base::read_file(merges, kMaxFileBytes);
    return read_vocab_and_merges({vocab_json, merge_lines, vocab.string(), merges.string()});
  };
  TokenizerParts parts = read_parts();
  apply_tokenizer_config(directory, parts);
  return Tokenizer(std::move(parts));
}

Tokenizer Tokenizer::from_tokenizer_json(std::string_view json, const std::string& source) {
  return Tokenizer(read_tokenizer_json(json, source));
}

Tokenizer Tokenizer::from_vocab_and_merges(const VocabAndMerges& files) {
  return Tokenizer(read_vocab_and_merges(files));
}

std::string Tokenizer::to_tokenizer_json() const {
  return write_tokenizer_json(*this, impl_->parts, impl_->added.tokens());
}

OwnedGgufVocabulary Tokenizer::to_gguf(std::int64_t vocab_size) const {
  return write_gguf(*this, impl_->parts, impl_->added.tokens(), vocab_size);
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text,
                                            const EncodeOptions& options) const {
  check_length(static_cast<std::int64_t>(text.size()));
  std::string repaired;
  const MarkedInput input{checked_utf8(text, options.invalid_utf8, repaired),
                          {.marks = {}, .uniform = options.parse_special}};
  return encode_input(impl_->parts, impl_->added, input, options);
}

std::vector<std::int32_t> Tokenizer::encode(std::span<const TextSegment> segments,
                                            const EncodeOptions& options) const {
  std::string text;
  std::string marks;
  for (const TextSegment& segment : segments) {
    check_length(static_cast<std::int64_t>(text.size() + segment.text.size()));
    std::string repaired;
    text += checked_utf8(segment.text, options.invalid_utf8, repaired);
    marks.resize(text.size(), static_cast<char>(segment.allow_special && options.parse_special));
  }
  const MarkedInput input{text, {.marks = marks, .uniform = false}};
  return encode_input(impl_->parts, impl_->added, input, options);
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  DecoderStream stream = decoder_stream();
  std::string text;
  for (const std::int32_t id : ids) {
    const auto token = id_to_token(id);
    base::check(token.has_value(), ErrorCode::kInvalidArgument, [&] {
      return fmt::format("token id: expected one of the vocabulary (below {}), found {}",
                         vocab_size(), id);
    });
    if (!skip_special_tokens || !is_skipped(id)) {
      text += stream.push(*token);
    }
  }
  return text + stream.finish();
}

std::optional<std::string_view> Tokenizer::id_to_token(std::int64_t id) const {
  if (id < 0 || id > TokenTable::kMaxId) {
    return std::nullopt;
  }
  if (const AddedToken* token = impl_->added.find(static_cast<std::int32_t>(id))) {
    return token->written;
  }
  const TokenTable& vocabulary = impl_->parts.model.vocabulary();
  return vocabulary.contains(id) ? std::optional(vocabulary.text(id)) : std::nullopt;
}

std::optional<std::int32_t> Tokenizer::token_to_id(std::string_view token) const {
  if (const AddedToken* added = impl_->added.find(token)) {
    return added->id;
  }
  const std::int32_t id = impl_->parts.model.vocabulary().find(token);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

// Hugging Face tokenizers compares texts here, so a special token whose text the normalizer
// changes is not skipped.
bool Tokenizer::is_skipped(std::int64_t id) const {
  const AddedToken* token =
      is_special(id) ? impl_->added.find(static_cast<std::int32_t>(id)) : nullptr;
  return token != nullptr && token->written == token->content;
}

bool Tokenizer::is_special(std::int64_t id) const {
  if (id < 0 || id > TokenTable::kMaxId) {
    return false;
  }
  const AddedToken* token = impl_->added.find(static_cast<std::int32_t>(id));
  return token != nullptr && token->special;
}

std::int64_t Tokenizer::vocab_size() const {
  return std::max(impl_->parts.model.vocabulary().size(),
                  std::int64_t{impl_->parts.added_tokens.largest_id} + 1);
}

const SpecialTokenIds& Tokenizer::special_ids() const { return impl_->parts.special_ids; }

const std::vector<std::string>& Tokenizer::warnings() const { return impl_->parts.warnings; }

DecoderStream Tokenizer::decoder_stream() const { return impl_->parts.decoder.stream(); }

}  // namespace minimax::text
