/* Expectations: what became of each, and the events that show it. */

const VERDICTS = { "expectation.passed": ["✓", "good", "as expected"], "expectation.failed": ["✗", "bad", "not as expected"],
  "expectation.inconclusive": ["?", "warn", "could not be judged"] };

/** Return what became of each expectation: its event, verdict and the places of its evidence. */
function findExpectations(log) {
  const kinds = log.kinds.map((kind) => lookUp(VERDICTS, kind));
  const found = [];
  for (let i = 0; i < log.length; i++) {
    if (!kinds[log.kind[i]]) continue;
    const shown = log.field(i, "evidence");
    const evidence = (Array.isArray(shown) ? shown : []).map((each) => log.placeOfSeq(each?.seq)).filter((place) => place >= 0);
    found.push({ place: i, verdict: kinds[log.kind[i]], evidence, line: log.field(i, "line") });
  }
  return found;
}

class Expectations {
  constructor(app, box) {
    Object.assign(this, { app, box });
    put(box, app.expectations.map((expectation, at) => this.item(expectation, at)));
  }

  item(expectation, at) {
    const { app } = this;
    const { log } = app;
    const [sign, tone, words] = expectation.verdict;
    const choose = () => app.change({ expectation: app.state.expectation === at ? -1 : at });
    const evidence = expectation.evidence.map((place) =>
      el("button", { type: "button", class: "jump", onclick: () => app.select(place) }, `#${count(log.seqOf(place))} ${sanitize(log.processOf(place))} ${shorten(app.sentence(place), 70)}`));
    return el("li", { class: tone },
      el("button", { type: "button", class: "expectation", "aria-pressed": "false", onclick: choose },
        el("span", { class: "sign", "aria-hidden": "true" }, sign), el("span", { class: "unseen" }, words + ": "),
        el("code", {}, sanitize(log.field(expectation.place, "expectation") ?? ""))),
      ["because", "reason"].map((name) => log.field(expectation.place, name)).filter(Boolean).map((text) => el("p", {}, sanitize(text))),
      evidence.length ? el("div", { class: "evidence" }, evidence) : null);
  }

  draw() {
    [...this.box.querySelectorAll(".expectation")].forEach((button, at) =>
      button.setAttribute("aria-pressed", String(at === this.app.state.expectation)));
  }
}
