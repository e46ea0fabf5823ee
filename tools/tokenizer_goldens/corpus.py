# SPDX-License-Identifier: Apache-2.0
"""The strings on which tokenizers are compared, and text to train small vocabularies on. Seeded:
every run gives the same strings."""

import random

# ruff: noqa: E501, RUF001
# fmt: off

SENTENCES = [
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "Once upon a time there was a small HTTPServer that couldn't say NO.",
    "I'll go; you're late, we've met, she'd know, I'm sure it's Tom's.",
    "DON'T SHOUT! YOU'LL SEE: WE'RE HERE, THEY'VE LEFT, IT'S O'CLOCK.",
    "Der Bär läuft über die Straße und trägt große Schuhe.",
    "L'été, où es-tu passé ? J'ai déjà oublié ça naïvement.",
    "El niño comió piñas y bebió agua ¡qué rico! ¿No?",
    "Zażółć gęślą jaźń, proszę bardzo.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "İstanbul'da ılık bir gün, ağaçlar yeşil.",
    "Быстрая лиса прыгает через ленивую собаку.",
    "Το γρήγορο αλεπουδάκι πηδάει, ΜΕΓΑΛΑ ΓΡΑΜΜΑΤΑ ΤΕΛΟΣ.",
    "השועל המהיר קופץ מעל הכלב.",
    "الثعلب السريع يقفز فوق الكلب الكسول، أليس كذلك؟",
    "تیز لومڑی سست کتے پر چھلانگ لگاتی ہے۔",
    "तेज़ लोमड़ी आलसी कुत्ते के ऊपर कूदती है।",
    "দ্রুত শিয়াল অলস কুকুরের উপর লাফ দেয়।",
    "வேகமான நரி சோம்பேறி நாயைத் தாண்டுகிறது.",
    "สุนัขจิ้งจอกกระโดดข้ามสุนัขขี้เกียจ",
    "မြန်ဆန်သော မြေခွေး ခုန်သည်။",
    "敏捷的狐狸跳过了懒狗，今天天气很好。",
    "素早い狐がのろまな犬を飛び越えた。カタカナとひらがな、全角ＡＢＣ１２３。",
    "빠른 여우가 게으른 개를 뛰어넘는다. 한국어 문장입니다.",
    "Con cáo nhanh nhẹn nhảy qua con chó lười.",
    "სწრაფი მელა ახტება ზარმაც ძაღლს.",
    "Արագ աղվեսը ցատկում է ծույլ շան վրայով։",
    "ፈጣን ቀበሮ በሰነፍ ውሻ ላይ ዘለለ።",
    "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎠᏂᏴᏫ",
    "ǅ ǈ ǋ ǲ are title case; ʰʷʲ are modifiers; ªº too.",
]

CODE = [
    "for (int i = 0; i < n; ++i) { sum += a[i]; }\n",
    "def f(x):\n    return x ** 2  # square\n\n\n",
    "\tif (!ptr->next) {\r\n\t\tbreak;\r\n\t}\r\n",
    "SELECT * FROM users WHERE id='42' AND name<>\"O'Neil\";",
    "https://example.org/path/to?q=1&r=%20#frag //comment\n/* block */",
    "{\"key\": [1, 2.5e-10, null, true], \"s\": \"\\u00e9\\n\"}",
    "<div class=\"a-b_c\">text</div><!-- x -->",
    "camelCaseName snake_case_name SCREAMING_CASE XMLHttpRequest2 iPhone15Pro",
    "0xDEADBEEF 1_000_000 3.14159 1e-5 v1.2.3-rc4 192.168.0.1",
    "#include <vector>\n#define MAX(a,b) ((a)>(b)?(a):(b))\n",
    "$PATH ~/bin && ls -la | grep 'x' > out.txt 2>&1\n",
    "a+=b-=c*=d/=e%=f&=g|=h^=i<<=j>>=k;",
]

