// SPDX-License-Identifier: Apache-2.0
#include "support/text_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "base/json.h"
#include "minimax/error.h"
#include "support/exit_code.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
constexpr std::string_view kSeparators = ", \t\r\n";

std::string read_standard_input() {
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      throw Error(ErrorCode::kIo,
                  fmt::format("standard input: cannot read: {}", std::strerror(errno)));
    }
    if (got == 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxBytes) {
      throw Error(ErrorCode::kCorruptFile,
                  fmt::format("standard input: expected at most {} bytes, found more", kMaxBytes));
    }
  }
}

std::vector<std::int32_t> ids_of_json(std::string_view text, const std::string& source) {
  const base::Json json = base::parse_json(text, source);
  const base::JsonView root(json, source);
  std::vector<std::int32_t> ids;
  for (const base::JsonView& id : (json.is_object() ? root.require("ids") : root).elements()) {
    ids.push_back(
        static_cast<std::int32_t>(id.as_integer(0, std::numeric_limits<std::int32_t>::max())));
  }
  return ids;
}

}  // namespace

std::string read_text(const std::string& file) {
  return file == "-" ? read_standard_input() : base::read_file(file, kMaxBytes);
}

std::vector<std::int32_t> parse_token_ids(std::string_view text, const std::string& source) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '[' || text[first] == '{')) {
    return ids_of_json(text, source);
  }
  std::vector<std::int32_t> ids;
  std::size_t begin = text.find_first_not_of(kSeparators);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    const std::optional<std::int64_t> id = parse_integer(word);
    if (!id || *id < 0 || *id > std::numeric_limits<std::int32_t>::max()) {
      throw Error(ErrorCode::kCorruptFile,
                  fmt::format("{}: expected a token id as element {}, found {}", source, ids.size(),
                              base::printable(word, 40)));
    }
    ids.push_back(static_cast<std::int32_t>(*id));
    begin = text.find_first_not_of(kSeparators, end);
  }
  return ids;
}

std::vector<std::int32_t> read_token_ids(const std::string& value, const std::string& option) {
  if (value.starts_with('@')) {
    const std::string file = value.substr(1);
    return parse_token_ids(read_text(file), base::printable(file));
  }
  try {
    return parse_token_ids(value, option);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

}  // namespace minimax::apps
