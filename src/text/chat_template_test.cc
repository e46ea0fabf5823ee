// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "minimax/error.h"

namespace minimax::text {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path kDemonstrationModel = fs::path(MINIMAX_SOURCE_DIR) / "models" / "tiny-minimax";

base::Json json(std::string_view text) { return base::parse_json(text, "test"); }

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string render(const ChatTemplate& chat, std::string_view messages,
                   const RenderOptions& options = {}) {
  return join_segments(chat.render(json(messages), options));
}

// A model directory with the files that a test writes into it.
class ModelDirectory {
 public:
  explicit ModelDirectory(const std::string& name)
      : path_(fs::temp_directory_path() / ("minimax_chat_template_" + name)) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~ModelDirectory() { fs::remove_all(path_); }
  ModelDirectory(const ModelDirectory&) = delete;
  ModelDirectory& operator=(const ModelDirectory&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

constexpr const char* kHello = R"([{"role": "user", "content": "Hi"}])";

TEST(ChatTemplate, RendersTheDemonstrationModel) {
  const ChatTemplate chat = ChatTemplate::from_directory(kDemonstrationModel);
  EXPECT_EQ(render(chat, kHello),
            "<beginning_of_sentence>user name=user\nHi<end_of_sentence>\n"
            "<beginning_of_sentence>ai name=assistant\n");
  EXPECT_EQ(render(chat, kHello, {.add_generation_prompt = false}),
            "<beginning_of_sentence>user name=user\nHi<end_of_sentence>\n");
  EXPECT_THAT(chat.warnings(), IsEmpty());
}

// ----- where templates come from -----

TEST(ChatTemplate, PrefersTheJinjaFile) {
  const ModelDirectory model("prefers");
  model.write("tokenizer_config.json", R"({"chat_template": "config", "bos_token": "<s>"})");
  EXPECT_EQ(render(ChatTemplate::from_directory(model.path()), kHello), "config");
  model.write("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(render(ChatTemplate::from_directory(model.path()), kHello), "json");
  model.write("chat_template.jinja", "{{ bos_token }}jinja");
  EXPECT_EQ(render(ChatTemplate::from_directory(model.path()), kHello), "<s>jinja");
}

TEST(ChatTemplate, ReadsSpecialTokensInEveryForm) {
  const ModelDirectory model("tokens");
  model.write("tokenizer_config.json",
              R"({"bos_token": {"content": "<s>", "special": true}, "eos_token": null})");
  model.write("special_tokens_map.json", R"({"bos_token": "<old>", "eos_token": "</s>"})");
  model.write("chat_template.jinja", "{{ bos_token }}|{{ eos_token }}|{{ pad_token }}");
  EXPECT_EQ(render(ChatTemplate::from_directory(model.path()), kHello), "<s>|</s>|");
}

TEST(ChatTemplate, ChoosesAmongNamedTemplates) {
  const ModelDirectory model("named");
  model.write("tokenizer_config.json", R"({"chat_template": [
      {"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"},
      {"name": "rag", "template": "documents"}]})");
  const ChatTemplate chat = ChatTemplate::from_directory(model.path());
  const base::Json tools = json(R"([{"name": "f"}])");
  EXPECT_THAT(chat.names(), ElementsAre("default", "tool_use", "rag"));
  EXPECT_EQ(render(chat, kHello), "plain");
  EXPECT_EQ(render(chat, kHello, {.tools = &tools}), "tools");
  EXPECT_EQ(render(chat, kHello, {.template_name = "rag"}), "documents");
  EXPECT_EQ(error_of([&] { render(chat, kHello, {.template_name = "x"}); }),
            "chat template: expected one of [default, tool_use, rag], found \"x\"");
}

// ----- J1: templates that cannot be used -----

struct BrokenFile {
  const char* name;
  const char* file;  // null: none at all
  std::string text;
  const char* warning;
};

void PrintTo(const BrokenFile& broken, std::ostream* out) { *out << broken.name; }

class BrokenChatTemplate : public testing::TestWithParam<BrokenFile> {};

TEST_P(BrokenChatTemplate, GivesAWarningAndTheBuiltInFormat) {
  const BrokenFile& broken = GetParam();
  const ModelDirectory model(broken.name);
  if (broken.file != nullptr) {
    model.write(broken.file, broken.text);
  }
  const ChatTemplate chat = ChatTemplate::from_directory(model.path());
  ASSERT_FALSE(chat.warnings().empty());
  EXPECT_THAT(chat.warnings().front(), HasSubstr(broken.warning));
  EXPECT_THAT(chat.warnings().back(), HasSubstr("built-in MiniMax format"));
  EXPECT_EQ(render(chat, kHello),
            "<beginning_of_sentence>user name=user\nHi<end_of_sentence>\n"
            "<beginning_of_sentence>ai name=assistant\n");
  const ChatTemplateOptions strict{.broken = BrokenTemplate::kRefuse};
  EXPECT_THAT(error_of([&] { ChatTemplate::from_directory(model.path(), strict); }),
              HasSubstr(broken.warning));
}

INSTANTIATE_TEST_SUITE_P(
    J1, BrokenChatTemplate,
    testing::Values(
        BrokenFile{"Missing", nullptr, "", "no chat template"},
        BrokenFile{"UnclosedBlock", "chat_template.jinja", "\n{% if x %}",
                   "chat_template.jinja: line 2: 'if' is not closed"},
        BrokenFile{"UnknownTag", "chat_template.jinja", "{% include 'x' %}", "unknown tag"},
        BrokenFile{"UnknownFilter", "tokenizer_config.json", R"({"chat_template": "{{ x|y }}"})",
                   "tokenizer_config.json: /chat_template: line 1: unknown filter 'y'"},
        BrokenFile{"TenMegabytes", "chat_template.jinja", std::string(10 << 20, 'x'),
                   "at most 1048576 bytes"},
        BrokenFile{"WrongType", "tokenizer_config.json", R"({"chat_template": 5})",
                   "/chat_template: expected a string, found 5"},
        BrokenFile{"WrongListEntry", "tokenizer_config.json",
                   R"({"chat_template": [{"name": "a"}]})", "/chat_template/0/template: missing"},
        BrokenFile{"BrokenJson", "chat_template.json", "{", "not valid JSON"}),
    [](const testing::TestParamInfo<BrokenFile>& test) { return std::string(test.param.name); });

TEST(ChatTemplate, FallsBackToTheFormatOfTheModel) {
  const ModelDirectory model("format");
  model.write("config.json", R"({"model_type": "minimax_m1"})");
  EXPECT_THAT(render(ChatTemplate::from_directory(model.path()), kHello),
              testing::StartsWith("<begin_of_document><beginning_of_sentence>user"));
  const ChatTemplateOptions vision{.fallback = BuiltinFormat::kVl01};
  EXPECT_THAT(render(ChatTemplate::from_directory(model.path(), vision),
                     R"([{"role": "user", "content": [{"type": "image"}]}])"),
              HasSubstr("<image>"));
}

// ----- J4: conversations -----

struct Conversation {
  const char* name;
  const char* messages;
  const char* result;  // of the demonstration model, or a part of the message where it fails
};

void PrintTo(const Conversation& conversation, std::ostream* out) { *out << conversation.name; }

std::string name_of(const testing::TestParamInfo<Conversation>& test) { return test.param.name; }

class RefusedConversation : public testing::TestWithParam<Conversation> {};

TEST_P(RefusedConversation, NamesTheFieldAndWhatWasFound) {
  const ChatTemplate chat = ChatTemplate::from_directory(kDemonstrationModel);
  try {
    FAIL() << render(chat, GetParam().messages);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), testing::StartsWith(GetParam().result));
  }
}

