// SPDX-License-Identifier: Apache-2.0
#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"

namespace minimax::text {
namespace {

constexpr std::size_t kMaxPatternBytes = 64 * 1024;
// Steps that one match may take without being counted, and what all matches of a text may take
// beyond that. The second keeps the worst pattern below a tenth of a second.
constexpr std::uint32_t kFreeSteps = 1024;
constexpr std::int64_t kStepBudget = 4'000'000;
constexpr std::int64_t kStepsPerByte = 16;
constexpr std::uint32_t kHeapLimitKib = 64 * 1024;

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct CompileContextDeleter {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};

std::string pcre2_message(int error) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(error, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

PCRE2_SPTR as_subject(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

std::int64_t character_length(std::string_view text, std::int64_t offset) {
  const auto byte = static_cast<unsigned char>(text[static_cast<std::size_t>(offset)]);
  return byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
}

}  // namespace

struct Regex::Compiled {
  std::unique_ptr<pcre2_code, CodeDeleter> code;
  std::string pattern;
  std::string source;
};

namespace {

// One pass over one text: the match buffers and the steps that are left.
class Search {
 public:
  Search(const pcre2_code* code, std::string_view text)
      : code_(code),
        text_(text),
        data_(pcre2_match_data_create_from_pattern(code, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        steps_left_(kStepBudget + kStepsPerByte * static_cast<std::int64_t>(text.size())) {
    base::check(data_ != nullptr && context_ != nullptr, ErrorCode::kOutOfMemory,
                "regular expression: no memory for a match");
    pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
  }

  // The result of pcre2_match from `offset` on, with a limit on steps that doubles while the
  // budget lasts. Only what goes beyond the free steps is charged.
  int match(std::int64_t offset) {
    for (std::uint32_t limit = kFreeSteps;; limit *= 4) {
      pcre2_set_match_limit(context_.get(), limit);
      const int result =
          pcre2_match(code_, as_subject(text_), text_.size(), static_cast<std::size_t>(offset),
                      PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
      if (limit > kFreeSteps || result == PCRE2_ERROR_MATCHLIMIT) {
        steps_left_ -= limit;
      }
      if (result != PCRE2_ERROR_MATCHLIMIT || steps_left_ < 4 * std::int64_t{limit}) {
        return result;
      }
    }
  }

  Regex::Match found() const {
    const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data_.get());
    // \K can put the start behind the end.
    return {static_cast<std::int64_t>(std::min(offsets[0], offsets[1])),
            static_cast<std::int64_t>(offsets[1])};
  }

 private:
  const pcre2_code* code_;
  std::string_view text_;
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data_;
  std::unique_ptr<pcre2_match_context, MatchContextDeleter> context_;
  std::int64_t steps_left_;
};

}  // namespace

Regex::Regex(std::string_view pattern, const std::string& source)
    : compiled_(std::make_unique<Compiled>()) {
  base::check(pattern.size() <= kMaxPatternBytes, ErrorCode::kUnsupported, [&] {
    return fmt::format("{}: expected a pattern of at most {} bytes, found {}", source,
                       kMaxPatternBytes, pattern.size());
  });
  const std::string translated = translate_pattern(pattern, source);
  const std::unique_ptr<pcre2_compile_context, CompileContextDeleter> context(
      pcre2_compile_context_create(nullptr));
  int error = 0;
  PCRE2_SIZE offset = 0;
  // Oniguruma's ^ and $ always match at line ends.
  compiled_->code.reset(
      pcre2_compile(as_subject(translated), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                    &offset, context.get()));
  base::check(compiled_->code != nullptr, ErrorCode::kUnsupported, [&] {
    return fmt::format("{}: expected a regular expression, found {} ({})", source,
                       base::printable(pattern), pcre2_message(error));
  });
  // Without a just-in-time compiler the interpreter does the same work.
  pcre2_jit_compile(compiled_->code.get(), PCRE2_JIT_COMPLETE);
  compiled_->pattern = pattern;
  compiled_->source = source;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

void Regex::find_all(std::string_view text, std::vector<Match>& matches) const {
  Search search(compiled_->code.get(), text);
  const auto size = static_cast<std::int64_t>(text.size());
  std::int64_t previous_end = -1;
  for (std::int64_t offset = 0; offset <= size;) {
    const int result = search.match(offset);
    if (result == PCRE2_ERROR_NOMATCH) {
      return;
    }
    base::check(result >= 0, ErrorCode::kUnsupported, [&] {
      return fmt::format("{}: the pattern {} takes too many steps on this text ({})",
                         compiled_->source, base::printable(compiled_->pattern),
                         pcre2_message(result));
    });
    const Match match = search.found();
    if (match.begin == match.end && match.end == previous_end) {
      offset = match.end < size ? match.end + character_length(text, match.end) : size + 1;
      continue;
    }
    matches.push_back(match);
    previous_end = match.end;
    offset = match.end;
  }
}

}  // namespace minimax::text
