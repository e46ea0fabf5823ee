// SPDX-License-Identifier: Apache-2.0
#include "grammar/string_formats.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>
#include <vector>

namespace minimax::grammar {
namespace {

// Every month with its days, of the years 1000 to 9999; the 29th of February only in leap years.
std::string date() {
  const std::string leap_year =
      "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)";
  const std::string days =
      "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
      "|02-(0[1-9]|1[0-9]|2[0-8]))";
  return "([1-9][0-9]{3}-" + days + "|" + leap_year + "-02-29)";
}

std::string time() {
  const std::string hours = "([01][0-9]|2[0-3])";
  return hours + ":[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]" + hours + ":[0-5][0-9])";
}

std::string uuid() {
  return "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
}

// At most three labels, so that a name keeps to the 253 characters that it may have.
std::string hostname() {
  const std::string label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  return label + "(\\." + label + "){0,2}";
}

std::string email() {
  const std::string atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,32}";
  return atom + "(\\." + atom + ")?@" + hostname();
}

std::string ipv4() {
  const std::string byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  return fmt::format("({0}\\.){{3}}{0}", byte);
}

// Eight groups, of which one run of at least one may be written as "::".
std::string ipv6() {
  const std::string group = "[0-9a-fA-F]{1,4}";
  std::vector<std::string> forms = {fmt::format("({0}:){{7}}{0}", group),
                                    fmt::format("({0}:){{1,7}}:", group),
                                    fmt::format(":((:{0}){{1,7}}|:)", group)};
  for (int before = 1; before <= 6; ++before) {
    forms.push_back(fmt::format("({0}:){{{1}}}(:{0}){{1,{2}}}", group, before, 7 - before));
  }
  return fmt::format("({})", fmt::join(forms, "|"));
}

std::string uri() {
  const std::string character = "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})";
  return "[A-Za-z][A-Za-z0-9+.-]{0,15}://" + hostname() + "(:[0-9]{1,5})?(/" + character +
         "*)?(\\?" + character + "*)?(#" + character + "*)?";
}

struct Format {
  const char* name;
  std::string (*pattern)();
};

constexpr Format kFormats[] = {
    {"date", date}, {"time", time},         {"date-time", [] { return date() + "T" + time(); }},
    {"uuid", uuid}, {"hostname", hostname}, {"email", email},
    {"ipv4", ipv4}, {"ipv6", ipv6},         {"uri", uri},
};

}  // namespace

std::string pattern_of_format(const std::string& format) {
  for (const Format& known : kFormats) {
    if (format == known.name) {
      return "^(" + known.pattern() + ")$";
    }
  }
  return "";
}

std::string known_formats() {
  std::vector<std::string_view> names;
  for (const Format& format : kFormats) {
    names.emplace_back(format.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace minimax::grammar
