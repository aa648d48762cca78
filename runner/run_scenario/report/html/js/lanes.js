/* Lanes: one a process and one a lock, on a canvas that is as large as what is seen of it and no larger. */

const AXIS_HEIGHT = 28;
const ROOMY = 34; // a row of this height has room for two lines
const REACH = 9; // how near the pointer must be, in pixels
const LEAST_SHOWN = 12; // characters of a text in a bar; of less, nothing is understood
const ROOM_OF_MARK = 90; // pixels for a mark with its label
const NAMELESS = new Set(["", "steps"]); // targets whose names say nothing
const FLAG_FONT = "600 12px ";

class Lanes {
  constructor(app, box, canvas, spacer) {
    Object.assign(this, { app, box, canvas, spacer });
    this.pen = canvas.getContext("2d");
    this.hits = [];
    this.note = "";
  }

  /** Fit the canvas to its box, for a screen or printer of that many dots per pixel. */
  resize(density = devicePixelRatio) {
    const { rows } = this.app;
    this.width = this.box.clientWidth;
    this.height = Math.min(rows.height + AXIS_HEIGHT + 2, this.app.printing ? 2400 : Math.max(240, innerHeight * 0.6));
    this.box.style.height = this.height + "px";
    this.spacer.style.height = rows.height + AXIS_HEIGHT + "px";
    this.width = this.box.clientWidth;
    this.canvas.width = this.width * density;
    this.canvas.height = this.height * density;
    this.canvas.style.width = this.width + "px";
    this.canvas.style.height = this.height + "px";
    this.density = density;
    this.gutter = this.gutterWidth();
  }

  gutterWidth() {
    this.pen.font = "600 13px " + this.app.paint.font;
    let widest = 70;
    for (const row of this.app.rows.all.slice(0, 400)) {
      const name = row.type === "lock" ? `${row.hold.resource.family} ${row.name}` : row.name;
      const below = row.type === "process" && row.height >= ROOMY ? this.pen.measureText(endingOf(row.lane)).width * 0.85 : 0;
      widest = Math.max(widest, this.pen.measureText(shorten(sanitize(name), 40)).width, below);
    }
    return Math.round(Math.min(widest + 22, 250, this.width * 0.32));
  }

  x(place) {
    const { from, to } = this.app.axis;
    return this.gutter + ((place - from) / (to - from)) * (this.width - this.gutter);
  }

  placeAt(x) {
    const { from, to } = this.app.axis;
    return from + ((x - this.gutter) / (this.width - this.gutter)) * (to - from);
  }

