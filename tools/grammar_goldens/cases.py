# SPDX-License-Identifier: Apache-2.0
"""Grammars and texts of their languages. Texts that do not belong are made from these by small
changes, and a few are given."""

REGEX = [
    (r"[a-c]+d?", ["a", "abcabcd"], []),
    (r"(foo|bar|bazaar)(,(foo|bar|bazaar))*", ["foo", "bar,bazaar,foo"], ["foo,", "ba"]),
    (r"\d{3}-\d{4}", ["123-4567"], ["123-45678"]),
    (r"[A-Z][a-z]{0,8}( [A-Z][a-z]*)*", ["The Quick Brown", "A"], ["the"]),
    (r"(a|b)*abb", ["abb", "ababbabb"], ["ab"]),
    (r"-?(0|[1-9]\d*)(\.\d+)?", ["-12.50", "0", "7"], ["01", "-"]),
    (r"[^\"\n]{2,6}", ["hello", "\u00e4\u00f6\u20ac"], []),
    (r"\w+@\w+\.(com|org)", ["some_one@example.org"], ["a@b.net"]),
    (r"(\s*x\s*){2}", [" x\tx", "xx"], []),
    (r"[\u00e0-\u00ff\u4e00-\u9fff]+", ["\u00e9\u4e2d\u6587"], ["e"]),
    (r"(([01]\d|2[0-3]):[0-5]\d ){1,3}end", ["00:59 23:00 end"], ["24:00 end"]),
    (r"(a?){20}a{20}", ["a" * 25], ["a" * 19]),
    (r"(ab?){120,300}c", ["ab" * 120 + "c", "a" * 300 + "c"], ["a" * 119 + "c", "a" * 301 + "c"]),
    (r"([0-9]{3},){200,}", ["123," * 200, "123," * 250], ["123," * 199]),
]

GBNF = [
    ('root ::= "yes" | "no" | "maybe" " not"?', ["yes", "maybe not"], ["maybe no"]),
    ('root ::= "(" root ")" root | ""', ["", "(()())", "((()))()"], ["(()"]),
    (
        "root ::= expr\n"
        'expr ::= term (("+" | "-") term)*\n'
        'term ::= factor (("*" | "/") factor)*\n'
        'factor ::= number | "(" expr ")"\n'
        "number ::= [0-9]+",
        ["1+2*(3-44)", "((7))", "10/5/1"],
        ["1+", "(1"],
    ),
    (
        'root ::= "[" ws (value ("," ws value)*)? "]" ws\n'
        'value ::= string | "null" ws | root\n'
        'string ::= "\\"" [^"\\\\\\x00-\\x1f]* "\\"" ws\n'
        "ws ::= [ \\t\\n]{0,5}",
        ['["the", null, [ ["\u00e9t\u00e9"] ]]', "[]"],
        ["[,]", '["a"'],
    ),
    (
        'root ::= line{2,4}\nline ::= "- " [a-zA-Z ,.]{1,20} "\\n"',
        ["- the first\n- and, the second\n", "- a\n- b\n- c\n- d\n"],
        ["- a\n"],
    ),
    (
        'root ::= (who " " did " " whom ".")+\nwho ::= "the " ("cat" | "dog")\n'
        'did ::= "saw" | "heard"\nwhom ::= who | "nobody"',
        ["the cat saw nobody.the dog heard the cat."],
        ["the cat saw the."],
    ),
    ('root ::= a b\na ::= "x" a | "x"\nb ::= "y" b "z" | "w"', ["xxxyywzz", "xw"], ["xxyywz"]),
    ('root ::= s\ns ::= "a" s "a" | "b" s "b" | "c"', ["abcba", "aacaa"], ["abcab"]),
]

