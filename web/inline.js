// SPDX-License-Identifier: Apache-2.0
// Markdown to DOM nodes, what stands inside a line: code, emphasis, links. One pass with a stack;
// what is found is moved into its element once for every level, of which there are few.

const kNesting = 12;
const kUrl = /https?:\/\/[^\s<>"'`]+/y;
const kAngleUrl = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const kTarget = /\(\s{0,8}(?:<([^<>\n]{0,2000})>|((?:[^\s()\\<]|\\.|\([^\s()]{0,500}\)){0,2000}))(?:\s{1,8}(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?\s{0,8}\)/y;
const kSentenceEnds = ".,;:!?*_~]";
const kPunctuation = /[!-/:-@[-`{-~]/;
const kSpecial = /[\\`*_~[\]<!\nh]/g;

/** The address of a link that may be followed, or null: no scripts, no files, nothing of our own. */
export function safeUrl(text) {
  try {
    const url = new URL(text.replace(/\\([!-/:-@[-`{-~])/g, "$1"));
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

// Without a spread: there may be more nodes than a call has room for.
function withChildren(node, children) {
  for (const child of children) {
    node.append(child);
  }
  return node;
}

function linkNode(url, children) {
  const link = document.createElement("a");
  link.href = url;
  link.rel = "noopener noreferrer nofollow";
  link.target = "_blank";
  return withChildren(link, children);
}

// Where each run of backticks ends, by its length: a code span ends at the next run as long as its
// first.
class Backticks {
  constructor(text) {
    this.byLength = new Map();
    for (const run of text.matchAll(/`+/g)) {
      const length = run[0].length;
      if (!this.byLength.has(length)) {
        this.byLength.set(length, { at: 0, starts: [] });
      }
      this.byLength.get(length).starts.push(run.index);
    }
  }
  next(length, from) {
    const runs = this.byLength.get(length);
    while (runs && runs.at < runs.starts.length && runs.starts[runs.at] < from) {
      ++runs.at;
    }
    return runs?.starts[runs.at] ?? -1;
  }
}

class InlineReader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.plain = "";
    this.nodes = []; // what is done: nodes, and marks {mark, count} that may still open something
    this.marks = []; // the places of marks in nodes
    this.open = { "*": 0, _: 0, "~": 0, "[": 0 };
    this.backticks = new Backticks(text);
  }

  flush() {
    if (this.plain) {
      this.nodes.push(document.createTextNode(this.plain));
      this.plain = "";
    }
  }

  push(node) {
    this.flush();
    this.nodes.push(node);
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    this.at += match ? match[0].length : 0;
    return match;
  }

  pushMark(mark, count) {
    if (this.marks.length >= kNesting * 4) {
      this.plain += mark.repeat(count);
      return;
    }
    this.flush();
    this.marks.push(this.nodes.length);
    this.nodes.push({ mark, count });
    ++this.open[mark];
  }

  // Removes the last mark; what it was is text unless it is `used`.
  popMark() {
    const index = this.marks.pop();
    const { mark, count } = this.nodes[index];
    --this.open[mark];
    this.nodes[index] = document.createTextNode(mark.repeat(count));
  }

  // Takes the nodes after `index` away. What opened among them opens nothing any more.
  takeAfter(index) {
    this.flush();
    while (this.marks.length > 0 && this.marks.at(-1) > index) {
      this.popMark();
    }
    return this.nodes.splice(index + 1);
  }

  readCode() {
    const run = /`+/y;
    const length = this.take(run)[0].length;
    const end = this.backticks.next(length, this.at);
    if (end < 0) {
      this.plain += "`".repeat(length);
      return;
    }
    let code = this.text.slice(this.at, end).replace(/\n/g, " ");
    if (code.length > 2 && code.startsWith(" ") && code.endsWith(" ") && code.trim()) {
      code = code.slice(1, -1);
    }
    const node = document.createElement("code");
    node.textContent = code;
    this.push(node);
    this.at = end + length;
  }

  readEmphasis(mark) {
    const start = this.at;
    while (this.text[this.at] === mark) {
      ++this.at;
    }
    const count = this.at - start;
    const before = start > 0 ? this.text[start - 1] : " ";
    const after = this.at < this.text.length ? this.text[this.at] : " ";
    const isWord = (c) => !/\s/.test(c) && !kPunctuation.test(c);
    const touches = (c, other) => !/\s/.test(c) && (isWord(c) || !isWord(other));
    const opens = touches(after, before) && !(mark === "_" && isWord(before));
    const closes = touches(before, after) && !(mark === "_" && isWord(after));
    if (count > 3 || (mark === "~" && count !== 2)) {
      this.plain += mark.repeat(count);
      return;
    }
    const left = closes ? this.close(mark, count) : count;
    if (left > 0 && opens) {
      this.pushMark(mark, left);
    } else {
      this.plain += mark.repeat(left);
    }
  }

  // Ends what `mark` opened. Returns how many of `count` are left.
  close(mark, count) {
    let left = count;
    while (left > 0 && this.open[mark] > 0) {
      let place = this.marks.length - 1;
      while (this.nodes[this.marks[place]].mark !== mark) {
        if (this.nodes[this.marks[place]].mark === "[") {
          return left; // Emphasis does not end what began before a bracket.
        }
        --place;
      }
      const index = this.marks[place];
      const children = this.takeAfter(index);
      const opener = this.nodes[index];
      const used = mark === "~" ? 2 : Math.min(opener.count, left, 2);
      const name = mark === "~" ? "del" : used === 2 ? "strong" : "em";
      this.nodes.push(withChildren(document.createElement(name), children));
      opener.count -= used;
      left -= used;
      if (opener.count === 0) {
        this.marks.pop();
        --this.open[mark];
        this.nodes.splice(index, 1);
      }
    }
    return left;
  }

  readBracketEnd() {
    ++this.at;
    if (this.open["["] === 0) {
      this.plain += "]";
      return;
    }
    let place = this.marks.length - 1;
    while (this.nodes[this.marks[place]].mark !== "[") {
      --place;
    }
    const index = this.marks[place];
    const begin = this.at;
    const target = this.text[this.at] === "(" ? this.take(kTarget) : null;
    const url = target ? safeUrl(target[1] ?? target[2] ?? "") : null;
    if (url) {
      const children = this.takeAfter(index);
      this.marks.pop();
      --this.open["["];
      this.nodes.splice(index, 1, linkNode(url, children));
      this.forgetBrackets();
      return;
    }
    this.at = begin;
    this.flush();
    while (this.marks.length > place) {
      this.popMark();
    }
    this.plain += "]";
  }

  // Links hold no links.
  forgetBrackets() {
    this.marks = this.marks.filter((index) => {
      if (this.nodes[index].mark !== "[") {
        return true;
      }
      this.nodes[index] = document.createTextNode("[");
      return false;
    });
    this.open["["] = 0;
  }

  readAddress() {
    const before = this.at > 0 ? this.text[this.at - 1] : " ";
    const match = /\w/.test(before) || this.open["["] > 0 ? null : this.take(kUrl);
    if (!match) {
      this.plain += this.text[this.at++];
      return;
    }
    const ends = match[0].includes("(") ? kSentenceEnds : `${kSentenceEnds})`;
    let length = match[0].length;
    while (ends.includes(match[0][length - 1])) {
      --length;
      --this.at;
    }
    const address = match[0].slice(0, length);
    const url = safeUrl(address);
    const text = document.createTextNode(address);
    this.push(url ? linkNode(url, [text]) : text);
  }

  readEscape() {
    const next = this.text[this.at + 1] ?? "";
    if (next === "\n") {
      this.push(document.createElement("br"));
      this.at += 2;
    } else if (next && kPunctuation.test(next)) {
      this.plain += next;
      this.at += 2;
    } else {
      this.plain += "\\";
      ++this.at;
    }
  }

  readLineEnd() {
    const isHard = this.plain.endsWith("  ");
    this.plain = this.plain.trimEnd();
    this.flush();
    if (isHard) {
      this.nodes.push(document.createElement("br"));
    } else {
      this.plain = "\n";
    }
    ++this.at;
  }

  readSpecial() {
    const c = this.text[this.at];
    if (c === "\\") {
      this.readEscape();
    } else if (c === "`") {
      this.readCode();
    } else if (c === "\n") {
      this.readLineEnd();
    } else if (c === "[") {
      ++this.at;
      this.pushMark("[", 1);
    } else if (c === "]") {
      this.readBracketEnd();
    } else if (c === "!" && this.text[this.at + 1] === "[") {
      ++this.at; // A picture becomes a link to it, as nothing is loaded from elsewhere.
    } else if (c === "h") {
      this.readAddress();
    } else if (c === "<" && !this.open["["]) {
      const match = this.take(kAngleUrl);
      const url = match ? safeUrl(match[1]) : null;
      if (url) {
        this.push(linkNode(url, [document.createTextNode(match[1])]));
      } else {
        this.plain += match ? match[0] : this.text[this.at++];
      }
    } else if (c === "*" || c === "_" || c === "~") {
      this.readEmphasis(c);
    } else {
      this.plain += c;
      ++this.at;
    }
  }

  read() {
    while (this.at < this.text.length) {
      kSpecial.lastIndex = this.at;
      const special = kSpecial.exec(this.text);
      const next = special ? special.index : this.text.length;
      this.plain += this.text.slice(this.at, next);
      this.at = next;
      if (special) {
        this.readSpecial();
      }
    }
    this.flush();
    while (this.marks.length > 0) {
      this.popMark();
    }
    return withChildren(document.createDocumentFragment(), this.nodes);
  }
}

export function renderInline(text) {
  return new InlineReader(text).read();
}
