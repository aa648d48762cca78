/* Rows: which lanes there are, in which order and how high; what each is called and how it ended. */

const STATES = ["starting", "running", "computing", "competing", "sleeping", "waiting", "stuck", "ending"]; // as in lanes.py

class Lane {
  constructor(data, values) {
    this.name = data.process;
    this.start = data.start / 1e6;
    this.sighted = data.sighted;
    this.end = data.end === null ? null : data.end / 1e6;
    this.ending = data.ending;
    this.allowed = data.allowed;
    this.pid = data.pid;
    this.target = data.target;
    this.from = Float64Array.from(data.from, (micros) => micros / 1e6);
    this.to = Float64Array.from([...data.from.slice(1), data.to], (micros) => micros / 1e6);
    this.state = data.state;
    this.what = data.what.map((place) => (place < 0 ? "" : values[place]));
  }

  /** Return what it does at a moment, as the place of a span; -1 if it does not live. */
  spanAt(t) {
    const at = upperBound(this.from, t) - 1;
    return at >= 0 && (t < this.to[at] || (at === this.from.length - 1 && t <= this.to[at])) ? at : -1;
  }
}

class Rows {
  constructor(lanes, holds) {
    this.all = [
      ...lanes.map((lane) => ({ type: "process", name: lane.name, lane })),
      ...[...holds.values()].map((hold) => ({ type: "lock", name: hold.resource.name, hold })),
    ];
    this.shown = this.all;
    this.lay();
  }

  /** Show only the rows of the processes and resources that the filter lets through. */
  filter(filter) {
    this.shown = this.all.filter((row) =>
      row.type === "process" ? filter.showsProcess(row.name) : filter.showsResource(row.name),
    );
    this.lay();
  }

  lay() {
    const many = this.shown.length;
    const height = many <= 12 ? 38 : many <= 40 ? 26 : 16;
    this.byProcess = new Map();
    let y = 0;
    for (const row of this.shown) {
      row.y = y;
      row.height = row.type === "lock" ? Math.max(Math.min(height, 26), Math.min(row.hold.slots, 4) * 17 + 6) : height;
      y += row.height;
      if (row.type === "process") this.byProcess.set(row.name, row);
    }
    this.height = y;
  }

  /** Return the row at a height, or undefined. */
  at(y) {
    let low = 0;
    let high = this.shown.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.shown[middle].y + this.shown[middle].height <= y) low = middle + 1;
      else high = middle;
    }
    return y < 0 ? undefined : this.shown[low];
  }
}
