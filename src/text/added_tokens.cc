// SPDX-License-Identifier: Apache-2.0
#include "text/added_tokens.h"

#include <algorithm>

#include "text/scanner.h"

namespace minimax::text {
namespace {

struct Candidate {
  std::int64_t begin;
  std::int32_t pattern;
};

// For every place where some pattern starts, the longest one; from left to right. Read backwards,
// a pattern that starts somewhere is one that ends there, so one pass finds them all in linear
// time, which no search for one match after another does.
std::vector<Candidate> longest_matches(const Automaton& reversed, std::string_view text) {
  std::vector<Candidate> found;
  Automaton::State state = Automaton::kRoot;
  for (std::size_t i = text.size(); i-- > 0;) {
    state = reversed.next(state, static_cast<unsigned char>(text[i]));
    if (const std::int32_t pattern = reversed.longest_match(state); pattern >= 0) {
      found.push_back({static_cast<std::int64_t>(i), pattern});
    }
  }
  std::reverse(found.begin(), found.end());
  return found;
}

bool touches_word(const Scanner& scanner, std::int64_t begin, std::int64_t end) {
  const UnicodeTable& table = UnicodeTable::shared();
  const bool before =
      begin > 0 && table.has(scanner.at(scanner.previous(begin)).value, kWordProperty);
  return before || (end < scanner.size() && table.has(scanner.at(end).value, kWordProperty));
}

std::int64_t skip_spaces_back(const Scanner& scanner, std::int64_t offset) {
  while (offset > 0) {
    const std::int64_t previous = scanner.previous(offset);
    if (!UnicodeTable::shared().is_space(scanner.at(previous).value)) {
      break;
    }
    offset = previous;
  }
  return offset;
}

enum class Permission { kAllowed, kForbidden, kMixed };

Permission permission_of(const AllowedSpecials& allowed, std::int64_t begin, std::int64_t end) {
  if (allowed.marks.empty()) {
    return allowed.uniform ? Permission::kAllowed : Permission::kForbidden;
  }
  const auto first = allowed.marks.begin() + begin;
  const auto ones =
      std::count_if(first, allowed.marks.begin() + end, [](char m) { return m != 0; });
  if (ones == end - begin) {
    return Permission::kAllowed;
  }
  return ones == 0 ? Permission::kForbidden : Permission::kMixed;
}

}  // namespace

// One pass over one text.
class AddedTokens::Splitter {
 public:
  Splitter(const AddedTokens& all, const Group& group, std::string_view text,
           const AllowedSpecials& allowed)
      : all_(all), group_(group), scanner_(text), allowed_(allowed) {}

  std::vector<TextSection> run() {
    if (group_.reversed) {
      for (const Candidate& c : longest_matches(*group_.reversed, scanner_.text())) {
        if (c.begin >= search_from_) {
          consider(c);
        }
      }
    }
    append_text(scanner_.size());
    return std::move(sections_);
  }

 private:
  void consider(const Candidate& candidate) {
    for (std::int32_t pattern = candidate.pattern; pattern >= 0;
         pattern = group_.reversed->shorter_match(pattern)) {
      const AddedToken& token = all_.tokens_[group_.tokens[static_cast<std::size_t>(pattern)]];
      const std::int64_t end = candidate.begin + group_.lengths[static_cast<std::size_t>(pattern)];
      const Permission permission =
          token.special ? permission_of(allowed_, candidate.begin, end) : Permission::kAllowed;
      if (permission == Permission::kMixed) {
        continue;
      }
      search_from_ = end;
      const bool refused = token.single_word && touches_word(scanner_, candidate.begin, end);
      if (permission == Permission::kAllowed && !refused) {
        append_token(token, candidate.begin, end);
      }
      return;
    }
  }

  void append_text(std::int64_t end) {
    if (end > done_) {
      sections_.push_back({done_, end, -1});
    }
  }

  void append_token(const AddedToken& token, std::int64_t begin, std::int64_t end) {
    if (token.lstrip) {
      begin = std::max(done_, skip_spaces_back(scanner_, begin));
    }
    if (token.rstrip) {
      end = scanner_.skip(end, kSpaces);
    }
    append_text(begin);
    sections_.push_back({begin, end, token.id});
    done_ = end;
  }

  const AddedTokens& all_;
  const Group& group_;
  Scanner scanner_;
  const AllowedSpecials& allowed_;
  std::vector<TextSection> sections_;
  std::int64_t search_from_ = 0;  // matches that start before lie in an earlier one
  std::int64_t done_ = 0;         // the end of the last token, with its spaces
};

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer)
    : tokens_(std::move(tokens)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    AddedToken& token = tokens_[i];
    const bool changes = token.normalized && normalizer != nullptr;
    token.written = changes ? normalizer->apply(token.content) : token.content;
    by_id_.emplace(tokens_[i].id, i);
    by_content_.emplace(tokens_[i].content, i);
  }
  make_group(false, raw_);
  make_group(true, normalized_);
}

void AddedTokens::make_group(bool normalized, Group& group) const {
  std::vector<std::string> patterns;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    std::string content = tokens_[i].written;
    if (tokens_[i].normalized != normalized || content.empty()) {
      continue;
    }
    group.tokens.push_back(i);
    group.lengths.push_back(static_cast<std::int64_t>(content.size()));
    std::reverse(content.begin(), content.end());
    patterns.push_back(std::move(content));
  }
  if (!patterns.empty()) {
    group.reversed.emplace(patterns);
  }
}

std::vector<TextSection> AddedTokens::split_raw(std::string_view text,
                                                const AllowedSpecials& allowed) const {
  return Splitter(*this, raw_, text, allowed).run();
}

std::vector<TextSection> AddedTokens::split_normalized(std::string_view text,
                                                       const AllowedSpecials& allowed) const {
  return Splitter(*this, normalized_, text, allowed).run();
}

const AddedToken* AddedTokens::find(std::int32_t id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &tokens_[it->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto it = by_content_.find(std::string(content));
  return it == by_content_.end() ? nullptr : &tokens_[it->second];
}

}  // namespace minimax::text
