#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Markdown becomes on the page, and in which time."""

import random
import unittest

import browser
import stub_server

RENDER = """async (text) => {
  const { MarkdownView } = await import("/web/markdown.js");
  const container = document.createElement("div");
  new MarkdownView(container).update(text);
  for (const each of container.querySelectorAll(".code-bar")) each.remove();
  for (const each of container.querySelectorAll("*")) {
    for (const name of ["rel", "target", "tabindex", "aria-label", "role"]) {
      each.removeAttribute(name);
    }
  }
  return container.innerHTML;
}"""

# As above, letter by letter as a stream brings it.
RENDER_GROWING = """async ([text, steps]) => {
  const { MarkdownView } = await import("/web/markdown.js");
  const [whole, growing] = [0, 1].map(() => document.createElement("div"));
  new MarkdownView(whole).update(text);
  const view = new MarkdownView(growing);
  for (let i = 0; i <= steps; ++i) view.update(text.slice(0, Math.ceil((text.length * i) / steps)));
  return whole.innerHTML === growing.innerHTML;
}"""

SECONDS = """async (text) => {
  const { MarkdownView } = await import("/web/markdown.js");
  const view = new MarkdownView(document.createElement("div"));
  const begin = performance.now();
  view.update(text);
  return (performance.now() - begin) / 1000;
}"""

CASES = {
    "plain": "<p>plain</p>",
    "two\nlines\n\nand more": "<p>two\nlines</p><p>and more</p>",
    "hard  \nbreak\\\nhere": "<p>hard<br>break<br>here</p>",
    "*a* **b** ***c*** ~~d~~ _e_ __f__": (
        "<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em> <del>d</del> <em>e</em> "
        "<strong>f</strong></p>"
    ),
    "**a *b* c**": "<p><strong>a <em>b</em> c</strong></p>",
    "snake_case_name 2*3*4 * a": "<p>snake_case_name 2<em>3</em>4 * a</p>",
    "**open and *open": "<p>**open and *open</p>",
    r"\*a\* \[b](http://c.de)": '<p>*a* [b](<a href="http://c.de/">http://c.de</a>)</p>',
    "`a*b*` `` a`b `` `open": "<p><code>a*b*</code> <code>a`b</code> `open</p>",
    "# A\n### B #\n#C": '<h3 class="level-1">A</h3><h5 class="level-3">B</h5><p>#C</p>',
    "a\n***\nb": "<p>a</p><hr><p>b</p>",
    "> a\nb\n> > c": "<blockquote><p>a\nb</p><blockquote><p>c</p></blockquote></blockquote>",
    "- a\n- b\n  - c\n  - d\n- e": (
        "<ul><li>a</li><li>b<ul><li>c</li><li>d</li></ul></li><li>e</li></ul>"
    ),
    "- a\n\n- b": "<ul><li><p>a</p></li><li><p>b</p></li></ul>",
    "3. a\n4. b": '<ol start="3"><li>a</li><li>b</li></ol>',
    "1. a\n   ```\n   x\n   ```\n2. b": (
        '<ol><li>a<div class="code"><pre><code>x</code></pre></div></li><li>b</li></ol>'
    ),
    "```c++\nif (a < b) {\n\n}\n```\nend": (
        '<div class="code"><pre><code>if (a &lt; b) {\n\n}</code></pre></div><p>end</p>'
    ),
    "~~~\nnever closed": '<div class="code"><pre><code>never closed</code></pre></div>',
    "a | b\n--|:-:\n`x` | y\\|z\n\nend": (
        '<div class="table"><table><thead><tr><th>a</th><th class="to-center">b</th></tr></thead>'
        '<tbody><tr><td><code>x</code></td><td class="to-center">y|z</td></tr></tbody></table>'
        "</div><p>end</p>"
    ),
    "a | b\nno table": "<p>a | b\nno table</p>",
    '[a *b*](https://c.de/d_(e) "t")': '<p><a href="https://c.de/d_(e)">a <em>b</em></a></p>',
    "see https://a.de/b_c. (https://d.ef)": (
        '<p>see <a href="https://a.de/b_c">https://a.de/b_c</a>. '
        '(<a href="https://d.ef/">https://d.ef</a>)</p>'
    ),
    "<https://a.de> <mailto:a@b.de>": (
        '<p><a href="https://a.de/">https://a.de</a> <a href="mailto:a@b.de">mailto:a@b.de</a></p>'
    ),
    "![alt](https://a.de/b.png)": '<p><a href="https://a.de/b.png">alt</a></p>',
    "[a](javascript:x) [b](/c) [d](file:///e)": "<p>[a](javascript:x) [b](/c) [d](file:///e)</p>",
    "<b onclick='x'>&amp;</b>": "<p>&lt;b onclick='x'&gt;&amp;amp;&lt;/b&gt;</p>",
}

# Each is a trap for some way to look for an end that is not there.
TRAPS = [
    *("*a ", "_a", "**a*", "*a* ", "~~a", "`", "``a`", "*_", "**_~~[", "\\", "h", "\t", "\n", " "),
    *("[", "[a](", "[a](b", "![", "](", "[a]", "[a](b (c", "[x](<", "![a](http://b.c) ", "(("),
    *("<", "<https://", "https://a.", "http://a(", "> ", "> \n", "#", "# ", " #", "---", "- -"),
    *("- ", "- a\n  ", "- a\n\n", "1. a\n", "|", "|a\n", "a|b\n-|-\n", "    a\n", "a  \n"),
    *("```\n", "~~~\n"),
]


class Markdown(browser.PageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = stub_server.StubServer()
        cls.addClassCleanup(cls.server.shutdown)
        cls.url = cls.server.url

    def setUp(self):
        self.open()

    def test_becomes_nodes(self):
        for text, wanted in CASES.items():
            with self.subTest(text):
                self.assertEqual(self.page.evaluate(RENDER, text), wanted)

    def test_grows_into_what_it_is_as_a_whole(self):
        text = "\n\n".join(CASES)
        self.assertTrue(self.page.evaluate(RENDER_GROWING, [text, len(text)]))
        rng = random.Random(7)
        for _ in range(30):
            text = "".join(rng.choice(TRAPS) for _ in range(60))
            self.assertTrue(self.page.evaluate(RENDER_GROWING, [text, 60]), repr(text))

    def test_takes_time_in_proportion_to_the_text(self):
        # A quadratic search takes minutes for these, a linear one half a second.
        for trap in TRAPS:
            text = (trap * (200_000 // len(trap) + 1))[:200_000]
            for end in ("", "x", ")", "\n"):
                seconds = self.page.evaluate(SECONDS, text + end)
                self.assertLess(seconds, 10.0, repr(trap + end))


if __name__ == "__main__":
    unittest.main()