INSTANTIATE_TEST_SUITE_P(
    J4, RefusedConversation,
    testing::Values(
        Conversation{"NoMessages", "[]",
                     "messages: expected an array of at least one message, found an empty array"},
        Conversation{"NoArray", R"({"role": "user"})", "messages: expected an array"},
        Conversation{"Null", "null", "messages: expected an array"},
        Conversation{"NoObject", R"(["hi"])", "messages[0]: expected an object"},
        Conversation{"NoRole", R"([{"content": "a"}])",
                     "messages[0].role: expected system, developer, user, assistant, tool or "
                     "function, found nothing"},
        Conversation{"RoleNumber", R"([{"role": 1, "content": "a"}])",
                     "messages[0].role: expected"},
        Conversation{"UnknownRole",
                     R"([{"role": "user", "content": "a"}, {"role": "boss", "content": "b"}])",
                     "messages[1].role: expected system, developer, user, assistant, tool or "
                     "function, found \"boss\""},
        Conversation{"NullContent",
                     R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                         {"role": "user", "content": null}])",
                     "messages[2].content: expected a string or an array of parts, found null"},
        Conversation{"NoContent", R"([{"role": "user"}])",
                     "messages[0].content: expected a string or an array of parts, found nothing"},
        Conversation{"NumberContent", R"([{"role": "user", "content": 5}])",
                     "messages[0].content: expected a string or an array of parts, found integer"},
        Conversation{"ObjectContent", R"([{"role": "user", "content": {"text": "a"}}])",
                     "messages[0].content: expected a string or an array of parts, found object"},
        Conversation{"AssistantWithoutAnything", R"([{"role": "assistant", "content": null}])",
                     "messages[0].content: expected"},
        Conversation{"PartString", R"([{"role": "user", "content": ["a"]}])",
                     "messages[0].content[0]: expected an object with a type, found \"a\""},
        Conversation{"PartWithoutType", R"([{"role": "user", "content": [{"text": "a"}]}])",
                     "messages[0].content[0].type: expected \"text\", found nothing"},
        Conversation{
            "UnknownPart",
            R"([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "smell"}]}])",
            "messages[0].content[1].type: expected \"text\", found \"smell\""},
        Conversation{"ImageForATextModel",
                     R"([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}])",
                     "messages[0].content[0].type: expected \"text\", found \"image_url\""},
        Conversation{"PartWithoutText", R"([{"role": "user", "content": [{"type": "text"}]}])",
                     "messages[0].content[0].text: expected a string, found nothing"},
        Conversation{"ToolCallsNoArray",
                     R"([{"role": "assistant", "content": "", "tool_calls": "f"}])",
                     "messages[0].tool_calls: expected an array, found \"f\""},
        Conversation{"ToolCallWithoutName",
                     R"([{"role": "assistant", "content": "", "tool_calls": [{"function": {}}]}])",
                     "messages[0].tool_calls[0].function.name: expected a string, found nothing"}),
    name_of);

