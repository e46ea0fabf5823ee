// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "text/byte_alphabet.h"
#include "text/byte_token.h"
#include "text/scanner.h"
#include "text/utf8.h"

namespace minimax::text {
namespace {

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
         static_cast<std::uint32_t>(right);
}

void append_symbol(std::int32_t id, BpeScratch& scratch) {
  const auto index = static_cast<std::int32_t>(scratch.symbols.size());
  scratch.symbols.push_back({id, index - 1, index + 1});
}

}  // namespace

// An unknown symbol is only written once the next symbol says whether it is fused with it.
struct Bpe::PendingUnknown {
  bool present = false;

  void flush(std::int32_t unk_id, BpeScratch& scratch) {
    if (present) {
      append_symbol(unk_id, scratch);
    }
    present = false;
  }
};

Bpe::Bpe(TokenTable vocabulary, const std::vector<MergePair>& merges, BpeOptions options,
         const std::string& source)
    : vocabulary_(std::move(vocabulary)),
      options_(std::move(options)),
      merges_(static_cast<std::int64_t>(merges.size())) {
  find_special_ids(source);
  add_merges(merges, source);
}

void Bpe::find_special_ids(const std::string& source) {
  if (options_.unk_token) {
    unk_id_ = vocabulary_.find(*options_.unk_token);
    base::check(unk_id_ >= 0, ErrorCode::kCorruptFile, [&] {
      return fmt::format("{}: unk_token: expected a token of the vocabulary, found \"{}\"", source,
                         base::printable(*options_.unk_token));
    });
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto index = static_cast<std::size_t>(byte);
    std::string character;
    append_utf8(byte_to_character(static_cast<unsigned char>(byte)), character);
    mapped_ids_[index] = vocabulary_.find(character);
    byte_ids_[index] = vocabulary_.find(byte_token(static_cast<unsigned char>(byte)));
    base::check(!options_.byte_fallback || byte_ids_[index] >= 0, ErrorCode::kCorruptFile, [&] {
      return fmt::format("{}: byte_fallback: expected a token for every byte, {} is missing",
                         source, byte_token(static_cast<unsigned char>(byte)));
    });
  }
}

void Bpe::add_merges(const std::vector<MergePair>& merges, const std::string& source) {
  const std::size_t prefix = options_.continuing_subword_prefix.size();
  std::string merged;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const MergePair& pair = merges[rank];
    merged = pair.left;
    merged += pair.right.substr(std::min(prefix, pair.right.size()));
    const std::int32_t left = vocabulary_.find(pair.left);
    const std::int32_t right = vocabulary_.find(pair.right);
    const std::int32_t merged_id = vocabulary_.find(merged);
    base::check(left >= 0 && right >= 0 && merged_id >= 0, ErrorCode::kCorruptFile, [&] {
      const std::string_view missing = left < 0 ? pair.left : right < 0 ? pair.right : merged;
      return fmt::format("{}: merge {}: expected tokens of the vocabulary, found \"{}\"", source,
                         rank, base::printable(missing));
    });
    merges_.set(pair_key(left, right),
                static_cast<std::uint64_t>(rank) << 32 | static_cast<std::uint32_t>(merged_id));
  }
}

std::vector<MergePair> Bpe::merges() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranked;
  ranked.reserve(static_cast<std::size_t>(merges_.size()));
  merges_.for_each(
      [&](std::uint64_t key, std::uint64_t value) { ranked.emplace_back(value >> 32, key); });
  std::ranges::sort(ranked);
  std::vector<MergePair> pairs;
  pairs.reserve(ranked.size());
  for (const auto& [rank, key] : ranked) {
    pairs.push_back({vocabulary_.text(static_cast<std::int32_t>(key >> 32)),
                     vocabulary_.text(static_cast<std::int32_t>(key & 0xffffffffU))});
  }
  return pairs;
}

std::optional<Bpe::Merge> Bpe::find_merge(std::int32_t left, std::int32_t right) const {
  const std::uint64_t* packed = merges_.find(pair_key(left, right));
  if (packed == nullptr) {
    return std::nullopt;
  }
  return Merge{static_cast<std::uint32_t>(*packed >> 32),
               static_cast<std::int32_t>(*packed & 0xFFFFFFFFu)};
}

void Bpe::encode(std::string_view piece, BpeScratch& scratch,
                 std::vector<std::int32_t>& ids) const {
  if (options_.ignore_merges) {
    const std::int32_t whole =
        options_.map_bytes ? vocabulary_.find(to_byte_alphabet(piece)) : vocabulary_.find(piece);
    if (whole >= 0) {
      ids.push_back(whole);
      return;
    }
  }
  scratch.symbols.clear();
  start_symbols(piece, scratch);
  if (scratch.symbols.empty()) {
    return;
  }
  scratch.symbols.back().next = -1;
  merge_symbols(scratch);
  for (std::int32_t i = 0; i >= 0; i = scratch.symbols[static_cast<std::size_t>(i)].next) {
    ids.push_back(scratch.symbols[static_cast<std::size_t>(i)].id);
  }
}

