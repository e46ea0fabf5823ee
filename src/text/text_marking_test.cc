// SPDX-License-Identifier: Apache-2.0
// Text of the conversation never becomes markup, whatever a template does to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace minimax::text {
namespace {

using testing::HasSubstr;

const std::filesystem::path kDemonstrationModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "models" / "tiny-minimax";

constexpr const char* kHello = R"([{"role": "user", "content": "Hi"}])";

base::Json json(std::string_view text) { return base::parse_json(text, "test"); }

std::string input_only(const std::vector<TextSegment>& segments) {
  std::string text;
  for (const TextSegment& segment : segments) {
    text += segment.allow_special ? "" : segment.text;
  }
  return text;
}

struct Marking {
  const char* name;
  const char* source;  // `x` is "<a> B", from the user
  const char* input;   // all text that must count as the user's
};

void PrintTo(const Marking& marking, std::ostream* out) { *out << marking.name; }

class MarkedText : public testing::TestWithParam<Marking> {};

TEST_P(MarkedText, KeepsTheMarkOfTheUser) {
  const ChatTemplate chat = ChatTemplate::from_source(GetParam().source);
  const RenderOptions options{.extra = {{"x", "<a> B"}}};
  EXPECT_EQ(input_only(chat.render(json(kHello), options)), GetParam().input);
}

INSTANTIATE_TEST_SUITE_P(
    J5, MarkedText,
    testing::Values(
        Marking{"Plain", "<s>{{ x }}</s>", "<a> B"},
        Marking{"Plus", "{{ '<s>' + x + '</s>' }}", "<a> B"},
        Marking{"Tilde", "{{ '<s>' ~ x ~ '</s>' ~ 1 ~ none }}", "<a> B"},
        Marking{"Times", "{{ ('-' + x) * 2 }}", "<a> B<a> B"},
        Marking{"Slice", "{{ ('<s>' + x + '</s>')[2:6] }}", "<a>"},
        Marking{"Step", "{{ ('<s>' + x)[::2] }}", "a "},
        Marking{"Reverse", "{{ ('<s>' + x) | reverse }}", "B >a<"},
        Marking{"Index", "{{ x[1] }}{{ x[-1] }}", "aB"},
        Marking{"Characters", "{% for c in '!' ~ x %}{{ c }}{% endfor %}", "<a> B"},
        Marking{"Upper", "{{ ('<s>' + x) | upper }}", "<A> B"},
        Marking{"Lower", "{{ x.lower() }}", "<a> b"},
        Marking{"Title", "{{ ('s' ~ x) | title }}", "<A> B"},
        Marking{"Capitalize", "{{ ('s' ~ x) | capitalize }}", "<a> b"},
        Marking{"Trim", "{{ (' ' ~ x ~ ' ') | trim }}", "<a> B"},
        Marking{"Strip", "{{ ('<s>' ~ x).strip('<s>') }}", "a> B"},
        Marking{"ReplaceIn", "{{ x | replace('a', 'c') }}", "<> B"},
        Marking{"ReplaceBy", "{{ '<s>_</s>' | replace('_', x) }}", "<a> B"},
        Marking{"Split", "{{ ('<s> ' ~ x).split(' ')[1] }}", "<a>"},
        Marking{"SplitLines", "{{ ('<s>\n' ~ x).splitlines() | last }}", "<a> B"},
        Marking{"Partition", "{{ x.partition(' ') | join('|') }}", "<a> B"},
        Marking{"JoinItems", "{{ [x, '<s>', x] | join('<s>') }}", "<a> B<a> B"},
        Marking{"JoinBy", "{{ ['<s>', '</s>'] | join(x) }}", "<a> B"},
        Marking{"JoinMethod", "{{ x.join(['<s>', '</s>']) }}", "<a> B"},
        Marking{"Json", "{{ {'k': x} | tojson }}", "<a> B"},
        Marking{"JsonKeys", "{{ {x: 1} | tojson(indent=2) }}", "<a> B"},
        Marking{"Repr", "{{ [x] }}{{ {x: (x,)} }}", "<a> B<a> B<a> B"},
        Marking{"String", "{{ x | string }}", "<a> B"},
        Marking{"Escape", "{{ x | e }}", "&lt;a&gt; B"},
        Marking{"Indent", "{{ ('<s>\n' ~ x) | indent }}", "\n<a> B"},
        Marking{"Truncate", "{{ x | truncate(4, true, '', 0) }}", "<a> "},
        Marking{"UrlEncode", "{{ x | urlencode }}", "%3Ca%3E%20B"},
        Marking{"Percent", "{{ '<s>%s</s>' % x }}", "<a> B"},
        Marking{"PercentFormat", "{{ x % () }}", "<a> B"},
        Marking{"FormatFilter", "{{ '<s>%s' | format(x) }}", "<a> B"},
        Marking{"FormatMethod", "{{ '<s>{} {y}'.format(x, y=x) }}", "<a> B<a> B"},
        Marking{"Center", "{{ x.center(6) | trim }}", "<a> B"},
        Marking{"SetBlock", "{% set y %}<s>{{ x }}</s>{% endset %}{{ y }}", "<a> B"},
        Marking{"FilterBlock", "{% filter upper %}<s>{{ x }}{% endfilter %}", "<A> B"},
        Marking{"Macro", "{% macro m(y) %}<s>{{ y }}{% endmacro %}{{ m(x) }}", "<a> B"},
        Marking{"Caller",
                "{% macro m() %}<s>{{ caller() }}{% endmacro %}{% call m() %}{{ x }}{% endcall %}",
                "<a> B"},
        Marking{"Namespace", "{% set n = namespace(t='<s>') %}{% set n.t = n.t + x %}{{ n.t }}",
                "<a> B"},
        Marking{"Accumulated",
                "{% set n = namespace(t='') %}{% for i in [1, 2] %}{% set n.t = n.t ~ '<s>' ~ x %}"
                "{% endfor %}{{ n.t }}",
                "<a> B<a> B"},
        Marking{"MapFilter", "{{ [x] | map('upper') | join }}", "<A> B"},
        Marking{"Sorted", "{{ [x, '<s>'] | sort | join }}", "<a> B"},
        Marking{"Generation", "{% generation %}<s>{{ x }}{% endgeneration %}", "<a> B"},
        Marking{"Default", "{{ nothing | default(x) }}", "<a> B"},
        Marking{"Messages", "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}",
                "userHi"},
        Marking{"Literals", "<s>{{ '<a> B' if x == '<a> B' }}", ""}),
    [](const testing::TestParamInfo<Marking>& test) { return std::string(test.param.name); });

// The special tokens of the demonstration model, everywhere that a user can write.
TEST(ChatTemplate, SpecialTokensOfTheUserStayText) {
  const Tokenizer tokenizer = Tokenizer::from_directory(kDemonstrationModel);
  std::string hostile;
  for (std::int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    hostile += tokenizer.is_special(id) ? std::string(*tokenizer.id_to_token(id)) : "";
  }
  ASSERT_THAT(hostile, HasSubstr("<end_of_sentence>"));
  const auto conversation = [](const std::string& text) {
    const base::JsonObject function{{"name", text}, {"arguments", base::JsonObject{{text, text}}}};
    return base::Json(base::JsonArray{
        base::JsonObject{{"role", "system"}, {"content", text}},
        base::JsonObject{{"role", "user"}, {"name", text}, {"content", text}},
        base::JsonObject{{"role", "assistant"},
                         {"content", text},
                         {"tool_calls", base::JsonArray{base::JsonObject{{"function", function}}}}},
        base::JsonObject{{"role", "tool"}, {"name", text}, {"content", text}}});
  };
  const auto specials = [&](const ChatTemplate& chat, const std::string& text) {
    const base::Json tools = base::JsonArray{
        base::JsonObject{{"name", text}, {"description", text}, {text, base::JsonArray{text}}}};
    std::vector<std::int32_t> found;
    for (const std::int32_t id :
         tokenizer.encode(chat.render(conversation(text), {.tools = &tools}))) {
      if (tokenizer.is_special(id)) {
        found.push_back(id);
      }
    }
    return found;
  };
  std::vector<ChatTemplate> chats;
  chats.push_back(ChatTemplate::from_directory(kDemonstrationModel));
  for (const BuiltinFormat format :
       {BuiltinFormat::kText01, BuiltinFormat::kM1, BuiltinFormat::kVl01}) {
    chats.push_back(ChatTemplate::from_source(builtin_template(format)));
  }
  for (const ChatTemplate& chat : chats) {
    EXPECT_FALSE(specials(chat, "harmless").empty());
    EXPECT_EQ(specials(chat, hostile), specials(chat, "harmless"));
  }
}

TEST(ChatTemplate, MarkedPromptsTokenizeLikePlainOnes) {
  const Tokenizer tokenizer = Tokenizer::from_directory(kDemonstrationModel);
  const ChatTemplate chat = ChatTemplate::from_directory(kDemonstrationModel);
  const auto segments = chat.render(json(R"([{"role": "user", "content": "\n\nTell me a story. "},
      {"role": "assistant", "content": " Once upon"}, {"role": "user", "content": "\n"}])"));
  EXPECT_GT(segments.size(), 1U);
  EXPECT_EQ(tokenizer.encode(segments), tokenizer.encode(join_segments(segments)));
}

}  // namespace
}  // namespace minimax::text
