# SPDX-License-Identifier: Apache-2.0
"""xgrammar and llguidance behind one interface: a text is accepted or not, a prefix has a mask."""

import json

import llguidance
import numpy
import xgrammar

END = 3  # <end_of_sentence> of the demonstration model


def byte_alphabet():
    """The byte that each character of a byte-level vocabulary stands for."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


class Words:
    """The vocabulary of a tokenizer.json, as bytes; special tokens are left out."""

    def __init__(self, path):
        data = json.loads(path.read_text(encoding="utf-8"))
        alphabet = byte_alphabet()
        self.special = {token["id"] for token in data["added_tokens"]}
        self.size = 1 + max(max(data["model"]["vocab"].values()), *self.special)
        self.tokens = [b""] * self.size
        for text, token in data["model"]["vocab"].items():
            if token not in self.special:
                self.tokens[token] = bytes(alphabet[c] for c in text)
        self.ids = {text: token for token, text in enumerate(self.tokens) if text}

    def cut(self, data):
        """The longest tokens of which some bytes consist."""
        ids = []
        while data:
            length = next(n for n in range(min(len(data), 32), 0, -1) if data[:n] in self.ids)
            ids.append(self.ids[data[:length]])
            data = data[length:]
        return ids


class XGrammar:
    """One grammar in xgrammar."""

    def __init__(self, words, kind, source):
        spelled = [text or b"<special %d>" % i for i, text in enumerate(words.tokens)]
        info = xgrammar.TokenizerInfo(spelled, xgrammar.VocabType.RAW, vocab_size=words.size, stop_token_ids=[END])
        compiler = xgrammar.GrammarCompiler(info)
        if kind == "json_schema":
            self.compiled = compiler.compile_json_schema(json.dumps(source), any_whitespace=True, strict_mode=True)
        elif kind == "regex":
            self.compiled = compiler.compile_regex(source)
        else:
            self.compiled = compiler.compile_grammar(xgrammar.Grammar.from_ebnf(source))
        self.words = words

    def accepts(self, text):
        matcher = xgrammar.GrammarMatcher(self.compiled)
        return matcher.accept_string(text) and matcher.accept_token(END)

    def mask(self, tokens):
        matcher = xgrammar.GrammarMatcher(self.compiled)
        for token in tokens:
            if not matcher.accept_token(token):
                return None
        mask = xgrammar.allocate_token_bitmask(1, self.words.size)
        mask[:] = -1
        matcher.fill_next_token_bitmask(mask)
        bits = numpy.unpackbits(mask.numpy().view(numpy.uint8), bitorder="little")
        return clean(bits, self.words)


class LLGuidance:
    """One grammar in llguidance. Schemas are as strict as ours: no properties but the named ones."""

    def __init__(self, words, path, kind, source):
        self.tokenizer = llguidance.LLTokenizer(str(path), eos_token=END)
        if kind == "json_schema":
            self.grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(source))
        elif kind == "regex":
            self.grammar = llguidance.LLMatcher.grammar_from_regex(as_in_ecma(source))
        else:
            lark = llguidance.gbnf_to_lark.gbnf_to_lark(source)
            self.grammar = llguidance.LLMatcher.grammar_from_lark(lark)
        self.words = words
        if self.matcher().is_error():
            raise ValueError(self.matcher().get_error())

    def matcher(self):
        return llguidance.LLMatcher(self.tokenizer, self.grammar, log_level=0)

    def accepts(self, text):
        matcher = self.matcher()
        return matcher.consume_tokens(self.words.cut(text.encode())) and matcher.is_accepting()

    def mask(self, tokens):
        matcher = self.matcher()
        if tokens and not matcher.consume_tokens(tokens):
            return None
        bits = numpy.unpackbits(numpy.frombuffer(matcher.compute_bitmask(), numpy.uint8), bitorder="little")
        return clean(bits, self.words)


def as_in_ecma(pattern):
    """The named sets spelled out: in llguidance they are those of Unicode."""
    spaces = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
    for name, members in ((r"\d", "0-9"), (r"\w", "0-9A-Za-z_"), (r"\s", spaces)):
        pattern = pattern.replace(name, f"[{members}]")
    return pattern


def clean(bits, words):
    """The bits of tokens that have bytes, and of the end."""
    bits = bits[: words.size].copy()
    for token, text in enumerate(words.tokens):
        if not text and token != END:
            bits[token] = 0
    return bits