  draw() {
    const { pen } = this;
    this.pen.setTransform(this.density, 0, 0, this.density, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.textBaseline = "middle";
    this.top = this.box.scrollTop;
    this.hits = [];
    this.written = [];
    this.marks = new Map();
    const rows = this.visibleRows();
    const [first, last] = this.visibleEvents();
    this.drawGrounds(rows);
    this.drawTicks();
    pen.save();
    pen.beginPath();
    pen.rect(this.gutter, AXIS_HEIGHT, this.width - this.gutter, this.height - AXIS_HEIGHT);
    pen.clip();
    const single = last - first <= MOST_MARKS;
    const hidden = single ? this.findMarks(first, last) : 0;
    for (const row of rows) row.type === "lock" ? this.drawHolds(row) : this.drawSpans(row);
    if (single) {
      this.note = [this.drawArrows(first, last), this.drawMarks(hidden)].filter(Boolean).join(" ");
    } else this.note = this.drawCounts(first, last, rows);
    this.drawMoments();
    this.drawEvidence();
    pen.restore();
    this.drawGutter(rows);
    this.drawFound(first, last);
    this.drawAxisMarks();
  }

  visibleRows() {
    const { rows } = this.app;
    const bottom = this.top + this.height - AXIS_HEIGHT;
    const shown = [];
    const first = rows.shown.indexOf(rows.at(this.top));
    for (let at = Math.max(first, 0); at < rows.shown.length && rows.shown[at].y < bottom; at++) shown.push(rows.shown[at]);
    return shown;
  }

  visibleEvents() {
    const { axis } = this.app;
    const first = axis.eventFrom(axis.from);
    const last = axis.eventFrom(axis.to + (axis.to - axis.from) * 1e-9);
    return [first, Math.min(last + 1, this.app.log.length)];
  }

  y(row) {
    return AXIS_HEIGHT + row.y - this.top;
  }

  middle(row) {
    return this.y(row) + row.height / 2;
  }

  drawGrounds(rows) {
    const { pen } = this;
    pen.fillStyle = this.app.paint.line;
    for (const row of rows) pen.fillRect(0, this.y(row) + row.height - 0.5, this.width, 0.5);
  }

  drawTicks() {
    const { axis, paint } = this.app;
    const { pen } = this;
    const { places, step } = axis.ticks(axis.from, axis.to, (this.width - this.gutter) / 110);
    this.tickLabels = places.map((place) => [this.x(place), axis.label(place, step)]);
    pen.fillStyle = paint.line;
    for (const [x] of this.tickLabels) if (x >= this.gutter) pen.fillRect(x, AXIS_HEIGHT, 0.5, this.height);
  }

  drawSpans(row) {
    const { axis, paint } = this.app;
    const { lane } = row;
    const from = axis.timeAt(axis.from);
    const to = axis.timeAt(axis.to);
    const first = Math.max(0, upperBound(lane.from, from) - 1);
    const last = lowerBound(lane.from, to);
    const y = this.y(row) + 3;
    const height = row.height - 7;
    if (last - first > (this.width - this.gutter) / 2) this.drawShares(lane, first, last, y, height);
    else for (let at = first; at < last; at++) this.drawSpan(row, at, y, height);
    if (lane.end !== null) this.drawEnd(row, y, height, paint);
  }

  drawSpan(row, at, y, height) {
    const { axis, paint } = this.app;
    const { pen } = this;
    const { lane } = row;
    const x = this.x(axis.ofTime(lane.from[at]));
    const width = Math.max(this.x(axis.ofTime(lane.to[at])) - x, 0.75);
    const state = STATES[lane.state[at]];
    const low = state === "starting" || state === "ending";
    pen.fillStyle = this.stateColour(state);
    pen.fillRect(x, low ? y + height * 0.32 : y, width, low ? height * 0.36 : height);
    if (state === "stuck") {
      pen.strokeStyle = paint["stuck-line"];
      pen.lineWidth = 1;
      pen.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    }
    if (width > 40 && height > 10 && !low) this.nameSpan(row, at, state, x, y + height / 2, width);
  }

  /** Write into a bar what its process does there: where no mark is in the way, unless these say it themselves. */
  nameSpan(row, at, state, x, y, width) {
    const { app } = this;
    const { lane } = row;
    const [left, right] = [Math.max(x, this.gutter), Math.min(x + width, this.width)];
    const marks = (this.marks.get(row) ?? []).filter((mark) => mark.x >= left - 6 && mark.x <= right + 6 && hasLabel(app.log.kindOf(mark.i)));
    const waits = lane.what[at];
    if (!waits && marks.length && marks.length * ROOM_OF_MARK < right - left) return;
    const [from, to] = widestGap(left, right, marks.map((mark) => mark.x));
    const text = waits || app.deeds.of(lane, at) || (NAMELESS.has(lane.target) ? "" : lane.target);
    this.write(text, from, y, to - from, app.paint[state], state === "stuck" ? app.paint.bad : app.paint.ink);
  }

  stateColour(state) {
    const { paint } = this.app;
    if (state === "waiting") return paint.hatch(this.pen, paint.waiting, paint["waiting-line"]);
    if (state === "stuck") return paint.hatch(this.pen, paint.stuck, paint["stuck-line"]);
    return paint[state];
  }

  /** Write a text into a span, on a ground of its own, at which the hatching ends: it would make it hard to read. */
  write(text, x, y, width, ground, ink) {
    const { paint } = this.app;
    const { pen } = this;
    const left = Math.max(x, this.gutter);
    const room = Math.min(x + width, this.width) - left - 14;
    if (!text || room < 26) return;
    pen.font = "12px " + paint.font;
    const shown = this.fit(sanitize(text), room, LEAST_SHOWN);
    if (!shown) return;
    const length = pen.measureText(shown).width;
    const at = left + (room + 14 - length) / 2;
    this.plate(at - 5, y, length + 10, 17, ground);
    pen.fillStyle = ink;
    pen.fillText(shown, at, y + 0.5);
  }

  /** Draw the ground of a text, and note that something is written there. */
  plate(x, y, width, height, ground) {
    const { pen } = this;
    pen.fillStyle = ground;
    pen.beginPath();
    pen.roundRect(x, y - height / 2, width, height, 4);
    pen.fill();
    this.written.push({ y, from: x, to: x + width });
  }

  /** Return whether nothing is written there. */
  isFree(x, y, width, height) {
    return !this.written.some((other) => Math.abs(other.y - y) < height && x < other.to && x + width > other.from);
  }

  /** Return as much of a text as there is room for; nothing if that is less than a part of it that can be understood. */
  fit(text, room, least = 0) {
    const { pen } = this;
    const whole = pen.measureText(text).width;
    if (whole <= room) return text;
    let length = Math.floor((text.length * room) / whole);
    while (length > 2 && pen.measureText(text.slice(0, length) + "…").width > room) length--;
    return length > 2 && length >= Math.min(least, text.length * 0.7) ? text.slice(0, length) + "…" : "";
  }

  /** Draw how a process ended, just behind its end, if it is worth a word or stands nowhere else: who left early, for example. */
  drawEnd(row, y, height, paint) {
    const { pen } = this;
    const { axis } = this.app;
    const { lane } = row;
    const x = this.x(axis.ofTime(lane.end));
    if (x < this.gutter || x > this.width) return;
    pen.fillStyle = lane.allowed ? paint.good : paint.bad;
    pen.fillRect(x - 1, y - 2, 3, height + 4);
    if (height < 10 || (row.height >= ROOMY && lane.ending === "returned")) return;
    pen.font = "12px " + paint.font;
    const text = endingOf(lane);
    const [from, to] = widestGap(x + 2, this.width, (this.marks.get(row) ?? []).filter((mark) => mark.x > x + 2).map((mark) => mark.x), 4);
    if (pen.measureText(text).width > to - from - 12) return;
    pen.fillText(text, from + 6, y + height / 2 + 0.5);
  }

  drawHolds(row) {
    const { axis, log } = this.app;
    const { hold } = row;
    const height = (row.height - 6) / hold.slots;
    const first = hold.slots > 1 || hold.from.length < 200 ? 0 : Math.max(0, upperBound(hold.from, axis.eventFrom(axis.from)) - 1);
    const last = lowerBound(hold.from, axis.eventFrom(axis.to));
    let drawn = -1;
    for (let at = first; at < last; at++) {
      const x = this.x(axis.ofEvent(hold.from[at]));
      const until = hold.to[at] < 0 ? axis.ofEvent(log.length - 1) : axis.ofEvent(hold.to[at]);
      const end = this.x(until);
      if (end < this.gutter || (hold.slots === 1 && end < drawn + 0.5)) continue;
      this.drawHold(hold, at, x, Math.max(end - x, 0.75), this.y(row) + 3 + hold.slot[at] * height, height - 1);
      drawn = end;
    }
  }

  drawHold(hold, at, x, width, y, height) {
    const { paint, log } = this.app;
    const { pen } = this;
    const isLost = isNeverReleased(hold, at);
    pen.fillStyle = isLost ? paint.hatch(pen, paint.stuck, paint["stuck-line"]) : paint.held;
    pen.fillRect(x, y, width, height);
    if (!isLost && width > 3) {
      pen.strokeStyle = paint["held-line"];
      pen.lineWidth = 1;
      pen.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    }
    if (width > 30 && height > 9) {
      const releaser = hold.to[at] < 0 ? hold.process[at] : log.processOf(hold.to[at]);
      const kept = isLost ? ", never released" : releaser === hold.process[at] ? "" : `, released by ${releaser}`;
      this.write(`held by ${hold.process[at]}${kept}`, x, y + height / 2, width, isLost ? paint.stuck : paint.held, paint.ink);
    }
  }

  drawGutter(rows) {
    const { app, pen } = this;
    pen.fillStyle = app.paint.ground;
    pen.fillRect(0, 0, this.gutter - 1, this.height);
    pen.fillStyle = app.paint.line;
    pen.fillRect(this.gutter - 1, 0, 1, this.height);
    for (const row of rows) this.drawName(row);
    pen.fillStyle = app.paint.ground;
    pen.fillRect(0, 0, this.width, AXIS_HEIGHT);
    pen.fillStyle = app.paint.line;
    pen.fillRect(0, AXIS_HEIGHT - 1, this.width, 1);
    pen.font = "12px " + app.paint.font;
    pen.fillStyle = app.paint.quiet;
    const flags = this.flags();
    for (const [x, label] of this.tickLabels) {
      const end = x + 3 + pen.measureText(label).width;
      const isHidden = flags.some((flag) => x < flag.left + flag.width + 4 && end > flag.left - 4);
      if (x >= this.gutter && end < this.width && !isHidden) pen.fillText(label, x + 3, AXIS_HEIGHT / 2);
    }
    pen.fillText(app.axis.mode === "time" ? "time" : "step by step", 10, AXIS_HEIGHT / 2);
  }

  drawName(row) {
    const { app, pen } = this;
    const roomy = row.height >= ROOMY;
    const y = this.middle(row);
    pen.fillStyle = row.type === "lock" ? app.paint.quiet : app.paint.ink;
    pen.font = (row.type === "lock" ? "italic " : "600 ") + (row.height < 20 ? "11px " : "13px ") + app.paint.font;
    const name = row.type === "lock" ? `${row.hold.resource.family} ${row.name}` : row.name;
    pen.fillText(this.fit(sanitize(name), this.gutter - 16), 10, roomy && row.type === "process" ? y - 7 : y + 0.5);
    if (!roomy || row.type !== "process") return;
    pen.font = "11px " + app.paint.font;
    pen.fillStyle = row.lane.allowed ? app.paint.quiet : app.paint.bad;
    pen.fillText(this.fit(endingOf(row.lane), this.gutter - 16), 10, y + 8.5);
  }

  /** Mark on the axis where something was found: once for each pixel, however much it is. */
  drawFound(first, last) {
    const { app, pen } = this;
    pen.fillStyle = app.paint.warn;
    let drawn = -1;
    for (let at = lowerBound(app.found, first); at < app.found.length && app.found[at] < last; at++) {
      const x = Math.round(this.x(app.axis.ofEvent(app.found[at])));
      if (x === drawn || x < this.gutter) continue;
      polygon(pen, [[x - 4, AXIS_HEIGHT - 8], [x + 4, AXIS_HEIGHT - 8], [x, AXIS_HEIGHT - 1]]);
      drawn = x;
    }
  }

  /** Return the flags on the axis: what happened to the whole run, and where that is written. */
  flags() {
    const { app, pen } = this;
    pen.save();
    pen.font = FLAG_FONT + app.paint.font;
    const found = app.landmarks.map((i) => [LANDMARKS[app.log.kindOf(i)], this.x(app.axis.ofEvent(i))])
      .filter(([, x]) => x >= this.gutter && x <= this.width)
      .map(([text, x]) => {
        const width = pen.measureText(text).width + 10;
        return { text, width, left: Math.min(Math.max(x - width / 2, this.gutter), this.width - width) };
      });
    pen.restore();
    return found;
  }

  drawAxisMarks() {
    const { app, pen } = this;
    pen.font = FLAG_FONT + app.paint.font;
    for (const { text, left, width } of this.flags()) {
      pen.fillStyle = app.paint.bad;
      pen.fillRect(left, 4, width, 19);
      pen.fillStyle = app.paint.ground;
      pen.fillText(text, left + 5, 14);
    }
  }

  /** Return the event that is drawn nearest to a point of the canvas, or -1. */
  eventAt(x, y) {
    let nearest = -1;
    let least = REACH * REACH;
    for (const hit of this.hits) {
      const far = (hit.x - x) ** 2 + ((hit.y - y) / 1.6) ** 2;
      if (far < least) [nearest, least] = [hit.i, far];
    }
    return nearest;
  }

  /** Return the row at a point of the canvas. */
  rowAt(y) {
    return y < AXIS_HEIGHT ? undefined : this.app.rows.at(y - AXIS_HEIGHT + this.top);
  }
}

const LANDMARKS = { "scenario.stalled": "stalled", "scenario.timed_out": "deadline", "scenario.interrupted": "interrupted" };

/** Return how a process ended, with a sign that says whether it may. */
function endingOf(lane) {
  if (lane.end === null) return sanitize(lane.ending);
  return (lane.allowed ? "✓ " : "✗ ") + sanitize(lane.ending);
}

/** Return the widest part of a bar in which there is no mark; `marks` are in order. */
function widestGap(left, right, marks, reach = 6) {
  let [from, to] = [left, left];
  let begin = left;
  for (const x of [...marks, Infinity]) {
    const end = Math.min(x - reach, right);
    if (end - begin > to - from) [from, to] = [begin, end];
    begin = Math.max(begin, x + reach);
  }
  return [from, to];
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
