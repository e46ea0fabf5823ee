# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers of which each shows one feature of tokenizer.json."""

import json

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

# ruff: noqa: RUF001

GPT4_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SYMBOL_PATTERN = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
BYTE_DECODER = {
    "type": "ByteLevel",
    "add_prefix_space": True,
    "trim_offsets": True,
    "use_regex": True,
}


def train_bytes(strings):
    """A byte-level model whose merges cross every boundary, so that all splits can be seen."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(strings * 2, trainer)
    return json.loads(tokenizer.to_str())["model"]


def train_characters(strings):
    """A model of characters with byte tokens, as models with byte fallback have it."""
    tokenizer = Tokenizer(models.BPE())
    specials = ["<unk>"] + [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        min_frequency=2,
        show_progress=False,
        special_tokens=specials,
        limit_alphabet=150,
        initial_alphabet=["\u2581"],
    )
    text = [s.replace(" ", "\u2581") for s in strings if s.isascii()]
    tokenizer.train_from_iterator(text * 2, trainer)
    return json.loads(tokenizer.to_str())["model"]


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*parts, name="pretokenizers"):
    return {"type": "Sequence", name: list(parts)}


def cut(*stages):
    """A byte-level tokenizer with these stages in front."""
    return {"pre_tokenizer": sequence(*stages, BYTES), "decoder": BYTE_DECODER}


def normal(*steps):
    return {
        "normalizer": steps[0] if len(steps) == 1 else sequence(*steps, name="normalizers"),
        "pre_tokenizer": BYTES,
        "decoder": BYTE_DECODER,
    }


def added(content, **flags):
    token = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return {"content": content, **token, **flags}


def tokens(*entries, **members):
    return {"pre_tokenizer": BYTES, "decoder": BYTE_DECODER, "added": list(entries), **members}


def normalizer_cases():
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase"):
        yield f"normalizer_{form.lower()}", normal({"type": form})
    yield "normalizer_strip_accents", normal({"type": "NFD"}, {"type": "StripAccents"})
    for left, right in ((True, True), (True, False), (False, True)):
        step = {"type": "Strip", "strip_left": left, "strip_right": right}
        yield f"normalizer_strip_{left}_{right}".lower(), normal(step)
    yield "normalizer_prepend", normal({"type": "Prepend", "prepend": "\u2581"})
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    yield "normalizer_replace_string", normal(replace)
    shorten = {"type": "Replace", "pattern": {"Regex": " {2,}|\\n+"}, "content": " "}
    yield "normalizer_replace_regex", normal(shorten)
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    yield "normalizer_sequence", normal({"type": "NFKC"}, {"type": "Lowercase"}, strip, replace)


def split_cases():
    behaviors = ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous")
    for behavior in behaviors:
        for invert in (False, True):
            name = f"split_{behavior}_{'inverted' if invert else 'plain'}".lower()
            yield name, cut(split(",", behavior, invert, "String"))
            yield name + "_regex", cut(split(r"\d+|\s", behavior, invert))
            yield name + "_empty_matches", cut(split(r"x*", behavior, invert))
    patterns = {
        "gpt4": GPT4_PATTERN,
        "symbols": SYMBOL_PATTERN,
        "digits3": r"\p{N}{1,3}",
        "cjk": "[一-龥぀-ゟ゠-ヿ]+",
        "letters": r"\p{L}+|\P{L}",
        "case": r"\p{Lu}\p{Ll}*|\p{Lt}|\p{Lm}",
        "word": r"\w+",
        "not_word": r"\W",
        "space": r"\s",
        "not_space": r"\S+",
        "decimal": r"\d",
        "not_decimal": r"\D+",
        "hex": r"\h+",
        "lines": r"^.|.$",
        "behind": r"(?<=\p{L})\p{N}|(?<!a)b",
        "ahead": r"a(?=b)|[^\s\w](?!\s)",
        "any_case": r"(?i:tom|ſ|é|Σ)",
        "possessive": r"[^\r\n\p{L}\p{N}]?+\p{L}++|\s++$|\s*[\r\n]|\s",
        "marks": r"\p{M}|\p{P}|\p{S}|\p{Z}|\p{Cf}",
        "posix": r"[[:punct:]]|[[:digit:]_]+|[^[:space:]a]",
        "dot": r"..",
        "scripts": r"\p{Han}+|\p{Katakana}|[\p{Latin}\p{Cyrillic}]+|\P{Common}",
    }
    for name, pattern in patterns.items():
        yield f"pattern_{name}", cut(split(pattern))
    yield "pattern_gpt4_inverted", cut(split(GPT4_PATTERN, "Removed", True))


def pre_tokenizer_cases():
    for individual in (False, True):
        digits = {"type": "Digits", "individual_digits": individual}
        yield f"digits_{individual}".lower(), cut(digits)
    byte_level = {**BYTES, "use_regex": True}
    yield "byte_level", {"pre_tokenizer": byte_level, "decoder": BYTE_DECODER}
    prefixed = {**BYTES, "add_prefix_space": True}
    yield "byte_level_prefix", {"pre_tokenizer": prefixed, "decoder": BYTE_DECODER}
    yield "byte_level_prefix_regex", cut({**byte_level, "add_prefix_space": True})
    yield (
        "byte_level_then_split",
        {"pre_tokenizer": sequence(BYTES, split("\u0120", kind="String"))},
    )
    yield (
        "digits_byte_level",
        {
            "pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, byte_level),
            "decoder": BYTE_DECODER,
        },
    )
    yield "whitespace", cut({"type": "Whitespace"})
    yield "whitespace_split", cut({"type": "WhitespaceSplit"})
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        step = {"type": "Punctuation", "behavior": behavior}
        yield f"punctuation_{behavior}".lower(), cut(step)
    for scheme in ("always", "first", "never"):
        for splits in (True, False):
            step = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme}
            yield (
                f"metaspace_{scheme}_{splits}".lower(),
                {
                    "model": "characters",
                    "pre_tokenizer": {**step, "split": splits},
                    "decoder": {**step, "split": splits},
                    "model_members": {"unk_token": "<unk>"},
                    "added": [added("<s>", special=True)],
                },
            )


def model_cases():
    llama = {
        "model": "characters",
        "normalizer": sequence(
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
            name="normalizers",
        ),
        "decoder": sequence(
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            name="decoders",
        ),
    }
    fallback = {"unk_token": "<unk>", "byte_fallback": True, "fuse_unk": True}
    yield "model_byte_fallback", {**llama, "model_members": fallback}
    yield "model_unk", {**llama, "model_members": {"unk_token": "<unk>"}}
    fused = {"unk_token": "<unk>", "fuse_unk": True}
    yield "model_fused_unk", {**llama, "model_members": fused}
    yield "model_no_unk", {**llama, "model_members": {}}
    yield "model_ignore_merges", {**llama, "model_members": {**fused, "ignore_merges": True}}
    yield (
        "model_ignore_merges_bytes",
        {
            **cut(split(r"\s+")),
            "model_members": {"ignore_merges": True},
        },
    )
    affixes = {"continuing_subword_prefix": "##", "end_of_word_suffix": "</w>", "unk_token": "<u>"}
    yield (
        "model_affixes",
        {
            "model": "affixes",
            "model_members": affixes,
            "pre_tokenizer": {"type": "Whitespace"},
            "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
        },
    )
    yield "decoder_none", {**llama, "decoder": None, "model_members": fallback}
    strip_both = {"type": "Strip", "content": "e", "start": 2, "stop": 2}
    yield (
        "decoder_strip_tokens",
        {
            "pre_tokenizer": BYTES,
            "decoder": sequence(BYTE_DECODER, strip_both, name="decoders"),
        },
    )
    replace = {"type": "Replace", "pattern": {"Regex": "[aeiou]+"}, "content": "*"}
    yield "decoder_replace_regex", {**llama, "decoder": replace, "model_members": fallback}


def added_token_cases():
    yield "added_special", tokens(added("<s>", special=True), added("</s>", special=True))
    yield (
        "added_overlap",
        tokens(
            added("<extra>", special=True),
            added("<extra"),
            added("<extra>word"),
            added("a.*b"),
            added("[x]+"),
            added("word", special=True),
        ),
    )
    for flags in (("lstrip",), ("rstrip",), ("lstrip", "rstrip")):
        flag_set = dict.fromkeys(flags, True)
        yield (
            "added_" + "_".join(flags),
            tokens(added("<mask>", special=True, **flag_set), added("word", **flag_set)),
        )
    yield (
        "added_single_word",
        tokens(added("word", single_word=True), added("a", single_word=True, special=True)),
    )
    lower = {"normalizer": sequence({"type": "NFKC"}, {"type": "Lowercase"}, name="normalizers")}
    yield (
        "added_normalized",
        tokens(
            added("WORD", normalized=True),
            added("CAFÉ", normalized=True, special=True),
            added("ABC"),
            added("<s>", special=True),
            **lower,
        ),
    )
    yield (
        "added_normalized_strip",
        tokens(
            added("Word", normalized=True, lstrip=True, rstrip=True),
            added("A", normalized=True),
            **lower,
        ),
    )
    yield "added_in_vocabulary", tokens(added("th"), added("e", special=True))
    template = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            "<s>": {"id": "<s>", "ids": [], "tokens": ["<s>"]},
            "</s>": {"id": "</s>", "ids": [], "tokens": ["</s>", "x"]},
        },
    }
    both = (added("<s>", special=True), added("</s>", special=True))
    yield "template", tokens(*both, post_processor=template)
    yield (
        "template_sequence",
        tokens(*both, post_processor=sequence(BYTES, template, name="processors")),
    )


def all_cases():
    for group in (
        normalizer_cases,
        split_cases,
        pre_tokenizer_cases,
        model_cases,
        added_token_cases,
    ):
        yield from group()


def affix_model():
    """A tiny model with a prefix inside words and a suffix at their end, merged by hand."""
    letters = "abcdehlorstw"
    vocab = ["<u>", *letters]
    vocab += ["##" + c for c in letters] + [c + "</w>" for c in letters]
    vocab += ["##" + c + "</w>" for c in letters]
    merges = []
    for left, right in (
        ("w", "##o"),
        ("wo", "##r"),
        ("wor", "##d</w>"),
        ("##r", "##e</w>"),
        ("h", "##e"),
        ("he", "##re</w>"),
        ("##o", "##r"),
        ("##l", "##d</w>"),
    ):
        merges.append([left, right])
        vocab.append(left + right[2:])
    return {"type": "BPE", "vocab": {t: i for i, t in enumerate(vocab)}, "merges": merges}
