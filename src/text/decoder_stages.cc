// SPDX-License-Identifier: Apache-2.0
#include "text/decoder_stages.h"

#include <algorithm>

#include "text/byte_alphabet.h"
#include "text/byte_token.h"
#include "text/utf8.h"

namespace minimax::text {
namespace {

// Base of the stages that need a token as a whole.
class WholeTokenStage : public TokenSink {
 public:
  explicit WholeTokenStage(TokenSink& next) : next_(next) {}

  void text(std::string_view chunk) override { token_ += chunk; }

  void end_token() override {
    std::string token;
    token.swap(token_);
    take(token);
  }

  void finish() override {
    flush();
    next_.finish();
  }

 protected:
  virtual void take(std::string_view token) = 0;
  virtual void flush() {}

  void emit(std::string_view token) {
    next_.text(token);
    next_.end_token();
  }

  TokenSink& next() { return next_; }

 private:
  TokenSink& next_;
  std::string token_;
};

// Joins everything to one token, which ends when everything does.
class ByteLevelStage final : public WholeTokenStage {
 public:
  using WholeTokenStage::WholeTokenStage;

 private:
  void take(std::string_view token) override {
    pending_ += from_byte_alphabet(token);
    const auto held = static_cast<std::size_t>(incomplete_utf8_suffix(pending_));
    const std::size_t complete = pending_.size() - held;
    next().text(replace_invalid_utf8(std::string_view(pending_).substr(0, complete)));
    pending_.erase(0, complete);
  }

  void flush() override { emit(replace_invalid_utf8(pending_)); }

  std::string pending_;  // the start of a character
};

class ByteFallbackStage final : public WholeTokenStage {
 public:
  using WholeTokenStage::WholeTokenStage;

 private:
  void take(std::string_view token) override {
    const int byte = parse_byte_token(token);
    if (byte >= 0) {
      bytes_ += static_cast<char>(byte);
      return;
    }
    flush();
    emit(token);
  }

  // A run of bytes is text only if all of it is valid; else every byte is replaced.
  void flush() override {
    if (bytes_.empty()) {
      return;
    }
    if (find_invalid_utf8(bytes_) < 0) {
      emit(bytes_);
    } else {
      for (std::size_t i = 0; i < bytes_.size(); ++i) {
        emit("\uFFFD");
      }
    }
    bytes_.clear();
  }

  std::string bytes_;
};

class FuseStage final : public TokenSink {
 public:
  explicit FuseStage(TokenSink& next) : next_(next) {}

  void text(std::string_view chunk) override { next_.text(chunk); }
  void end_token() override {}
  void finish() override {
    next_.end_token();
    next_.finish();
  }

 private:
  TokenSink& next_;
};

class ReplaceStage final : public WholeTokenStage {
 public:
  ReplaceStage(const ReplaceDecoding& step, TokenSink& next) : WholeTokenStage(next), step_(step) {}

 private:
  void take(std::string_view token) override {
    budget_.extend(static_cast<std::int64_t>(token.size()));
    const auto replaced = step_.pattern.replace_all(token, step_.content, budget_);
    emit(replaced ? std::string_view(*replaced) : token);
  }

  const ReplaceDecoding& step_;
  StepBudget budget_{0};  // of the whole stream
};

// Strips at both ends of a token without waiting for all of it: only what could still be the end
// is held back.
class StripStage final : public TokenSink {
 public:
  StripStage(const StripDecoding& step, TokenSink& next) : step_(step), next_(next) {}

  void text(std::string_view chunk) override {
    while (at_start_ && !chunk.empty()) {
      at_start_ = stripped_ < step_.start && chunk.starts_with(step_.content);
      if (at_start_) {
        chunk.remove_prefix(step_.content.size());
        ++stripped_;
      }
    }
    held_ += chunk;
    std::size_t keep = held_.size();
    for (std::int64_t i = 0; i < step_.stop; ++i) {
      if (!std::string_view(held_).substr(0, keep).ends_with(step_.content)) {
        break;
      }
      keep -= step_.content.size();
    }
    next_.text(std::string_view(held_).substr(0, keep));
    held_.erase(0, keep);
  }

  void end_token() override {
    held_.clear();
    at_start_ = true;
    stripped_ = 0;
    next_.end_token();
  }

  void finish() override { next_.finish(); }

 private:
  const StripDecoding& step_;
  TokenSink& next_;
  bool at_start_ = true;
  std::int64_t stripped_ = 0;
  std::string held_;
};

class MetaspaceStage final : public TokenSink {
 public:
  MetaspaceStage(const MetaspaceDecoding& step, TokenSink& next)
      : replacement_(Pattern::literal(step.replacement)), drops_(step.drops_first), next_(next) {}

  void text(std::string_view chunk) override {
    const auto replaced = replacement_.replace_all(chunk, drops_ ? "" : " ", budget_);
    next_.text(replaced ? std::string_view(*replaced) : chunk);
  }

  void end_token() override {
    drops_ = false;
    next_.end_token();
  }

  void finish() override { next_.finish(); }

 private:
  Pattern replacement_;
  StepBudget budget_{0};  // plain text takes no steps
  bool drops_;
  TokenSink& next_;
};

// The suffix marks the end of a word: a space, but not behind the last token.
class SuffixStage final : public WholeTokenStage {
 public:
  SuffixStage(const SuffixDecoding& step, TokenSink& next)
      : WholeTokenStage(next), suffix_(Pattern::literal(step.suffix)) {}

 private:
  void take(std::string_view token) override {
    write_held(" ");
    held_ = token;
    holds_token_ = true;
  }

  void flush() override { write_held(""); }

  void write_held(std::string_view replacement) {
    if (holds_token_) {
      emit(suffix_.replace_all(held_, replacement, budget_).value_or(held_));
    }
    holds_token_ = false;
  }

  Pattern suffix_;
  StepBudget budget_{0};  // plain text takes no steps
  std::string held_;
  bool holds_token_ = false;
};

struct StageMaker {
  TokenSink& next;

  using Stage = std::unique_ptr<TokenSink>;

  Stage operator()(const ByteLevelDecoding&) const {
    return std::make_unique<ByteLevelStage>(next);
  }
  Stage operator()(const ByteFallbackDecoding&) const {
    return std::make_unique<ByteFallbackStage>(next);
  }
  Stage operator()(const FuseDecoding&) const { return std::make_unique<FuseStage>(next); }
  Stage operator()(const ReplaceDecoding& step) const {
    return std::make_unique<ReplaceStage>(step, next);
  }
  Stage operator()(const StripDecoding& step) const {
    return std::make_unique<StripStage>(step, next);
  }
  Stage operator()(const MetaspaceDecoding& step) const {
    return std::make_unique<MetaspaceStage>(step, next);
  }
  Stage operator()(const SuffixDecoding& step) const {
    return std::make_unique<SuffixStage>(step, next);
  }
};

}  // namespace

std::unique_ptr<TokenSink> make_decoder_stage(const DecoderStep& step, TokenSink& next) {
  return std::visit(StageMaker{next}, step);
}

}  // namespace minimax::text
