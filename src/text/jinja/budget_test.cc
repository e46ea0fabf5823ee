// SPDX-License-Identifier: Apache-2.0
// Hostile templates: every one must end in a clear error, soon, in little memory, and within the
// stack of a small thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "minimax/error.h"
#include "text/jinja/from_json.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace minimax::text::jinja {
namespace {

using testing::HasSubstr;

constexpr std::size_t kSmallStackBytes = MINIMAX_STACK_KIB << 10;

void* run_function(void* argument) {
  (*static_cast<std::function<void()>*>(argument))();
  return nullptr;
}

// Runs `action` in a thread with a small stack.
void on_small_stack(std::function<void()> action) {
  pthread_attr_t attributes;
  pthread_t thread{};
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kSmallStackBytes), 0);
  ASSERT_EQ(pthread_create(&thread, &attributes, run_function, &action), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

struct Outcome {
  std::string text;
  std::string error;
  ErrorCode code = ErrorCode::kIo;
  double milliseconds = 0;     // of this thread's processor time
  std::int64_t kibibytes = 0;  // by which the process grew meanwhile; 0 where that is unknown
};

// A line of /proc/self/status, in KiB.
std::int64_t memory_line(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) {
      return std::stoll(line.substr(name.size() + 1));
    }
  }
  return 0;
}

// Starts a new measurement of the peak; false where the system does not allow it.
bool reset_peak() {
  std::ofstream clear("/proc/self/clear_refs");
  clear << "5" << std::flush;
  return clear.good();
}

double thread_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

Outcome render(const std::string& source, const std::string& variables = "{}") {
  Outcome outcome;
  on_small_stack([&] {
    const base::Json json = base::parse_json(variables, "variables");
    const std::int64_t before = reset_peak() ? memory_line("VmRSS:") : INT64_MAX;
    const double start = thread_milliseconds();
    try {
      const Ast ast = parse(source);
      Interpreter interpreter(ast, Limits{}, std::tm{});
      for (const auto& [name, value] : json.object()) {
        interpreter.define(name, from_json(interpreter.heap(), value));
      }
      outcome.text = interpreter.render().bytes;
    } catch (const Error& error) {
      outcome.error = error.what();
      outcome.code = error.code();
    }
    outcome.milliseconds = thread_milliseconds() - start;
    outcome.kibibytes = std::max<std::int64_t>(0, memory_line("VmHWM:") - before);
  });
  return outcome;
}

constexpr double kSoon = 100 * MINIMAX_TIME_FACTOR;

// What must end soon. Others on the machine may slow a thread down by several times for a moment,
// so the quickest of a few attempts counts.
Outcome render_soon(const std::string& source) {
  Outcome outcome = render(source);
  for (int attempt = 1; attempt < 5 && outcome.milliseconds >= kSoon; ++attempt) {
    outcome = render(source);
  }
  return outcome;
}

std::string repeated(const std::string& piece, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += piece;
  }
  return out;
}

