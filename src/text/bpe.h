// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding: merging the symbols of one piece of text by rank.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/flat_map.h"
#include "text/token_table.h"

namespace minimax::text {

struct BpeOptions {
  std::optional<std::string> unk_token = {};
  std::string continuing_subword_prefix = {};
  std::string end_of_word_suffix = {};
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  bool map_bytes = false;  // pieces are bytes, which the model maps to the byte alphabet
};

/// Two tokens that merge; the texts stay with whoever read them.
struct MergePair {
  std::string_view left;
  std::string_view right;
};

/// Buffers of encode(), kept between pieces.
struct BpeScratch {
  struct Symbol {
    std::int32_t id;        // -1 once merged into the symbol before it
    std::int32_t previous;  // index, or -1
    std::int32_t next;      // index, or -1
  };
  std::vector<Symbol> symbols;
  // Pairs that may merge: the rank of the merge, then the index of the left symbol, in one
  // number, so that the smallest comes first.
  std::vector<std::uint64_t> initial;  // of the start, sorted
  std::vector<std::uint64_t> heap;     // of pairs that merges brought together
};

/// Thread safety: const methods may run on several threads, each with its own scratch.
class Bpe {
 public:
  /// `merges` in the order of their ranks. `source` is the file, for messages.
  /// Throws: Error{kCorruptFile} for merges of unknown tokens, an unknown unk_token, and bytes
  /// that byte_fallback lacks.
  Bpe(TokenTable vocabulary, const std::vector<MergePair>& merges, BpeOptions options,
      const std::string& source);

  /// Appends the ids of one piece. O(n log n) in its length.
  /// Requires: valid UTF-8, or any bytes where map_bytes is set; at most 2^31 - 1 bytes.
  void encode(std::string_view piece, BpeScratch& scratch, std::vector<std::int32_t>& ids) const;

  const TokenTable& vocabulary() const { return vocabulary_; }
  const BpeOptions& options() const { return options_; }
  /// In the order of their ranks; a pair that came twice has its last rank. Valid as long as this
  /// object. Requires: no continuing_subword_prefix.
  std::vector<MergePair> merges() const;

 private:
  struct Merge {
    std::uint32_t rank;
    std::int32_t merged_id;
  };
  struct PendingUnknown;
  class CandidateQueue;

  void add_merges(const std::vector<MergePair>& merges, const std::string& source);
  void find_special_ids(const std::string& source);
  std::optional<Merge> find_merge(std::int32_t left, std::int32_t right) const;

  void start_symbols(std::string_view piece, BpeScratch& scratch) const;
  void start_mapped_bytes(std::string_view bytes, BpeScratch& scratch) const;
  void start_unknown(std::string_view symbol, PendingUnknown& unknown, BpeScratch& scratch) const;
  void merge_symbols(BpeScratch& scratch) const;
  std::optional<std::uint64_t> find_candidate(std::int32_t left, const BpeScratch& scratch) const;

  TokenTable vocabulary_;
  BpeOptions options_;
  FlatMap merges_;                              // (left id, right id) to (rank, merged id)
  std::int32_t unk_id_ = -1;                    // -1: unknown symbols are left out
  std::array<std::int32_t, 256> byte_ids_{};    // of <0x00> ... <0xFF>, with byte_fallback
  std::array<std::int32_t, 256> mapped_ids_{};  // of the byte alphabet; -1 where unknown
};

}  // namespace minimax::text