class AcceptedConversation : public testing::TestWithParam<Conversation> {};

TEST_P(AcceptedConversation, IsMappedToWhatTheTemplateTakes) {
  const ChatTemplate chat = ChatTemplate::from_source(
      "{% for m in messages %}{{ {'system': 'S', 'user': 'U', 'assistant': 'A', 'tool': "
      "'T'}[m.role] ~ ':' ~ m.content ~ ';' }}{% endfor %}");
  EXPECT_EQ(render(chat, GetParam().messages), GetParam().result);
}

INSTANTIATE_TEST_SUITE_P(
    J4, AcceptedConversation,
    testing::Values(Conversation{"Developer", R"([{"role": "developer", "content": "a"}])", "S:a;"},
                    Conversation{"Function", R"([{"role": "function", "content": "a"}])", "T:a;"},
                    Conversation{"EmptyParts", R"([{"role": "user", "content": []}])", "U:;"},
                    Conversation{"EmptyString", R"([{"role": "user", "content": ""}])", "U:;"},
                    Conversation{"JoinedParts",
                                 R"([{"role": "user", "content": [{"type": "text", "text": "a"},
                                                       {"type": "text", "text": "b"}]}])",
                                 "U:a\nb;"},
                    Conversation{"NullWithCalls",
                                 R"([{"role": "assistant", "content": null,
                          "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}])",
                                 "A:;"},
                    Conversation{"UnknownMembers",
                                 R"([{"role": "user", "content": "a", "weight": 1}])", "U:a;"}),
    name_of);

TEST(ChatTemplate, AcceptsARoleThatTheTemplateKnows) {
  const ChatTemplate chat = ChatTemplate::from_source(
      "{% for m in messages %}{{ 'py ' if m.role == 'ipython' }}{{ m.content }}{% endfor %}");
  EXPECT_EQ(render(chat, R"([{"role": "ipython", "content": "1"}])"), "py 1");
}

TEST(ChatTemplate, WrapsStringsForTemplatesThatTakePartsOnly) {
  const ChatTemplate chat = ChatTemplate::from_source(
      "{% for m in messages %}{% for p in m.content | selectattr('type', 'equalto', 'text') %}"
      "{{ p.name ~ '=' if p.name }}{{ p.text }};{% endfor %}{% endfor %}");
  EXPECT_EQ(render(chat, R"([{"role": "system", "content": "a"}, {"role": "user", "content": "b"},
      {"role": "assistant", "content": null, "tool_calls":
          [{"id": "1", "function": {"name": "look", "arguments": {}}}]},
      {"role": "tool", "tool_call_id": "1", "content": "c"}])"),
            "a;b;;look=c;");
}

