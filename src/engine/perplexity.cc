// SPDX-License-Identifier: Apache-2.0
#include "engine/perplexity.h"

#include <algorithm>

#include "cpu/thread_pool.h"
#include "engine/pretrained_model.h"

namespace minimax::engine {
namespace {

// Bounds the logits that are held at a time: 256 MiB of a model and as many of its base.
constexpr std::int64_t kMostLogits = std::int64_t{64} << 20;

struct Piece {
  std::span<const std::int32_t> tokens;
  std::int64_t rows = 0;  // the last ones, whose logits are wanted
  std::size_t score = 0;  // the number of the first row's score
};

class Scorer {
 public:
  explicit Scorer(const PerplexityRun& run)
      : run_(run), source_(run.model), vocab_size_(run.model.config().vocab_size) {}

  void window(const Window& window) {
    source_.begin_window();
    if (run_.base != nullptr) {
      run_.base->begin_window();
    }
    const std::vector<std::int32_t> tokens = tokens_to_read(window, run_.text, run_.windows);
    const std::int64_t most_rows = std::max<std::int64_t>(kMostLogits / vocab_size_, 1);
    const auto judged = static_cast<std::size_t>(window.judged);
    const std::size_t first = tokens.size() - judged;
    // What is judged follows the place of its prediction by one.
    const auto next = run_.text.subspan(static_cast<std::size_t>(window.begin) + first + 1, judged);
    for (std::size_t done = 0; done < judged;) {
      const std::size_t rows = std::min(judged - done, static_cast<std::size_t>(most_rows));
      const std::size_t begin = done == 0 ? 0 : first + done;
      piece({.tokens = std::span(tokens).subspan(begin, first + done + rows - begin),
             .rows = static_cast<std::int64_t>(rows),
             .score = scores_.size()},
            next.subspan(done, rows));
      done += rows;
    }
  }

  std::vector<TokenScore> take_scores() { return std::move(scores_); }

 private:
  void piece(const Piece& piece, std::span<const std::int32_t> next) {
    const std::vector<float> logits = source_.read(piece.tokens, piece.rows);
    const std::vector<float> base =
        run_.base != nullptr ? run_.base->read(piece.tokens, piece.rows) : std::vector<float>();
    if (run_.on_logits) {
      run_.on_logits(logits);
    }
    scores_.resize(piece.score + next.size());
    const auto columns = static_cast<std::size_t>(vocab_size_);
    const auto score = [&](std::size_t row) {
      const auto of_row = std::span(logits).subspan(row * columns, columns);
      return base.empty()
                 ? score_token(of_row, next[row])
                 : score_token(of_row, std::span(base).subspan(row * columns, columns), next[row]);
    };
    // A pool of its own, gone before the model runs again: waiting threads would be in its way.
    cpu::ThreadPool pool(run_.model.threads());
    pool.parallel_for(piece.rows, 8, [&](std::int64_t begin, std::int64_t end, int) {
      for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
        scores_[piece.score + row] = score(row);
      }
    });
  }

  const PerplexityRun& run_;
  ModelLogits source_;
  std::int64_t vocab_size_ = 0;
  std::vector<TokenScore> scores_;
};

}  // namespace

std::vector<float> ModelLogits::read(std::span<const std::int32_t> tokens, std::int64_t rows) {
  return model_.forward(tokens, {.past_key_values = {&state_, 1}, .logits_to_keep = rows})
      .logits.values;
}

std::vector<TokenScore> score_text(const PerplexityRun& run) {
  const auto tokens = static_cast<std::int64_t>(run.text.size());
  const std::vector<Window> windows = cut_windows(tokens, run.windows);
  check_token_ids(run.text, run.model.config().vocab_size);
  Scorer scorer(run);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (run.on_window) {
      run.on_window(static_cast<std::int64_t>(i), static_cast<std::int64_t>(windows.size()));
    }
    scorer.window(windows[i]);
  }
  return scorer.take_scores();
}

}  // namespace minimax::engine
