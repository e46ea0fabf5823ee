// SPDX-License-Identifier: Apache-2.0
// Turns a conversation into the text that the model was trained on, with the chat template of a
// model directory or, where that is missing or broken, with one of our own. Not for tokenizing:
// the result is text marked with where special tokens may be recognised.
#pragma once

#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/text_segment.h"

namespace minimax::text {

struct TemplateFiles;

/// The MiniMax formats that are built in, for models whose own template cannot be used.
enum class BuiltinFormat { kText01, kM1, kVl01 };

/// The source of our own template for a format.
std::string_view builtin_template(BuiltinFormat format);

/// What to do about a template that is missing or does not parse.
enum class BrokenTemplate { kFallBack, kRefuse };

struct ChatTemplateOptions {
  BrokenTemplate broken = BrokenTemplate::kFallBack;
  /// The format to fall back to. Where absent, config.json tells, or else it is that of Text-01.
  std::optional<BuiltinFormat> fallback = std::nullopt;
};

struct RenderOptions {
  /// An array of tool schemas and an array of documents, or null. Must outlive the call.
  const base::Json* tools = nullptr;
  const base::Json* documents = nullptr;
  /// Ends the prompt with the opening of the assistant's turn.
  bool add_generation_prompt = true;
  /// Further variables for the template. Their text counts as written by the user.
  base::JsonObject extra = {};
  /// Which of several named templates; empty: `tool_use` where there are tools, else `default`.
  std::string template_name = {};
  /// What `strftime_now` reads; the local time of the call where absent.
  std::optional<std::tm> now = std::nullopt;
};

/// A parsed chat template with the special tokens that it may name. Movable, not copyable.
/// Thread safety: const members may be called from several threads at once.
class ChatTemplate {
 public:
  using Variables = std::vector<std::pair<std::string, std::string>>;

  /// The template of a model directory: `chat_template.jinja`, else `chat_template.json`, else
  /// `chat_template` in `tokenizer_config.json` (a string, or a list of {name, template}).
  /// A template that is missing or broken gives a warning and the built-in format.
  /// Throws: Error{kCorruptFile} for an unreadable tokenizer_config.json, and under
  /// BrokenTemplate::kRefuse for a missing or broken template, naming file and line.
  static ChatTemplate from_directory(const std::filesystem::path& directory,
                                     const ChatTemplateOptions& options = {});

  /// The templates that were found, in whichever file. Messages name `source` where there are
  /// none. Throws: as from_directory.
  static ChatTemplate from_templates(const TemplateFiles& files, const std::string& source,
                                     const ChatTemplateOptions& options = {});

  /// A template from its source. `special_tokens` are variables such as bos_token.
  /// Throws: Error{kCorruptFile} naming the line.
  static ChatTemplate from_source(std::string_view source, const Variables& special_tokens = {});

  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;

  /// The prompt for `messages`: an array of {role, content, ...}. Content is a string, or an array
  /// of parts such as {"type": "text", "text": ...}; it is turned into the kind that the template
  /// takes. Neighbouring segments differ in allow_special.
  /// Throws: Error{kInvalidArgument} for a conversation that breaks the rules
  /// ("messages[2].content: expected ..., found ..."), a reserved name in `extra`, and errors that
  /// the template raises; Error{kUnsupported} where rendering exceeds its budget of steps, memory
  /// or depth.
  std::vector<TextSegment> render(const base::Json& messages,
                                  const RenderOptions& options = {}) const;

  /// What was wrong at load, for the log. Empty in the normal case.
  const std::vector<std::string>& warnings() const;

  /// The text of the template that conversations without tools are rendered with.
  std::string_view source() const;

  /// The names of the templates, "default" where the model has only one.
  std::vector<std::string> names() const;

 private:
  class Implementation;
  explicit ChatTemplate(std::unique_ptr<Implementation> implementation);

  std::unique_ptr<Implementation> implementation_;
};

/// The text of all segments.
std::string join_segments(const std::vector<TextSegment>& segments);

}  // namespace minimax::text
