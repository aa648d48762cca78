/* Marks: one for each event, with a word where there is room; the moment that is looked at, and the evidence. */

const MOST_MARKS = 5000; // more events than these are counted instead of drawn one by one

/** Return whether the mark of a kind of event has words beside it, on the middle of its lane. */
function hasLabel(kind) {
  return !["dash", "dot"].includes(shapeOf(kind));
}

Object.assign(Lanes.prototype, {
  /** Find the marks that are to be drawn in each row; return how many lie under others. */
  findMarks(first, last) {
    const { app } = this;
    const seen = new Set();
    let hidden = 0;
    for (let i = first; i < last; i++) {
      if (!app.visible(i)) continue;
      const row = app.rows.byProcess.get(app.log.processOf(i));
      if (!row || row.y + row.height < this.top || row.y > this.top + this.height) continue;
      const x = this.x(app.axis.ofEvent(i));
      const spot = `${row.y} ${Math.round(x * 2)} ${app.log.kind[i]}`;
      this.hits.push({ x, y: this.middle(row), i });
      if (seen.has(spot)) {
        hidden++;
        continue;
      }
      seen.add(spot);
      if (!this.marks.has(row)) this.marks.set(row, []);
      this.marks.get(row).push({ x, i });
    }
    return hidden;
  },

  drawMarks(hidden) {
    for (const [row, marks] of this.marks) this.drawRowOfMarks(row, marks);
    return hidden ? `${plural(hidden, "mark")} ${hidden === 1 ? "lies" : "lie"} under others of the same kind: zoom in for all.` : "";
  },

  drawRowOfMarks(row, marks) {
    const { app, pen } = this;
    const size = Math.min(5.5, row.height * 0.2);
    const y = this.middle(row);
    for (const { x, i } of marks) this.drawMark(i, x, y, size);
    if (row.height < 24 || marks.length > 150) return;
    pen.font = "11px " + app.paint.font;
    const end = row.lane.end === null ? Infinity : this.x(app.axis.ofTime(row.lane.end));
    marks.forEach(({ x, i }, at) => {
      const shape = shapeOf(app.log.kindOf(i));
      if (shape === "dash" || x < this.gutter || x >= end) return;
      const next = Math.min(marks[at + 1]?.x ?? this.width, end, this.width);
      this.labelMark(markLabel(app.log, i), x + size + 2, shape === "dot" ? y + 9 : y, next - x - 2 * size - 4);
    });
  },

  drawMark(i, x, y, size) {
    const { app, pen } = this;
    const kind = app.log.kindOf(i);
    const shape = shapeOf(kind);
    const colour = ALARMING.has(shape) ? app.paint.bad : app.paint.hue(app.log.resource[i]);
    pen.strokeStyle = pen.fillStyle = colour;
    SHAPES[shape](pen, x, y, size);
    if (shape === "put" && app.story.partner[i] < 0) {
      pen.fillStyle = app.paint.ground;
      SHAPES[shape](pen, x, y - size * 0.1, size * 0.5); // hollow: nobody has got it
    }
  },

  labelMark(text, x, y, room) {
    const { pen, app } = this;
    const width = pen.measureText(text).width + 4;
    if (width > room || !this.isFree(x, y, width, 14)) return;
    this.plate(x, y, width, 14, app.paint.ground);
    pen.fillStyle = app.paint.ink;
    pen.fillText(text, x + 2, y + 0.5);
  },

  /** Draw the moments of the whole run: where it stood still, and the event that is looked at. */
  drawMoments() {
    const { app, pen } = this;
    for (const i of app.landmarks) {
      const x = this.x(app.axis.ofEvent(i));
      pen.strokeStyle = app.paint.bad;
      pen.lineWidth = 1.5;
      pen.setLineDash([5, 4]);
      line(pen, x, AXIS_HEIGHT, x, this.height);
      pen.setLineDash([]);
    }
    const { selected } = app.state;
    if (selected < 0) return;
    const x = this.x(app.axis.ofEvent(selected));
    pen.strokeStyle = app.paint.accent;
    pen.lineWidth = 1.5;
    line(pen, x, AXIS_HEIGHT, x, this.height);
    const other = app.story.partner[selected];
    if (other >= 0) this.drawArrow(Math.min(other, selected), Math.max(other, selected), 1);
    this.ring(selected, app.paint.accent, 9);
  },

  drawEvidence() {
    for (const i of this.app.evidence()) this.ring(i, this.app.paint.warn, 12);
  },

  ring(i, colour, size) {
    const { app, pen } = this;
    const row = app.rows.byProcess.get(app.log.processOf(i));
    if (!row) return;
    pen.strokeStyle = colour;
    pen.lineWidth = 2.4;
    pen.beginPath();
    pen.arc(this.x(app.axis.ofEvent(i)), this.middle(row), Math.min(size, row.height / 2 - 1), 0, Math.PI * 2);
    pen.stroke();
  },
});
