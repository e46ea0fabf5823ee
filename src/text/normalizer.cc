// SPDX-License-Identifier: Apache-2.0
#include "text/normalizer.h"

#include <algorithm>

#include "text/normalization_form.h"
#include "text/scanner.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace minimax::text {
namespace {

bool all_allowed(const MarkedText& text, std::int64_t begin, std::int64_t end) {
  const auto first = text.marks.begin();
  return std::all_of(first + begin, first + end, [](char mark) { return mark != 0; });
}

// Builds the result of a step beside its source, and the marks with it where there are any.
class Rewriter {
 public:
  explicit Rewriter(MarkedText& source) : source_(source) {
    out_.uniform = source.uniform;
    out_.text.reserve(source.text.size());
  }

  std::string& text() { return out_.text; }

  // Everything appended to text() since the last call stems from these bytes of the source.
  void finish(std::int64_t source_begin, std::int64_t source_end) {
    if (!source_.marks.empty()) {
      const bool allowed = all_allowed(source_, source_begin, source_end);
      out_.marks.resize(out_.text.size(), static_cast<char>(allowed));
    }
  }

  void copy(std::int64_t begin, std::int64_t end) {
    const auto from = static_cast<std::size_t>(begin);
    const auto count = static_cast<std::size_t>(end - begin);
    out_.text.append(source_.text, from, count);
    if (!source_.marks.empty()) {
      out_.marks.append(source_.marks, from, count);
    }
  }

  void commit() { source_ = std::move(out_); }

 private:
  MarkedText& source_;
  MarkedText out_;
};

// Rewrites character by character; `rewrite` appends what becomes of one.
template <typename Rewrite>
void for_each_character(MarkedText& text, const Rewrite& rewrite) {
  Rewriter rewriter(text);
  const Scanner scanner(text.text);
  for (std::int64_t offset = 0; offset < scanner.size();) {
    const ScannedCharacter c = scanner.at(offset);
    rewrite(c.value, rewriter.text());
    rewriter.finish(offset, offset + c.length);
    offset += c.length;
  }
  rewriter.commit();
}

void run_step(const NormalizeForm& step, MarkedText& text, StepBudget&) {
  const std::vector<NormalizedChunk> chunks = find_unnormalized(text.text, step.form);
  if (chunks.empty()) {
    return;
  }
  Rewriter rewriter(text);
  std::int64_t done = 0;
  for (const NormalizedChunk& chunk : chunks) {
    rewriter.copy(done, chunk.begin);
    rewriter.text() += chunk.text;
    rewriter.finish(chunk.begin, chunk.end);
    done = chunk.end;
  }
  rewriter.copy(done, static_cast<std::int64_t>(text.text.size()));
  rewriter.commit();
}

void run_step(const LowercaseText&, MarkedText& text, StepBudget&) {
  for_each_character(text, [](char32_t c, std::string& out) { append_lowercase(c, out); });
}

void run_step(const StripAccents&, MarkedText& text, StepBudget&) {
  for_each_character(text, [](char32_t c, std::string& out) {
    if (!UnicodeTable::shared().has(c, kAccentProperty)) {
      append_utf8(c, out);
    }
  });
}

void run_step(const StripSpaces& step, MarkedText& text, StepBudget&) {
  const Scanner scanner(text.text);
  const std::int64_t begin = step.left ? scanner.skip(0, kSpaces) : 0;
  std::int64_t end = scanner.size();
  while (step.right && end > begin &&
         UnicodeTable::shared().is_space(scanner.at(scanner.previous(end)).value)) {
    end = scanner.previous(end);
  }
  Rewriter rewriter(text);
  rewriter.copy(begin, end);
  rewriter.commit();
}

void run_step(const PrependText& step, MarkedText& text, StepBudget&) {
  if (text.text.empty()) {
    return;
  }
  text.text.insert(0, step.text);
  if (!text.marks.empty()) {
    text.marks.insert(0, step.text.size(), text.marks[0]);
  }
}

void run_step(const ReplaceText& step, MarkedText& text, StepBudget& budget) {
  const std::vector<Regex::Match> matches = step.pattern.find_all(text.text, budget);
  if (matches.empty()) {
    return;
  }
  Rewriter rewriter(text);
  std::int64_t done = 0;
  for (const Regex::Match& match : matches) {
    rewriter.copy(done, match.begin);
    rewriter.text() += step.content;
    rewriter.finish(match.begin, match.end);
    done = match.end;
  }
  rewriter.copy(done, static_cast<std::int64_t>(text.text.size()));
  rewriter.commit();
}

}  // namespace

void Normalizer::apply(MarkedText& text) const {
  StepBudget budget(static_cast<std::int64_t>(text.text.size()));
  for (const NormalizerStep& step : steps_) {
    std::visit([&](const auto& s) { run_step(s, text, budget); }, step);
  }
}

std::string Normalizer::apply(std::string_view text) const {
  MarkedText marked{.text = std::string(text), .marks = {}, .uniform = true};
  apply(marked);
  return std::move(marked.text);
}

}  // namespace minimax::text