WHITESPACE = [
    " ", "  ", "   ", "    ", "\t", "\t\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\r", " \n",
    "\n ", " \t ", "\n\t", "\u00a0", "\u2003", "\u3000", "\u2028", "\u2029", "\u0085", "\x0b",
    "\x0c", "\u1680", "\u180e", "\u200b", "\u202f", "\u205f", "\ufeff", " \u00a0 ", "\x1c", "\x1f",
    " " * 9, "\n" * 5, " " * 17 + "\n", "\t" * 6,
]

NUMBERS = [
    "0", "7", "42", "123", "1234", "12345", "1234567890", "3.14", "1,000,000", "²³", "½", "Ⅻ",
    "٣٤٥", "१२३", "１２３４", "①②③④", "〇一二", "1st", "2nd", "x1y22z333", "1e10", "007", "-5", "+3",
    "𝟘𝟙𝟚𝟛", "৪৫", "፩፪",
]

CONTRACTIONS = [
    "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'lL", "'D", "'ſ",
    "’s", "''s", "'", "'x", "'r", "'l", "'v", "'sx", "'dd", "s'", "'ré", "'\n", "' s",
]

EMOJI = [
    "😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☃", "✈️", "1️⃣", "🤷🏿‍♀️", "🫠", "🪿", "🧑‍🚀",
]

MARKS = [
    "e\u0301", "a\u0323\u0302", "\u0301", "\u0301A", "\u0301AB", "A\u0301", "AB\u0301", "Ab\u0301C",
    "\u0301\u0302\u0303", "n\u0303o", "i\u0307", "q\u0307\u0323", "\u1100\u1161\u11a8", "\uac00\u11a8",
    "\u0915\u094d\u0937\u093f", "\u0e01\u0e33", "Z\u0351\u036b\u0343", "\u212b", "\u1e9b\u0323", "ﬁﬂﬀ",
    "\u0344", "\u0958", "\u2126", "\ufb1d", "\u0f43", "x\u20dd", "\u034f", "\u200d", "\ufe0f",
]

SYMBOLS = [
    "!", "?!", "...", "--", "—", "…", "«»", "“quoted”", "(a)", "[b]", "{c}", "@user", "#tag", "$5",
    "€10", "£", "¥", "%", "^", "&", "*", "~", "`", "|", "\\", "/", "//", "/\n/", "!\n", ".\r\n/", "°C",
    "©®™", "±×÷", "√∑∏∫", "→⇒", "■□", "、。", "！？", "《》", "<|x|>", "</s>", "_", "__init__", "-_-",
    "\x00", "\x01\x02", "\x7f", "\ufffd", "\ue000", "\U000e0041\U000e0042", "\U0010fffd", "\u0378",
]

SPECIAL = [
    "<end_of_document>", "<begin_of_document>", "<beginning_of_sentence>", "<end_of_sentence>",
    "<end_of_sentence", "<end_of_<end_of_sentence>sentence>", "<think>", "</think>", "<0x41>",
]

CASES = [
    "HELLOworld", "helloWORLD", "HelloWorld", "HELLOあ", "あHELLO", "aあB", "AあBc", "ÀÉÎ", "éÉ", "ΑΒγ",
    "ЖжЖ", "ǅaA", "aʰB", "Aʰ", "中文ABC", "ABC中文def", "IPv6", "iOS", "McDonald", "ß", "ſ", "Kelvin K",
    "\u0345", "\u24b6\u24d0", "\U0001d400\U0001d41a", "Ⓐⓐ", "ⅠⅡⅲ", "ꟊꟋ", "𐐀𐐨", "𞤀𞤢", "Ა", "ა",
]

POOLS = [WHITESPACE, NUMBERS, CONTRACTIONS, EMOJI, MARKS, SYMBOLS, SPECIAL, CASES, CODE]

# fmt: on


def all_words():
    return [word for sentence in SENTENCES for word in sentence.split()]


