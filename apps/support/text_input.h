// SPDX-License-Identifier: Apache-2.0
// Text and token ids that a user hands over: from an argument, a file or standard input ("-").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::apps {

/// All of a file, or of standard input for "-".
/// Throws: Error{kIo}, Error{kCorruptFile} beyond 1 GiB.
std::string read_text(const std::string& file);

/// Ids separated by commas or white space, a JSON array, or a JSON object with the array `ids`.
/// Throws: Error{kCorruptFile} naming `source` and the element.
std::vector<std::int32_t> parse_token_ids(std::string_view text, const std::string& source);

/// The value of an option that takes ids or @FILE.
/// Throws: UsageError for ids that are none; as parse_token_ids for a file.
std::vector<std::int32_t> read_token_ids(const std::string& value, const std::string& option);

}  // namespace minimax::apps
