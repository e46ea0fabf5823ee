// SPDX-License-Identifier: Apache-2.0
// Answers of a model: however one is cut into pieces, the result is the same, and calls hold JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/answer_parser.h"

namespace {

using minimax::text::AnswerFormat;
using minimax::text::AnswerParser;
using minimax::text::AnswerPiece;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// One text for all that an answer holds; \1 to \4 say what follows.
class Transcript {
 public:
  explicit Transcript(bool may_be_cut) : may_be_cut_(may_be_cut) {}
  void add(const std::vector<AnswerPiece>& pieces) {
    for (const AnswerPiece& piece : pieces) {
      const bool goes_on = piece.kind == AnswerPiece::Kind::kArguments ||
                           (piece.kind == last_ && piece.kind != AnswerPiece::Kind::kToolCall);
      if (piece.kind == AnswerPiece::Kind::kToolCall && !may_be_cut_) {
        require(minimax::base::parse_json(piece.text, "arguments").is_object());
      }
      text_ +=
          goes_on && !text_.empty() ? "" : std::string(1, "\1\2\3\4"[static_cast<int>(piece.kind)]);
      text_ += piece.name + piece.text;
      last_ = piece.kind;
    }
  }
  const std::string& text() const { return text_; }

 private:
  bool may_be_cut_;
  std::string text_;
  AnswerPiece::Kind last_ = AnswerPiece::Kind::kToolCall;
};

std::string parse(std::string_view answer, const AnswerFormat& format, std::uint8_t seed) {
  AnswerParser parser(format);
  Transcript transcript(format.streams_arguments);
  std::size_t length = seed == 0 ? answer.size() : seed;
  for (std::size_t begin = 0; begin < answer.size(); begin += length) {
    length = seed == 0 ? answer.size() : 1 + (length * 31 + seed) % 13;
    transcript.add(parser.push(answer.substr(begin, length)));
  }
  transcript.add(parser.finish());
  return transcript.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const AnswerFormat format = {.has_reasoning = (data[0] & 1) != 0,
                               .has_tool_calls = (data[0] & 2) != 0,
                               .max_tool_calls = data[0] >> 4,
                               .streams_arguments = (data[0] & 4) != 0};
  const std::string_view answer(reinterpret_cast<const char*>(data) + 2, size - 2);
  require(parse(answer, format, 0) == parse(answer, format, data[1]));
  return 0;
}