def code_point_strings(code_points, rng):
    """Every code point twice: among its neighbours, and among strangers, letters and spaces."""
    size = 40
    strings = []
    for i in range(0, len(code_points), size):
        strings.append("".join(map(chr, code_points[i : i + size])))
    mixed = list(code_points)
    rng.shuffle(mixed)
    joints = ["", "", " ", "a", "A", "1", "\n", "'s", "/", "  "]
    for i in range(0, len(mixed), size):
        strings.append("".join(chr(c) + rng.choice(joints) for c in mixed[i : i + size]))
    return strings


def random_string(rng, words):
    """Fragments of all kinds, most of them joined without a space."""
    parts = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        if kind < 0.3:
            parts.append(rng.choice(words))
        elif kind < 0.45:
            parts.append(" " + rng.choice(words))
        elif kind < 0.5:
            parts.append(rng.choice(SENTENCES))
        elif kind < 0.6:
            parts.append(rng.choice(CONTRACTIONS))
        elif kind < 0.75:
            parts.append(rng.choice(WHITESPACE))
        else:
            parts.append(rng.choice(rng.choice(POOLS)))
    return "".join(parts)


def runs():
    """Runs of one thing, where rules that count or look ahead go wrong."""
    strings = []
    for unit in [
        "a",
        "A",
        " ",
        "\n",
        "\t",
        "1",
        "'",
        "!",
        "é",
        "中",
        "\u0301",
        "😀",
        "\r\n",
        "aA",
        "' ",
    ]:
        for count in (1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 64, 200):
            strings += [
                unit * count,
                unit * count + "x",
                "x" + unit * count,
                " " + unit * count + " y",
            ]
    return strings


def golden_strings(code_points, count, seed=20250101):
    rng = random.Random(seed)
    words = all_words()
    strings = ["", *SENTENCES, *CODE, *runs()]
    for pool in POOLS:
        strings += pool
    strings += code_point_strings(code_points, rng)
    while len(strings) < count:
        strings.append(random_string(rng, words))
    return strings


def training_text(lines=6000, seed=7):
    """Text with the words above in the proportions of no language, but with all their shapes."""
    rng = random.Random(seed)
    words = all_words()
    for _ in range(lines):
        line = [
            rng.choice(words if rng.random() < 0.5 else SENTENCES) for _ in range(rng.randint(1, 6))
        ]
        yield rng.choice([" ", " ", "  ", ", ", "\n"]).join(line) + rng.choice(
            CODE + WHITESPACE + NUMBERS
        )


def feature_strings():
    """A few hundred short strings for tokenizers of which only one thing is looked at."""
    rng = random.Random(99)
    words = all_words()
    strings = ["", " ", "a", " a", "a ", "  a  b  ", "a,b,,c,", ",", ",,", "aXbXXc", "ABC abc Abc"]
    strings += ["12 ab34 5-6", "x1", "line one\nline two\n\nline four", "\nb\na", "tab\there"]
    strings += ["<s>hi</s>", "<S>", "a<s>", " <s> a", "a  <mask>  b", "a<mask>b", "<mask><mask>"]
    strings += [
        "word",
        "a word here",
        "words",
        "sword",
        "word.",
        "(word)",
        "éword",
        "word_",
        "WORD",
    ]
    strings += [
        "<extra>",
        "<extra><extra_1>",
        "<extra_1",
        "a.*b",
        "[x]+",
        "a.xb",
        "caf\u00e9 CAF\u00c9",
    ]
    strings += [
        "cafe\u0301",
        "\u2581a\u2581b",
        "\u2581",
        "a\u2581",
        "\u00c5\u212b",
        "Ünïcode",
        "ﬁn Ａ",
    ]
    strings += MARKS + CONTRACTIONS + NUMBERS + CASES + EMOJI + WHITESPACE + SENTENCES[::3]
    strings += [random_string(rng, words) for _ in range(40)]
    return strings