void Bpe::start_symbols(std::string_view piece, BpeScratch& scratch) const {
  const bool has_affixes =
      !options_.continuing_subword_prefix.empty() || !options_.end_of_word_suffix.empty();
  if (options_.map_bytes && !has_affixes) {
    start_mapped_bytes(piece, scratch);
    return;
  }
  const std::string mapped = options_.map_bytes ? to_byte_alphabet(piece) : std::string();
  const Scanner scanner(options_.map_bytes ? std::string_view(mapped) : piece);
  PendingUnknown unknown;
  std::string symbol;
  for (std::int64_t offset = 0; offset < scanner.size();) {
    const std::int64_t end = offset + scanner.at(offset).length;
    symbol = offset > 0 ? options_.continuing_subword_prefix : std::string();
    symbol += scanner.slice(offset, end);
    symbol += end == scanner.size() ? options_.end_of_word_suffix : std::string();
    const std::int32_t id = vocabulary_.find(symbol);
    if (id >= 0) {
      unknown.flush(unk_id_, scratch);
      append_symbol(id, scratch);
    } else {
      start_unknown(symbol, unknown, scratch);
    }
    offset = end;
  }
  unknown.flush(unk_id_, scratch);
}

void Bpe::start_mapped_bytes(std::string_view bytes, BpeScratch& scratch) const {
  PendingUnknown unknown;
  for (const char c : bytes) {
    const std::int32_t id = mapped_ids_[static_cast<unsigned char>(c)];
    if (id >= 0) {
      unknown.flush(unk_id_, scratch);
      append_symbol(id, scratch);
    } else {
      start_unknown(to_byte_alphabet(std::string_view(&c, 1)), unknown, scratch);
    }
  }
  unknown.flush(unk_id_, scratch);
}

// With byte_fallback the bytes of the symbol; a pending unknown then stays pending, as in Hugging
// Face tokenizers. Otherwise the symbol is unknown itself.
void Bpe::start_unknown(std::string_view symbol, PendingUnknown& unknown,
                        BpeScratch& scratch) const {
  if (options_.byte_fallback) {
    for (const char c : symbol) {
      append_symbol(byte_ids_[static_cast<unsigned char>(c)], scratch);
    }
    return;
  }
  if (unk_id_ < 0) {
    return;
  }
  if (!options_.fuse_unk) {
    unknown.flush(unk_id_, scratch);
  }
  unknown.present = true;
}

// The pair of the symbol at `left` and the one behind it, where that merges.
std::optional<std::uint64_t> Bpe::find_candidate(std::int32_t left,
                                                 const BpeScratch& scratch) const {
  const BpeScratch::Symbol& symbol = scratch.symbols[static_cast<std::size_t>(left)];
  if (symbol.next < 0) {
    return std::nullopt;
  }
  const std::int32_t right_id = scratch.symbols[static_cast<std::size_t>(symbol.next)].id;
  const auto merge = find_merge(symbol.id, right_id);
  if (!merge) {
    return std::nullopt;
  }
  return std::uint64_t{merge->rank} << 32 | static_cast<std::uint32_t>(left);
}

// The candidates of the start are sorted once and taken in order; the heap only holds those that
// merges bring up. On a long run of one letter that halves the work of the heap.
class Bpe::CandidateQueue {
 public:
  explicit CandidateQueue(BpeScratch& scratch) : initial_(scratch.initial), heap_(scratch.heap) {
    heap_.clear();
    std::sort(initial_.begin(), initial_.end());
  }

  bool empty() const { return next_ == initial_.size() && heap_.empty(); }

  std::uint64_t pop() {
    if (heap_.empty() || (next_ < initial_.size() && initial_[next_] < heap_.front())) {
      return initial_[next_++];
    }
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const std::uint64_t candidate = heap_.back();
    heap_.pop_back();
    return candidate;
  }

  void push(std::uint64_t candidate) {
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

 private:
  std::vector<std::uint64_t>& initial_;
  std::vector<std::uint64_t>& heap_;
  std::size_t next_ = 0;
};

void Bpe::merge_symbols(BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  scratch.initial.clear();
  for (std::int32_t i = 0; i + 1 < static_cast<std::int32_t>(symbols.size()); ++i) {
    if (const auto candidate = find_candidate(i, scratch)) {
      scratch.initial.push_back(*candidate);
    }
  }
  for (CandidateQueue queue(scratch); !queue.empty();) {
    const std::uint64_t candidate = queue.pop();
    const auto left_index = static_cast<std::int32_t>(candidate & 0xFFFFFFFFu);
    BpeScratch::Symbol& left = symbols[static_cast<std::size_t>(left_index)];
    if (left.id < 0 || left.next < 0) {
      continue;
    }
    BpeScratch::Symbol& right = symbols[static_cast<std::size_t>(left.next)];
    // The candidate may be older than the symbols that now stand there.
    const auto merge = find_merge(left.id, right.id);
    if (!merge || merge->rank != candidate >> 32) {
      continue;
    }
    left.id = merge->merged_id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) {
      symbols[static_cast<std::size_t>(left.next)].previous = left_index;
    }
    for (const std::int32_t pair : {left.previous, left_index}) {
      const auto next = pair >= 0 ? find_candidate(pair, scratch) : std::nullopt;
      if (next) {
        queue.push(*next);
      }
    }
  }
}

}  // namespace minimax::text