TEST(ChatTemplate, RendersThePublishedTemplateOfM1WithStrings) {
  const fs::path directory =
      fs::path(MINIMAX_SOURCE_DIR) / ".." / "shared" / "tokenizer" / "minimax-m1";
  if (!fs::exists(directory / "tokenizer_config.json")) {
    GTEST_SKIP() << "needs the tokenizer_config.json of MiniMax-M1 in " << directory;
  }
  const ChatTemplate chat = ChatTemplate::from_directory(directory);
  EXPECT_THAT(chat.warnings(), IsEmpty());
  EXPECT_EQ(render(chat, R"([{"role": "system", "content": "Rules. "},
      {"role": "user", "content": "Go"}, {"role": "assistant", "content": "Well."},
      {"role": "tool", "name": "f", "content": "done"}])"),
            "<begin_of_document><beginning_of_sentence>system ai_setting=assistant\nRules. "
            "<end_of_sentence>\n<beginning_of_sentence>user name=user\nGo<end_of_sentence>\n"
            "<beginning_of_sentence>ai name=assistant\nWell.<end_of_sentence>\n"
            "<beginning_of_sentence>tool name=tools\ntool name: f\ntool result: done\n\n"
            "<end_of_sentence>\n<beginning_of_sentence>ai name=assistant\n");
}

TEST(ChatTemplate, HandsArgumentsOverInTheFormThatTheTemplateTakes) {
  constexpr const char* kCall = R"([{"role": "assistant", "content": "", "tool_calls":
      [{"function": {"name": "f", "arguments": "{\"a\": [1, \"x\"]}"}}]}])";
  const ChatTemplate as_object = ChatTemplate::from_source(
      "{% for m in messages %}{{ m.tool_calls[0].function.arguments | tojson }}{% endfor %}");
  EXPECT_EQ(render(as_object, kCall), R"({"a": [1, "x"]})");
  const ChatTemplate as_text = ChatTemplate::from_source(
      "{% for m in messages %}{{ '<' + m.tool_calls[0]['function']['arguments'] + '>' }}{% endfor "
      "%}");
  EXPECT_EQ(render(as_text, kCall), R"(<{"a": [1, "x"]}>)");
}

TEST(ChatTemplate, PassesNullContentToTemplatesThatAskForIt) {
  constexpr const char* kCall = R"([{"role": "assistant", "content": null, "tool_calls":
      [{"function": {"name": "f", "arguments": {}}}]}])";
  const ChatTemplate chat =
      ChatTemplate::from_source("{% for m in messages %}{{ m.content is none }}{% endfor %}");
  EXPECT_EQ(render(chat, kCall), "True");
}

TEST(ChatTemplate, ReportsWhatTheTemplateRaisesAsItStands) {
  const ChatTemplate chat =
      ChatTemplate::from_source("{{ raise_exception('roles must alternate') }}");
  EXPECT_EQ(error_of([&] { render(chat, kHello); }), "roles must alternate");
}

TEST(ChatTemplate, NamesFileAndLineOfAMistake) {
  const ModelDirectory model("line");
  model.write("chat_template.jinja", "a\n{{ 1 + messages }}");
  const ChatTemplate chat = ChatTemplate::from_directory(model.path());
  EXPECT_THAT(error_of([&] { render(chat, kHello); }),
              HasSubstr("chat_template.jinja: line 2: unsupported operand types for +"));
}

TEST(ChatTemplate, RefusesToolsThatAreNoArray) {
  const ChatTemplate chat = ChatTemplate::from_source("x");
  const base::Json tools = json("{}");
  EXPECT_EQ(error_of([&] { render(chat, kHello, {.tools = &tools}); }),
            "tools: expected an array, found object");
}

TEST(ChatTemplate, LongConversationsHaveALargerBudget) {
  const ChatTemplate chat = ChatTemplate::from_directory(kDemonstrationModel);
  base::JsonArray messages;
  for (int i = 0; i < 20'000; ++i) {
    messages.push_back(base::JsonObject{{"role", "user"}, {"content", std::string(1000, 'x')}});
  }
  EXPECT_GT(join_segments(chat.render(messages)).size(), 20'000'000U);
}

// ----- J6: variables of a request -----

TEST(ChatTemplate, TakesFurtherVariables) {
  const ChatTemplate chat = ChatTemplate::from_source("{{ mood }}{{ level + 1 }}");
  EXPECT_EQ(render(chat, kHello, {.extra = {{"mood", "calm"}, {"level", 1}}}), "calm2");
}

class ReservedName : public testing::TestWithParam<const char*> {};

TEST_P(ReservedName, IsRefused) {
  const ChatTemplate chat = ChatTemplate::from_source("x", {{"bos_token", "<s>"}});
  const RenderOptions options{.extra = {{GetParam(), "evil"}}};
  EXPECT_EQ(error_of([&] { render(chat, kHello, options); }),
            std::string("chat_template_kwargs.") + GetParam() + ": the name is reserved");
}

INSTANTIATE_TEST_SUITE_P(J6, ReservedName,
                         testing::Values("messages", "tokenize", "chat_template", "tools",
                                         "documents", "add_generation_prompt",
                                         "continue_final_message", "raise_exception",
                                         "strftime_now", "namespace", "range", "bos_token"));

}  // namespace
}  // namespace minimax::text
