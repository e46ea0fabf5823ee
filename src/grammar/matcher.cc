// SPDX-License-Identifier: Apache-2.0
#include "grammar/matcher.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace minimax::grammar {
namespace {

constexpr std::int64_t kWorkOfToken = 200'000'000;  // of accept(); less than a second

bool is_zero(std::span<const std::uint32_t> mask) {
  return std::all_of(mask.begin(), mask.end(), [](std::uint32_t word) { return word == 0; });
}

}  // namespace

CompiledGrammar::CompiledGrammar(const Grammar& grammar,
                                 std::shared_ptr<const Vocabulary> vocabulary,
                                 const CompileOptions& options)
    : automaton_(compile_automaton(grammar)),
      vocabulary_(std::move(vocabulary)),
      options_(options),
      session_(std::make_shared<Session>(automaton_, *vocabulary_)) {}

std::int64_t CompiledGrammar::bytes_used() const {
  const std::shared_ptr<Session> current = session();
  const std::scoped_lock lock(current->mutex);
  return automaton_.bytes_used() + current->cache.bytes_used();
}

std::shared_ptr<CompiledGrammar::Session> CompiledGrammar::session() const {
  const std::scoped_lock lock(mutex_);
  return session_;
}

void CompiledGrammar::replace(const std::shared_ptr<Session>& full) const {
  const std::scoped_lock lock(mutex_);
  if (session_ == full) {
    session_ = std::make_shared<Session>(automaton_, *vocabulary_);
  }
}

std::shared_ptr<const CompiledGrammar> compile(const Grammar& grammar,
                                               std::shared_ptr<const Vocabulary> vocabulary,
                                               const CompileOptions& options) {
  return std::make_shared<const CompiledGrammar>(grammar, std::move(vocabulary), options);
}

Matcher::Matcher(std::shared_ptr<const CompiledGrammar> grammar)
    : grammar_(std::move(grammar)),
      session_(grammar_->session()),
      config_(session_->cache.configurations().start()) {}

void Matcher::fill_mask(std::span<std::uint32_t> mask) {
  const Vocabulary& vocabulary = grammar_->vocabulary();
  move_to_current_session();
  bool ends = has_ended_;
  std::fill(mask.begin(), mask.end(), 0U);
  if (!has_ended_) {
    const std::scoped_lock lock(session_->mutex);
    session_->cache.fill(config_, mask);
    ends = session_->cache.configurations().can_end(config_);
  }
  if (ends) {
    for (const std::int32_t id : vocabulary.end_tokens()) {
      mask[static_cast<std::size_t>(id) / 32] |= 1U << (static_cast<unsigned>(id) % 32);
    }
  }
  leave_full_session();
  base::check(!is_zero(mask), ErrorCode::kUnsupported,
              "no token of the vocabulary continues the text as the grammar demands");
}

bool Matcher::accept(std::int32_t token) {
  const Vocabulary& vocabulary = grammar_->vocabulary();
  if (token < 0 || token >= vocabulary.size()) {
    return false;
  }
  if (vocabulary.is_end(token)) {
    const bool ends = has_ended_ || can_end();
    has_ended_ = ends;
    return ends;
  }
  const std::string_view bytes = vocabulary.bytes(token);
  return !bytes.empty() && accept_text(bytes);
}

bool Matcher::accept_text(std::string_view bytes) {
  if (has_ended_) {
    return bytes.empty();
  }
  move_to_current_session();
  ConfigId config = config_;
  {
    const std::scoped_lock lock(session_->mutex);
    Configurations& configurations = session_->cache.configurations();
    configurations.set_budget(kWorkOfToken);
    for (const char c : bytes) {
      config = configurations.next(config, static_cast<std::uint8_t>(c));
    }
  }
  if (config == Configurations::kDead) {
    return false;
  }
  config_ = config;
  leave_full_session();
  return true;
}

bool Matcher::can_end() const {
  const std::scoped_lock lock(session_->mutex);
  return has_ended_ || session_->cache.configurations().can_end(config_);
}

bool Matcher::is_finished() const {
  const std::scoped_lock lock(session_->mutex);
  return has_ended_ || !session_->cache.configurations().can_continue(config_);
}

void Matcher::move_to_current_session() {
  std::shared_ptr<Session> current = grammar_->session();
  if (current == session_) {
    return;
  }
  const std::scoped_lock lock(current->mutex, session_->mutex);
  Configurations& configurations = current->cache.configurations();
  configurations.set_budget(kWorkOfToken);
  config_ = configurations.import(session_->cache.configurations(), config_);
  std::swap(session_, current);
}

// A position with many callers may fill a large part of a session; a new one would be full at once.
void Matcher::leave_full_session() {
  bool is_full = false;
  {
    const std::scoped_lock lock(session_->mutex);
    is_full = session_->cache.bytes_used() > grammar_->options_.cache_bytes;
  }
  if (is_full) {
    grammar_->replace(session_);
  }
}

}  // namespace minimax::grammar
