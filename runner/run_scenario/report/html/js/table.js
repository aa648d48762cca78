/* The table of events. */

const PAGE = 100;
const MOST_PRINTED = 500;

/** The events as a table, a page at a time: for reading, for printing, and for those who cannot see the lanes. */
class EventTable {
  constructor(app, body, note, earlier, later) {
    Object.assign(this, { app, body, note });
    this.first = 0;
    earlier.addEventListener("click", () => this.turn(-PAGE));
    later.addEventListener("click", () => this.turn(PAGE));
    Object.assign(this, { earlier, later });
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) app.select(Number(row.dataset.place));
    });
    body.addEventListener("keydown", (event) => this.key(event));
  }

  /** Go from row to row; only one of them is a stop of Tab. */
  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (!this.body.querySelector("[aria-current]")) this.app.select(Number(event.target.closest("tr").dataset.place));
    this.app.step(by);
  }

  turn(by) {
    this.first = Math.max(0, Math.min(this.first + by, this.shown().length - 1));
    this.fill();
  }

  /** Return the places of all events that are shown; a plain count where none is hidden. */
  shown() {
    const { filter, log } = this.app;
    if (filter.shown === null) return { length: log.length, at: (row) => row, find: (i) => i };
    if (this.known !== filter.shown) {
      this.known = filter.shown;
      this.places = Int32Array.from(filter.shown.keys()).filter((i) => filter.shown[i]);
    }
    return { length: this.places.length, at: (row) => this.places[row], find: (i) => lowerBound(this.places, i) };
  }

  draw() {
    const { selected } = this.app.state;
    const row = this.shown().find(Math.max(selected, 0));
    if (row < this.first || row >= this.first + PAGE) this.first = Math.max(0, row - Math.floor(row % PAGE));
    this.fill();
  }

  fill() {
    const shown = this.shown();
    const size = this.app.printing ? MOST_PRINTED : PAGE;
    const first = this.app.printing ? 0 : this.first;
    const last = Math.min(first + size, shown.length);
    const rows = [];
    this.evidence = new Set(this.app.evidence());
    for (let row = first; row < last; row++) rows.push(this.row(shown.at(row), row));
    const isFocused = this.body.contains(document.activeElement);
    put(this.body, rows);
    const current = this.body.querySelector("[aria-current]");
    (current ?? rows[0])?.setAttribute("tabindex", "0");
    if (isFocused) (current ?? rows[0])?.focus();
    this.body.parentElement.setAttribute("aria-rowcount", shown.length + 1);
    put(this.note, shown.length ? `Events ${count(first + 1)} to ${count(last)} of ${count(shown.length)}` : "No event is shown: the filter hides all.");
    this.earlier.disabled = first === 0;
    this.later.disabled = last >= shown.length;
  }

  row(i, row) {
    const { app } = this;
    const { log } = app;
    const level = log.levelOf(i);
    const found = app.found.length && app.found[lowerBound(app.found, i)] === i;
    const cell = (properties, ...children) => el("td", { role: "cell", ...properties }, ...children);
    const style = [level, found ? "found" : "", this.evidence.has(i) ? "evidence" : ""].join(" ").trim();
    return el("tr", { role: "row", "data-place": i, "aria-rowindex": row + 2, "aria-current": i === app.state.selected ? "true" : null, tabindex: -1, class: style },
      cell({ class: "number" }, count(log.seqOf(i))), cell({ class: "number" }, log.t[i].toFixed(6)),
      cell({}, sanitize(log.processOf(i))), cell({}, el("code", {}, sanitize(log.kindOf(i)))), cell({}, app.sentence(i)));
  }
}
