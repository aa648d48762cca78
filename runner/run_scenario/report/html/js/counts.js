/* Counts: what is too much to be drawn one by one is drawn as how much of it there is. */

const BAR = 3; // width of a bar of counted events

Object.assign(Lanes.prototype, {
  /** Draw spans that are too many to be told apart: how much of each column of pixels is spent in which state. */
  drawShares(lane, first, last, y, height) {
    const { axis } = this.app;
    const columns = Math.ceil(this.width - this.gutter);
    const shares = STATES.map(() => new Float32Array(columns));
    for (let at = first; at < last; at++) {
      const from = Math.max(this.x(axis.ofTime(lane.from[at])) - this.gutter, 0);
      const to = Math.min(this.x(axis.ofTime(lane.to[at])) - this.gutter, columns);
      for (let column = Math.floor(from); column < to; column++) {
        shares[lane.state[at]][column] += Math.min(to, column + 1) - Math.max(from, column);
      }
    }
    this.fillShares(shares, columns, y, height);
  },

  fillShares(shares, columns, y, height) {
    const { pen } = this;
    const below = new Float32Array(columns);
    STATES.forEach((state, place) => {
      pen.fillStyle = this.stateColour(state);
      for (let column = 0; column < columns; column++) {
        const part = Math.min(shares[place][column], 1 - below[column]) * height;
        if (part > 0) pen.fillRect(this.gutter + column, y + height - below[column] * height - part, 1, part);
        below[column] += shares[place][column];
      }
    });
  },

  /** Draw how many events there are, where they are too many to be drawn: as bars, on a scale by powers of ten. */
  drawCounts(first, last, rows) {
    const { app, pen } = this;
    const columns = Math.ceil((this.width - this.gutter) / BAR);
    const placeOf = new Int32Array(app.log.processes.length).fill(-1);
    rows.forEach((row, at) => {
      const process = row.type === "process" ? app.log.processes.indexOf(row.name) : -1;
      if (process >= 0) placeOf[process] = at;
    });
    const counts = rows.map(() => new Uint32Array(columns));
    const most = this.countInto(counts, placeOf, first, last, columns);
    pen.fillStyle = app.paint.accent;
    rows.forEach((row, at) => {
      const room = row.height - 8;
      for (let column = 0; column < columns; column++) {
        const events = counts[at][column];
        if (!events) continue;
        const height = Math.max(2, (Math.log1p(events) / Math.log1p(most)) * room);
        pen.fillRect(this.gutter + column * BAR, this.y(row) + row.height - 4 - height, BAR - 0.5, height);
      }
    });
    return `${count(last - first)} events are too many to draw one by one: each bar counts those of a moment, ` +
      `${count(most)} at most, on a scale by powers of ten. Zoom in for marks and arrows.`;
  },

  countInto(counts, placeOf, first, last, columns) {
    const { app } = this;
    const { axis, log } = app;
    const scale = columns / (axis.to - axis.from);
    const places = axis.mode === "time" ? log.clock : null;
    let most = 1;
    for (let i = first; i < last; i++) {
      const at = placeOf[log.process[i]];
      if (at < 0 || !app.visible(i)) continue;
      const column = Math.floor(((places ? places[i] : i) - axis.from) * scale);
      if (column < 0 || column >= columns) continue;
      const events = ++counts[at][column];
      if (events > most) most = events;
    }
    return most;
  },
});