SCHEMAS = [
    ({"type": "object"}, [{}, {"a": [1, {"b": None}]}], []),
    (
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name", "age"],
            "additionalProperties": False,
        },
        [{"name": "the cat", "age": 5}, {"name": "", "age": -12}],
        [{"name": "x"}, {"name": 1, "age": 1}],
    ),
    (
        {
            "type": "object",
            "properties": {
                "a": {"type": "boolean"},
                "b": {"type": "null"},
                "c": {"enum": ["x", "yy", 3, None, True]},
            },
            "required": ["b"],
            "additionalProperties": False,
        },
        [{"a": True, "b": None, "c": "yy"}, {"b": None}, {"b": None, "c": 3}],
        [{"a": True}, {"b": None, "c": "y"}],
    ),
    (
        {"type": "array", "items": {"type": "integer", "minimum": 3, "maximum": 120}, "minItems": 1, "maxItems": 4},
        [[3], [120, 99, 4], [10, 20, 30, 100]],
        [[], [2], [121], [3, 3, 3, 3, 3]],
    ),
    (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": {"type": "null"}},
        [["a", 1.5], ["a", 2, None, None]],
        [["a", "b"], ["a", 1, 2]],
    ),
    ({"anyOf": [{"type": "string", "maxLength": 5}, {"type": "integer"}]}, ["abcde", 12], ["abcdef", 1.5]),
    ({"type": "string", "minLength": 2, "maxLength": 4}, ["ab", "\u00e9\u20acx", "abcd"], ["a", "abcde"]),
    ({"type": "string", "pattern": "^[a-z]+(-[0-9]+)?$"}, ["abc", "x-12"], ["X", "a-"]),
    ({"type": "number", "minimum": -1.5, "maximum": 2.25}, [-1.5, 0, 2.25, -0.75, 2], [-1.6, 2.3, 3]),
    ({"type": "integer", "exclusiveMinimum": 0}, [1, 10, 12345], [0, -1]),
    ({"type": "integer", "maximum": -7}, [-7, -10, -123], [-6, 0, 7]),
    ({"const": {"kind": "x", "list": [1, 2]}}, [{"kind": "x", "list": [1, 2]}], [{"kind": "x"}]),
    (
        {
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {
                        "v": {"type": "integer"},
                        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    },
                    "required": ["v", "next"],
                    "additionalProperties": False,
                }
            },
            "$ref": "#/$defs/node",
        },
        [{"v": 1, "next": None}, {"v": 1, "next": {"v": 2, "next": {"v": 3, "next": None}}}],
        [{"v": 1}, {"v": 1, "next": 2}],
    ),
    (
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "boolean"}}},
        [{}, {"x": [True], "a b": []}],
        [{"x": True}],
    ),
    ({"type": "string", "format": "date"}, ["2024-02-28", "1999-12-31"], ["2024-13-01", "2024-1-1"]),
    ({"type": "string", "format": "uuid"}, ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567"]),
    ({"type": "string", "format": "ipv4"}, ["192.168.0.255"], ["192.168.0.256", "1.2.3"]),
    (
        {
            "type": "object",
            "properties": {
                "place": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "array", "items": {"type": "string", "enum": ["mon", "tue"]}},
            },
            "required": ["place", "unit", "days"],
            "additionalProperties": False,
        },
        [{"place": "Z\u00fcrich \"old\" town", "unit": "celsius", "days": ["mon", "tue"]}],
        [{"place": "x", "unit": "kelvin", "days": []}],
    ),
    ({"type": "string", "pattern": "^[a-z]+$", "maxLength": 6}, ["a", "abcdef"], ["abcdefg", "A"]),
    (
        {
            "type": "object",
            "properties": {"id": {"type": "integer"}},
            "required": ["id"],
            "additionalProperties": {"type": "string"},
        },
        [{"id": 1}, {"id": 2, "i": "x", "ide": ""}],
        [{"id": "x"}, {"id": 1, "x": 1}],
    ),
    (
        {
            "type": "object",
            "properties": {
                "a": {"type": "string", "minLength": 1},
                "b": {"type": "array", "items": {"type": ["integer", "null"]}},
                "c": {"type": "number", "minimum": 0, "maximum": 1},
                "d": {"type": "object", "properties": {"e": {"const": 1}}, "additionalProperties": False},
            },
            "additionalProperties": False,
        },
        [{}, {"a": "x", "c": 0.5}, {"b": [1, None], "d": {"e": 1}}, {"d": {}}],
        [{"a": ""}, {"c": 1.5}],
    ),
    (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
                {"properties": {"a": {"maximum": 5}}},
            ]
        },
        [{"a": 3}, {"a": 5}],
        [{"a": 2}, {"a": 6}, {}],
    ),
    ({"type": "string", "format": "date-time"}, ["2024-02-28T12:30:00Z"], ["2024-02-30T12:30:00Z"]),
    ({"type": "string", "format": "email"}, ["a.b@example.org"], ["a@"]),
]
