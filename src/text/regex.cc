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

constexpr std::size_t kMaxPatternBytes = std::size_t{64} * 1024;
// Steps from one place of the text that are not counted: more than ordinary pieces take, and few
// enough to be taken at every place.
constexpr std::uint32_t kFreeSteps = 256;
constexpr std::size_t kJitStackBytes = std::size_t{32} * 1024;
constexpr std::size_t kMaxJitStackBytes = std::size_t{32} * 1024 * 1024;
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
struct JitStackDeleter {
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
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

// nullptr and a message where the pattern is wrong.
pcre2_code* compile(const std::string& pattern, std::uint32_t options, std::string& message) {
  // Oniguruma's ^ and $ always match at line ends.
  constexpr std::uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(as_subject(pattern), pattern.size(), kOptions | options, &error,
                                   &offset, nullptr);
  if (code == nullptr) {
    message = pcre2_message(error);
  } else {
    // Where there is no just-in-time compiler, the interpreter does the same work.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  }
  return code;
}

}  // namespace

struct Regex::Compiled {
  std::unique_ptr<pcre2_code, CodeDeleter> code;
  std::unique_ptr<pcre2_code, CodeDeleter> anchored;  // the same for one place of the text
  std::string pattern;
  std::string source;
};

namespace {

// One pass over one text.
class Search {
 public:
  Search(const pcre2_code* code, const pcre2_code* anchored, std::string_view text,
         StepBudget& budget)
      : code_(code),
        anchored_(anchored),
        text_(text),
        budget_(budget),
        data_(pcre2_match_data_create_from_pattern(code, nullptr)),
        context_(pcre2_match_context_create(nullptr)) {
    check_memory(data_ != nullptr && context_ != nullptr);
    pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
  }

  // The result of pcre2_match from `offset` on. PCRE2 counts steps from each place anew, so the
  // places are only tried one by one, and counted, once some place has shown to be expensive.
  int match(std::int64_t offset) {
    const int result = try_match(code_, offset, kFreeSteps);
    if (result != PCRE2_ERROR_MATCHLIMIT) {
      return result;
    }
    const auto size = static_cast<std::int64_t>(text_.size());
    while (offset <= size) {
      const int here = match_here(offset);
      if (here != PCRE2_ERROR_NOMATCH) {
        return here;
      }
      offset += offset < size ? character_length(text_, offset) : 1;
    }
    return PCRE2_ERROR_NOMATCH;
  }

  Regex::Match found() const {
    const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data_.get());
    // \K can put the start behind the end.
    return {static_cast<std::int64_t>(std::min(offsets[0], offsets[1])),
            static_cast<std::int64_t>(offsets[1])};
  }

 private:
  static void check_memory(bool enough) {
    base::check(enough, ErrorCode::kOutOfMemory, "regular expression: no memory for a match");
  }

  int match_here(std::int64_t offset) {
    for (std::uint32_t limit = kFreeSteps;; limit *= 4) {
      const int result = try_match(anchored_, offset, limit);
      const bool affordable = limit == kFreeSteps || budget_.take(limit);
      if (!affordable || result != PCRE2_ERROR_MATCHLIMIT) {
        return affordable ? result : PCRE2_ERROR_MATCHLIMIT;
      }
    }
  }

  int try_match(const pcre2_code* code, std::int64_t offset, std::uint32_t step_limit) {
    pcre2_set_match_limit(context_.get(), step_limit);
    const auto run = [&] {
      return pcre2_match(code, as_subject(text_), text_.size(), static_cast<std::size_t>(offset),
                         PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
    };
    const int result = run();
    if (result != PCRE2_ERROR_JIT_STACKLIMIT || jit_stack_ != nullptr) {
      return result;
    }
    // The stack that is always there is small; a larger one is made for who needs it.
    jit_stack_.reset(pcre2_jit_stack_create(kJitStackBytes, kMaxJitStackBytes, nullptr));
    check_memory(jit_stack_ != nullptr);
    pcre2_jit_stack_assign(context_.get(), nullptr, jit_stack_.get());
    return run();
  }

  const pcre2_code* code_;
  const pcre2_code* anchored_;
  std::string_view text_;
  StepBudget& budget_;
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data_;
  std::unique_ptr<pcre2_jit_stack, JitStackDeleter> jit_stack_;
  std::unique_ptr<pcre2_match_context, MatchContextDeleter> context_;
};

}  // namespace

Regex::Regex(std::string_view pattern, const std::string& source)
    : compiled_(std::make_unique<Compiled>()) {
  base::check(pattern.size() <= kMaxPatternBytes, ErrorCode::kUnsupported, [&] {
    return fmt::format("{}: expected a pattern of at most {} bytes, found {}", source,
                       kMaxPatternBytes, pattern.size());
  });
  const std::string translated = translate_pattern(pattern, source);
  for (auto [code, options] : {std::pair{&compiled_->code, 0u},
                               std::pair{&compiled_->anchored, std::uint32_t{PCRE2_ANCHORED}}}) {
    std::string error;
    code->reset(compile(translated, options, error));
    base::check(*code != nullptr, ErrorCode::kUnsupported, [&] {
      return fmt::format("{}: expected a regular expression, found {} ({})", source,
                         base::printable(pattern), error);
    });
  }
  compiled_->pattern = pattern;
  compiled_->source = source;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

void Regex::find_all(std::string_view text, StepBudget& budget, std::vector<Match>& matches) const {
  Search search(compiled_->code.get(), compiled_->anchored.get(), text, budget);
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