struct Case {
  const char* name;
  std::string source;
  const char* error;  // a part of the message
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

template <class T>
std::string name_of(const testing::TestParamInfo<T>& test) {
  return test.param.name;
}

class BrokenTemplate : public testing::TestWithParam<Case> {};

TEST_P(BrokenTemplate, IsRefusedWithItsLine) {
  const Outcome outcome = render_soon(GetParam().source);
  EXPECT_THAT(outcome.error, HasSubstr(GetParam().error));
  EXPECT_THAT(outcome.error, testing::StartsWith("line "));
  EXPECT_EQ(outcome.code, ErrorCode::kCorruptFile);
  EXPECT_LT(outcome.milliseconds, kSoon);
  EXPECT_LT(outcome.kibibytes, (64 << 10) * MINIMAX_TIME_FACTOR);
}

INSTANTIATE_TEST_SUITE_P(
    J1, BrokenTemplate,
    testing::Values(Case{"UnclosedIf", "a\n{% if x %}\nb", "line 2: 'if' is not closed"},
                    Case{"UnclosedFor", "{% for x in y %}", "line 1: 'for' is not closed"},
                    Case{"UnclosedMacro", "\n\n{% macro m() %}", "line 3: 'macro' is not closed"},
                    Case{"UnclosedTag", "a\n{% if x", "line 2: a tag '{%' is not closed"},
                    Case{"UnclosedExpression", "{{ x", "an expression '{{' is not closed"},
                    Case{"UnclosedString", "{{ 'x }}", "a string is not closed"},
                    Case{"UnclosedComment", "a {# b", "a comment '{#' is not closed"},
                    Case{"UnclosedRaw", "{% raw %} b", "'raw' is not closed"},
                    Case{"UnknownTag", "a\nb\n{% foo %}", "line 3: unknown tag 'foo'"},
                    Case{"Include", "{% include '/etc/passwd' %}", "unknown tag 'include'"},
                    Case{"Import", "{% import 'os' as os %}", "unknown tag 'import'"},
                    Case{"From", "{% from 'os' import system %}", "unknown tag 'from'"},
                    Case{"Extends", "{% extends 'base' %}", "unknown tag 'extends'"},
                    Case{"UnknownFilter", "{{ x | shell }}", "unknown filter 'shell'"},
                    Case{"UnknownTest", "{{ x is evil }}", "unknown test 'evil'"},
                    Case{"WrongEnd", "{% if x %}{% endfor %}", "unknown tag 'endfor'"},
                    Case{"StrayEnd", "{% endif %}", "unknown tag 'endif'"},
                    Case{"BreakOutside", "{% break %}", "'break' stands outside of a loop"},
                    Case{"TenMegabytes", std::string(10 << 20, 'x'), "at most 1048576 bytes"},
                    Case{"NestedIfs", repeated("{% if x %}", 100'000), "deep"},
                    Case{"NestedFors", repeated("{% for x in y %}", 60'000), "deep"},
                    Case{"NestedParentheses", "{{ " + std::string(500'000, '('), "deep"},
                    Case{"NestedLists", "{{ " + std::string(500'000, '['), "deep"},
                    Case{"NestedDicts", "{{ " + repeated("{1:", 300'000), "deep"},
                    Case{"NestedNots", "{{ " + repeated("not ", 200'000) + "1 }}", "deep"},
                    Case{"NestedSigns", "{{ " + std::string(500'000, '-') + "1 }}", "deep"},
                    Case{"NestedCalls", "{{ " + repeated("f(", 300'000), "deep"},
                    Case{"NestedSubscripts", "{{ " + repeated("a[", 300'000), "deep"},
                    Case{"NestedTests", "{{ " + repeated("1 is eq ", 100'000), "parts"},
                    Case{"NestedElses", "{{ " + repeated("1 if (", 100'000), "deep"},
                    Case{"NestedMacros", repeated("{% macro m() %}", 60'000), "deep"},
                    Case{"NestedTargets", "{% set " + std::string(500'000, '('), "deep"},
                    Case{"ManyParts", "{{ [" + repeated("1,", 400'000) + "] }}", "parts"},
                    Case{"ManyTags", repeated("{{1}}", 200'000), "parts"},
                    Case{"BadEscape", "{{ '\\xZZ' }}", "broken escape"},
                    Case{"SurrogateEscape", "{{ '\\ud800' }}", "no Unicode character"},
                    Case{"HugeInteger", "{{ 99999999999999999999 }}", "64 bits"},
                    Case{"NulByte", std::string("{{ \0 }}", 7), "unexpected character"}),
    name_of<Case>);

class GreedyTemplate : public testing::TestWithParam<Case> {};

TEST_P(GreedyTemplate, RunsIntoABudgetSoon) {
  const Outcome outcome = render_soon(GetParam().source);
  EXPECT_THAT(outcome.error, HasSubstr(GetParam().error));
  EXPECT_LT(outcome.milliseconds, kSoon);
  EXPECT_LT(outcome.kibibytes, (64 << 10) * MINIMAX_TIME_FACTOR);
}

INSTANTIATE_TEST_SUITE_P(
    J2, GreedyTemplate,
    testing::Values(
        Case{"HugeRange", "{{ range(10**9) | list }}", "at most 100000 numbers"},
        Case{"HugeRangeLoop", "{% for i in range(10**9) %}{% endfor %}", "at most 100000"},
        Case{"NestedRanges",
             "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
             "steps"},
        Case{"NestedRangesWithOutput",
             "{% for i in range(99999) %}{% for j in range(99999) %}xxxxxxxx{% endfor %}"
             "{% endfor %}",
             "budget"},
        Case{"RecursiveMacro", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested"},
        Case{
            "MutualMacros",
            "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
            "nested"},
        Case{"RecursiveMacroInExpression",
             "{% macro m(x) %}{{ [[m(x)|upper]]|first }}{% endmacro %}{{ m(1) }}", "nested"},
        Case{"RecursiveCaller",
             "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}"
             "{{ m() }}",
             "nested"},
        Case{
            "RecursiveFilterBlock",
            "{% macro m() %}{% filter upper %}{% set x %}{% with %}{% if 1 %}{% for i in [1] %}"
            "{{ m() }}{% endfor %}{% endif %}{% endwith %}{% endset %}{% endfilter %}{% endmacro %}"
            "{{ m() }}",
            "nested"},
        Case{"BranchingMacro",
             "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(22) "
             "}}",
             "budget"},
        Case{"RecursiveLoop", "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}", "nested"},
        Case{"RepeatedString", "{{ 'x' * 10**9 }}", "budget"},
        Case{"RepeatedLongString", "{{ 'xy' * 10**9 }}", "budget"},
        Case{"RepeatedOverflow", "{{ 'xyz' * 9223372036854775807 }}", "64 bits"},
        Case{"RepeatedList", "{{ [1] * 10**9 }}", "budget"},
        Case{"RepeatedNothing", "{{ '' * 10**18 }}{{ [] * 10**18 }}{{ range(10**9) }}", "100000"},
        Case{"DoublingString",
             "{% set n = namespace(s='x') %}{% for i in range(64) %}{% set n.s = n.s ~ n.s %}"
             "{% endfor %}",
             "memory"},
        Case{"DoublingList",
             "{% set n = namespace(s=[1]) %}{% for i in range(64) %}{% set n.s = n.s + n.s %}"
             "{% endfor %}",
             "budget"},
        Case{"GrowingNest",
             "{% set n = namespace(s=[]) %}{% for i in range(99999) %}{% set n.s = [n.s, n.s] %}"
             "{% endfor %}{{ n.s }}",
             "nested"},
        Case{"GrowingNestAsJson",
             "{% set n = namespace(s=[]) %}{% for i in range(9999) %}{% set n.s = [n.s, n.s] %}"
             "{% endfor %}{{ n.s | tojson }}",
             "nested"},
        Case{"GrowingNestCompared",
             "{% set n = namespace(a=[], b=[]) %}{% for i in range(9999) %}{% set n.a = [n.a] %}"
             "{% set n.b = [n.b] %}{% endfor %}{{ n.a == n.b }}",
             "nested"},
        Case{"GrowingNestOrdered",
             "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(9999) %}{% set n.a = [n.a] %}"
             "{% set n.b = [n.b] %}{% endfor %}{{ n.a < n.b }}",
             "nested"},
        Case{"WideNest",
             "{% set n = namespace(s=[1]) %}{% for i in range(30) %}{% set n.s = [n.s, n.s] %}"
             "{% endfor %}{{ n.s }}",
             "budget"},
        Case{"WideNestAsKey",
             "{% set n = namespace(s=(1,)) %}{% for i in range(60) %}{% set n.s = (n.s, n.s) %}"
             "{% endfor %}{{ {n.s: 1} }}",
             "budget"},
        Case{"DeepKey",
             "{% set n = namespace(s=(1,)) %}{% for i in range(9999) %}{% set n.s = (n.s,) %}"
             "{% endfor %}{{ {n.s: 1} }}",
             "nested"},
        Case{"HugeJoin", "{{ range(99999) | map('string') | join('x' * 9999) }}", "memory"},
        Case{"HugeReplace", "{{ ('a' * 99999) | replace('a', 'b' * 9999) }}", "memory"},
        Case{"HugeReplaceOfNothing", "{{ ('a' * 999999) | replace('', 'b' * 99) }}", "budget"},
        Case{"HugeIndent", "{{ ('a\\n' * 9999) | indent(10**9) }}", "budget"},
        Case{"HugeIndentOfText", "{{ ('a\\n' * 9999) | indent('x' * 9999) }}", "memory"},
        Case{"HugeCenter", "{{ 'a'.center(10**10) }}", "budget"},
        Case{"HugeZfill", "{{ 'a'.zfill(10**10) }}", "budget"},
        Case{"HugeTab", "{{ '\\t'.expandtabs(10**10) }}", "budget"},
        Case{"HugePercentWidth", "{{ '%1000000000s' % 'x' }}", "budget"},
        Case{"HugeFormatWidth", "{{ '{:1000000000}'.format('x') }}", "budget"},
        Case{"HugeBatch", "{{ [1] | batch(10**9, 'x') | list }}", "budget"},
        Case{"HugeSlice", "{{ [1] | slice(10**9) | list }}", "budget"},
        Case{"HugeJsonIndent",
             "{% set n = namespace(s=[]) %}{% for i in range(90) %}{% set n.s = [n.s, 1] %}"
             "{% endfor %}{{ n.s | tojson(indent='x' * 99999) }}",
             "memory"},
        Case{"ManyScans",
             "{% set s = 'x' * 999999 %}{% for i in range(99999) %}{{ s|length }}{% endfor %}",
             "steps"},
        Case{"ManySearches",
             "{% set s = 'x' * 999999 %}{% for i in range(99999) %}{{ 'y' in s }}{% endfor %}",
             "steps"},
        Case{"ManyIndexings",
             "{% set s = 'x' * 999999 %}{% for i in range(99999) %}{{ s[i] }}{% endfor %}",
             "steps"},
        Case{"ManyCaseChanges",
             "{% set s = 'x' * 999999 %}{% for i in range(99999) %}{% set t = s|upper %}{% endfor "
             "%}",
             "budget"},
        Case{"ManyClassTests",
             "{% set s = 'x' * 999999 %}{% for i in range(99999) %}{{ s.isalpha() }}{% endfor %}",
             "steps"},
        Case{"ManyStrips",
             "{% set s = ' ' * 999999 %}{% for i in range(99999) %}{{ s.strip() }}{% endfor %}",
             "steps"},
        Case{"ManySetStrips",
             "{% set s = 'a' * 999999 %}{% set c = 'b' * 9999 ~ 'a' %}"
             "{% for i in range(999) %}{{ s.strip(c) }}{% endfor %}",
             "steps"},
        Case{
            "ManyTruncations",
            "{% set s = 'x' * 999999 %}{% for i in range(99999) %}{% set t = s|truncate(2000000) %}"
            "{% set t = s.center(3) %}{% set t = s.removeprefix(s) %}{% endfor %}",
            "steps"},
        Case{"ManyLookups",
             "{% set s = 'x' * 999999 %}{% set d = {s: 1} %}{% for i in range(99999) %}"
             "{% set t = d[s ~ ''] %}{% endfor %}",
             "steps"},
        Case{"SlowSearch", "{{ ('a' * 999999).find('a' * 99999 ~ 'b') }}{{ range(10**9) }}",
             "100000"},
        Case{"SlowReverseSearch", "{{ ('a' * 999999).rfind('a' * 99999) }}", "steps"},
        Case{
            "BigDictLookups",
            "{% set n = namespace(l=[]) %}{% for i in range(50000) %}{% set n.l = n.l + [(i, i)] %}"
            "{% endfor %}{% set d = dict(n.l) %}",
            "steps"},
        Case{"Sorting",
             "{% set l = range(99999) | list %}{% for i in range(999) %}{% set m = l|sort %}"
             "{% endfor %}",
             "budget"},
        Case{"SortingMuch",
             "{% set n = namespace(s=[1]) %}{% for i in range(20) %}{% set n.s = n.s + n.s %}"
             "{% endfor %}{{ n.s|sort }}",
             "budget"},
        Case{"ReversingMuch",
             "{% set n = namespace(s=[1]) %}{% for i in range(20) %}{% set n.s = n.s + n.s %}"
             "{% endfor %}{% for i in range(9) %}{% set t = n.s|reverse|list %}{% endfor %}",
             "budget"},
        Case{"LargeSteps", "{% set s = 'x' * 20000000 %}{{ s[::2] }}", "budget"},
        Case{"LargeCaseChange", "{% set s = 'x' * 25000000 %}{{ s|upper }}", "budget"},
        Case{"LargeSplit", "{% set s = 'x ' * 999999 %}{{ s.split() }}", "budget"},
        Case{"LargeArguments", "{{ dict(*[[1, 2]] * 999999) }}", "budget"},
        Case{"Unique", "{{ range(99999) | unique | list }}", "steps"},
        Case{"HugePower", "{{ 10 ** 10 ** 10 }}", "64 bits"},
        Case{"HugeFloatPower", "{{ (9.0 ** 999) ** 999 }}{{ range(10**9) }}", "100000"},
        Case{"SelfNamespace",
             "{% set n = namespace() %}{% set n.n = n %}{{ n }}{{ n.n.n.n }}{{ range(10**9) }}",
             "100000"},
        Case{"ManyArguments", "{{ dict(*[range(99999)]*99) }}", "not iterable"},
        Case{"GrowingFormat",
             "{% set n = namespace(s='{0}{0}') %}{% for i in range(40) %}"
             "{% set n.s = n.s.format(n.s) %}{% endfor %}",
             "budget"}),
    name_of<Case>);

struct Probe {
  const char* name;
  const char* source;
  const char* text;   // what it renders to, or null
  const char* error;  // a part of the message where it fails
};

void PrintTo(const Probe& probe, std::ostream* out) { *out << probe.name; }

class Sandbox : public testing::TestWithParam<Probe> {};

TEST_P(Sandbox, GivesNothingOfTheHost) {
  const Probe& probe = GetParam();
  const Outcome outcome = render(probe.source, R"({"d": {"a": 1}, "l": [1]})");
  if (probe.text != nullptr) {
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.text, probe.text);
    return;
  }
  EXPECT_THAT(outcome.error, HasSubstr(probe.error));
  EXPECT_EQ(outcome.code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(
    J3, Sandbox,
    testing::Values(
        Probe{"ClassIsUndefined", "{{ ''.__class__ is defined }}", "False", nullptr},
        Probe{"ClassPrintsNothing", "[{{ ''.__class__ }}]", "[]", nullptr},
        Probe{"Mro", "{{ ''.__class__.__mro__ }}", nullptr, "'__class__' of 'str' is refused"},
        Probe{"Subclasses", "{{ ''['__class__']['__mro__'] }}", nullptr, "refused"},
        Probe{"ListClass", "{{ [].__class__.__base__.__subclasses__() }}", nullptr, "refused"},
        Probe{"Globals", "{{ range.__globals__ is defined }}", "False", nullptr},
        Probe{"FunctionCode", "{{ raise_exception.__code__.co_code }}", nullptr, "refused"},
        Probe{"AttrFilter", "{{ ''|attr('__class__') is defined }}", "False", nullptr},
        Probe{"FormatAttribute", "{{ '{0.__class__}'.format('') }}", "", nullptr},
        Probe{"FormatAttributes", "{{ '{0.__class__.__mro__}'.format('') }}", nullptr, "refused"},
        Probe{"MapAttribute", "{{ ['']|map(attribute='__class__.__mro__')|list }}", nullptr,
              "refused"},
        Probe{"Self", "{{ self is defined }}", "False", nullptr},
        Probe{"Lipsum", "{{ lipsum is defined }}", "False", nullptr},
        Probe{"Open", "{{ open('/etc/passwd') }}", nullptr, "'open' is undefined"},
        Probe{"ImportFunction", "{{ __import__('os') }}", nullptr, "'__import__' is undefined"},
        Probe{"Append", "{{ l.append(2) }}", nullptr, "'append' of 'list' is refused"},
        Probe{"Update", "{{ d.update({}) }}", nullptr, "'update' of 'dict' is refused"},
        Probe{"Pop", "{{ d.pop('a') }}{{ d }}", nullptr, "refused"},
        Probe{"RaisesItsText", "{{ raise_exception('roles must alternate') }}", nullptr,
              "roles must alternate"}),
    name_of<Probe>);

TEST(Interpreter, NamesTheLineOfAMistake) {
  EXPECT_EQ(render("a\n{% if true %}\n{{ [1,\n x.y] }}{% endif %}").error,
            "line 4: 'x' is undefined");
}

TEST(Interpreter, RaisesExactlyTheTextThatTheTemplateGives) {
  EXPECT_EQ(render("\n\n{{ raise_exception('Only user and assistant!') }}").error,
            "Only user and assistant!");
}

TEST(Interpreter, KeepsAccumulatingInALoopLinear) {
  const Outcome outcome = render(
      "{% set n = namespace(s='', l=[]) %}{% for i in range(50000) %}"
      "{% set n.s = n.s + 'twenty characters...' %}{% set n.l = n.l + [i] %}{% endfor %}"
      "{{ n.s|length }} {{ n.l|length }}");
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.text, "1000000 50000");
}

}  // namespace
}  // namespace minimax::text::jinja
