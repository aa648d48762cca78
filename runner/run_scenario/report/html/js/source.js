/* Source: the scenario as it is written, with the verdicts beside the lines that ask for them. */

class Source {
  constructor(app, box, text) {
    Object.assign(this, { app, box });
    this.byLine = new Map(app.expectations.map((expectation, at) => [expectation.line, at]));
    put(box, text.replace(/\n$/, "").split(/\r?\n/).map((line, at) => this.line(line, at + 1)));
  }

  line(text, number) {
    const expectation = this.byLine.get(number);
    const code = el("code", {}, yamlParts(text).map(([kind, part]) => (kind ? el("span", { class: kind }, sanitize(part)) : sanitize(part))));
    if (expectation === undefined) return el("li", {}, code);
    const [sign, tone] = this.app.expectations[expectation].verdict;
    return el("li", { class: "judged " + tone, "data-sign": sign, onclick: () => this.app.change({ expectation }) }, code);
  }

  draw() {
    const { expectation } = this.app.state;
    const line = expectation < 0 ? -1 : this.app.expectations[expectation].line;
    [...this.box.children].forEach((item, at) => item.classList.toggle("chosen", at + 1 === line));
  }
}

/** Return the parts of a line of YAML: keys, comments, the rest. */
function yamlParts(text) {
  const comment = /(^|\s)#(?![^'"]*['"]\s*$).*$/.exec(text);
  const code = comment ? text.slice(0, comment.index) : text;
  const key = /^(\s*(?:- )?\s*)([\w-]+)(:(?=\s|$))/.exec(code);
  const parts = key ? [["", key[1]], ["key", key[2]], ["", code.slice(key[1].length + key[2].length)]] : [["", code]];
  return comment ? [...parts, ["comment", text.slice(comment.index)]] : parts;
}
