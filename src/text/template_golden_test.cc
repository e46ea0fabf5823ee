// SPDX-License-Identifier: Apache-2.0
// Templates give byte for byte what transformers gives for them, with Python's jinja2. The files
// come from tools/export_template_goldens.py.
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "minimax/error.h"
#include "text/chat_template.h"
#include "text/jinja/from_json.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace minimax::text {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::JsonObject;

const fs::path kRoot = MINIMAX_SOURCE_DIR;
const fs::path kGolden = kRoot / "tests" / "golden" / "templates";

// Saturday, 4 July 2026, 15:30: the clock that the goldens were made with.
std::tm fixed_clock() {
  std::tm now{};
  now.tm_year = 126;
  now.tm_mon = 6;
  now.tm_mday = 4;
  now.tm_hour = 15;
  now.tm_min = 30;
  now.tm_wday = 6;
  now.tm_yday = 184;
  return now;
}

struct Result {
  std::optional<std::string> text;  // nothing: refused
  std::string error;
};

Result render(const std::string& source, const JsonObject& variables) {
  try {
    const jinja::Ast ast = jinja::parse(source);
    jinja::Interpreter interpreter(ast, jinja::Limits{}, fixed_clock());
    for (const auto& [name, value] : variables) {
      interpreter.define(name, jinja::from_json(interpreter.heap(), value));
    }
    return {std::string(interpreter.render().bytes), ""};
  } catch (const Error& error) {
    return {std::nullopt, error.what()};
  }
}

// The variables that transformers hands to a template.
JsonObject variables_of(const Json& conversation) {
  const auto member = [&](const char* name, const Json& fallback) {
    const Json* found = conversation.find(name);
    return found == nullptr ? fallback : *found;
  };
  JsonObject variables{{"bos_token", "<s>"},
                       {"eos_token", "</s>"},
                       {"messages", member("messages", nullptr)},
                       {"tools", member("tools", nullptr)},
                       {"documents", member("documents", nullptr)},
                       {"add_generation_prompt", member("add_generation_prompt", true)}};
  const Json kwargs = member("kwargs", JsonObject{});
  for (const auto& extra : kwargs.object()) {
    variables.push_back(extra);
  }
  return variables;
}

std::string source_of(const std::string& name) {
  constexpr std::string_view kBuiltin = "builtin_";
  if (name == "tiny_minimax") {
    return base::read_file(kRoot / "models" / "tiny-minimax" / "chat_template.jinja");
  }
  if (name.starts_with(kBuiltin)) {
    return base::read_file(kRoot / "src" / "text" / "templates" /
                           (name.substr(kBuiltin.size()) + ".jinja"));
  }
  return base::read_file(kGolden / "corpus" / (name + ".jinja"));
}

void expect_same(const Json& expected, const Result& result, const std::string& what) {
  if (expected.is_null()) {
    EXPECT_FALSE(result.text) << what << ": gave " << *result.text;
  } else {
    ASSERT_TRUE(result.text) << what << ": " << result.error;
    EXPECT_EQ(*result.text, expected.string()) << what;
  }
}

// Compares all conversations under one template; returns how many there were.
std::size_t compare_all(const std::string& source, const Json& expected, const std::string& name) {
  const Json conversations = base::read_json_file(kGolden / "conversations.json");
  EXPECT_EQ(conversations.array().size(), expected.array().size());
  for (std::size_t i = 0; i < expected.array().size(); ++i) {
    const Json& conversation = conversations.array()[i];
    const std::string what = name + ", " + conversation.find("name")->string();
    expect_same(expected.array()[i], render(source, variables_of(conversation)), what);
  }
  return expected.array().size();
}

TEST(TemplateGolden, ConversationsEqualThoseOfTransformers) {
  const Json rendered = base::read_json_file(kGolden / "rendered.json");
  std::size_t compared = 0;
  for (const auto& [name, expected] : rendered.object()) {
    if (name != "minimax_m1_release") {
      compared += compare_all(source_of(name), expected, name);
    }
  }
  EXPECT_GE(compared, 1200U);
}

TEST(TemplateGolden, ReleasedTemplateOfM1EqualsTransformers) {
  const fs::path config =
      kRoot / ".." / "shared" / "tokenizer" / "minimax-m1" / "tokenizer_config.json";
  if (!fs::exists(config)) {
    GTEST_SKIP() << "needs the tokenizer_config.json of MiniMax-M1 at " << config;
  }
  const std::string source = base::read_json_file(config).find("chat_template")->string();
  const Json rendered = base::read_json_file(kGolden / "rendered.json");
  compare_all(source, *rendered.find("minimax_m1_release"), "minimax_m1_release");
}

TEST(TemplateGolden, SnippetsEqualThoseOfJinja) {
  const Json snippets = base::read_json_file(kGolden / "snippets.json");
  const Json rendered = base::read_json_file(kGolden / "snippets_rendered.json");
  const base::JsonArray& templates = snippets.find("templates")->array();
  ASSERT_EQ(templates.size(), rendered.array().size());
  for (std::size_t i = 0; i < templates.size(); ++i) {
    const std::string& source = templates[i].string();
    expect_same(rendered.array()[i], render(source, snippets.find("variables")->object()), source);
  }
}

TEST(TemplateGolden, BuiltInTemplatesAreTheFiles) {
  EXPECT_EQ(builtin_template(BuiltinFormat::kText01), source_of("builtin_text_01"));
  EXPECT_EQ(builtin_template(BuiltinFormat::kM1), source_of("builtin_m1"));
  EXPECT_EQ(builtin_template(BuiltinFormat::kVl01), source_of("builtin_vl_01"));
}

}  // namespace
}  // namespace minimax::text
