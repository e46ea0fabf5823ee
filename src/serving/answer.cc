// SPDX-License-Identifier: Apache-2.0
#include "serving/answer.h"

#include <algorithm>
#include <utility>

#include "serving/token_logprobs.h"

namespace minimax::serving {
namespace {

// Tokens that rejected candidates leave unread are read again with the next candidates, unless they
// become more than this.
constexpr std::int64_t kMostUnread = 8;

std::vector<LogitsProcessor> make_processors(const Request& request) {
  return request.logits_processors ? request.logits_processors() : std::vector<LogitsProcessor>();
}

engine::Prompt prompt_of(const Request& request) {
  return {.ids = request.prompt,
          .embeddings = {},
          .tokens = static_cast<std::int64_t>(request.prompt.size())};
}

}  // namespace

Answer::Answer(const JobContext& context, const Request& request, std::int64_t index,
               Clock::time_point start)
    : context_(context),
      request_(request),
      options_{.tokenizer = &context.tokenizer,
               .logits_processor = make_processors(request),
               .on_text = [this](std::string_view text) { event_.text += text; }},
      call_{.impl = context.impl, .config = request.config, .options = options_, .start = start},
      sequence_(call_, prompt_of(request), 0, index) {
  event_.index = index;
  if (context.options.draft_model != nullptr && may_draft()) {
    draft_.emplace(call_, context.options.draft_model->impl(), sequence_.config());
  }
}

// A processor of the caller may keep count of the tokens, which candidates would confuse.
bool Answer::may_draft() const { return options_.logits_processor.empty(); }

model::SequenceState Answer::take_state() {
  model::SequenceState state = std::move(before_ ? *before_ : *state_);
  before_.reset();
  state_.reset();
  candidates_ = {};
  return state;
}

engine::Candidates Answer::propose() {
  // The model adds a token of its own.
  const std::int64_t room = sequence_.max_new_tokens() - generated_ - 1;
  if (draft_) {
    return draft_->propose(ids(), generated_, std::min(room, context_.options.draft_tokens));
  }
  const std::int64_t count = std::min(room, context_.options.prompt_lookup_tokens);
  if (count <= 0 || !may_draft()) {
    return {};
  }
  const GenerationConfig& config = sequence_.config();
  return {
      .tokens = engine::look_up(ids(), config.max_matching_ngram_size, count, config.eos_token_id),
      .scores = {}};
}

Piece Answer::next_piece(std::int64_t limit) {
  Piece piece{.tokens = {}, .state = &*state_};
  const auto unread = ids().subspan(static_cast<std::size_t>(state_->length()));
  const std::int64_t most = context_.options.batch_invariant ? 1 : limit;
  const auto count = std::min(std::ssize(unread), most);
  piece.tokens.assign(unread.begin(), unread.begin() + count);
  candidates_ = {};
  before_.reset();
  if (count == std::ssize(unread)) {
    if (count <= kMostUnread) {
      candidates_ = propose();
    }
    piece.tokens.insert(piece.tokens.end(), candidates_.tokens.begin(), candidates_.tokens.end());
    piece.outputs = std::ssize(candidates_.tokens) + 1;
  }
  if (!candidates_.tokens.empty()) {
    before_ = *state_;
  }
  return piece;
}

engine::Choice Answer::choose(std::span<float> row, const engine::DrawnToken* drawn) {
  if (request_.top_logprobs) {
    raw_.assign(row.begin(), row.end());
  }
  if (drawn != nullptr) {
    sequence_.advance(row, *drawn);
  } else {
    sequence_.advance(row);
  }
  const engine::Choice choice{.token = sequence_.last_token(), .is_last = sequence_.finished()};
  ++generated_;
  has_event_ = true;
  event_.tokens.push_back(choice.token);
  if (request_.top_logprobs) {
    event_.logprobs.push_back(token_logprobs(raw_, choice.token, *request_.top_logprobs));
  }
  return choice;
}

bool Answer::can_plan() const {
  return candidates_.tokens.empty() && !request_.top_logprobs && sequence_.can_plan();
}

void Answer::take_token(std::int32_t token) {
  sequence_.take_token(token);
  ++generated_;
  has_event_ = true;
  event_.tokens.push_back(sequence_.last_token());
}

void Answer::take(std::span<float> logits) {
  if (logits.empty()) {
    return;
  }
  const auto count = std::ssize(candidates_.tokens);
  const std::int64_t matches = engine::verify(
      candidates_, logits,
      [&](std::span<float> row, const engine::DrawnToken* drawn) { return choose(row, drawn); });
  drafted_ += count;
  accepted_ += matches;
  // The last token of an answer is never read.
  if (before_ && (matches < count || state_->length() >= std::ssize(ids()))) {
    state_ = std::move(before_);
  }
  before_.reset();
  candidates_ = {};
}

void Answer::finish(FinishReason reason) {
  has_event_ = has_event_ || !finished();
  sequence_.finish(reason);
}

std::optional<Event> Answer::take_event() {
  if (!has_event_) {
    return std::nullopt;
  }
  has_event_ = false;
  Event event = std::exchange(event_, Event{.index = event_.index});
  if (finished()) {
    event.finish_reason = sequence_.take().finish_reason;
  }
  return event;
}

}  // namespace minimax::serving
