/* Arrows: from each put to its get. Where they are too many, those that go the same way are one, which says how many. */

const MOST_ARROWS = 60;
const NEAREST = 6; // pixels within which ends are the same, if there are more

/**
 * Return arrows as groups of at most about `most`, the largest last; `arrows` have x1, x2, row1, row2 and resource.
 * Each group is `{arrow, count}`, of which the arrow is the one in its middle.
 */
function foldArrows(arrows, most, width) {
  let groups = arrows.map((arrow) => ({ arrow, count: 1 }));
  for (let near = NEAREST; groups.length > most && near < 2 * width; near *= 2) groups = groupArrows(arrows, near);
  return groups.sort((one, other) => one.count - other.count);
}

/** Return a coordinate of the point of a Bézier curve that is so much of the way from its begin to its end. */
function onCurve(begin, one, other, end, part) {
  const rest = 1 - part;
  return rest ** 3 * begin + 3 * rest ** 2 * part * one + 3 * rest * part ** 2 * other + part ** 3 * end;
}

function groupArrows(arrows, near) {
  const found = new Map();
  for (const arrow of arrows) {
    const key = [arrow.row1, arrow.row2, arrow.resource, Math.floor(arrow.x1 / near), Math.floor(arrow.x2 / near)].join(" ");
    if (found.has(key)) found.get(key).push(arrow);
    else found.set(key, [arrow]);
  }
  return [...found.values()].map((alike) => ({ arrow: alike[alike.length >>> 1], count: alike.length }));
}

Object.assign(Lanes.prototype, {
  drawArrows(first, last) {
    const groups = foldArrows(this.visibleArrows(first, last), MOST_ARROWS, this.width);
    const drawn = groups.slice(-MOST_ARROWS);
    for (const { arrow, count: alike } of drawn) this.drawArrow(arrow.from, arrow.to, 0.55, alike);
    for (const { arrow, count: alike } of drawn) if (alike > 1) this.labelArrow(arrow, alike);
    const all = groups.reduce((sum, group) => sum + group.count, 0);
    const shown = drawn.reduce((sum, group) => sum + group.count, 0);
    if (all === drawn.length) return "";
    const rest = all > shown ? `; the ways of ${plural(all - shown, "other")} are not drawn` : "";
    return `${count(shown)} items are drawn as ${plural(drawn.length, "arrow")}: ×n says how many go the same way${rest}. Zoom in for each.`;
  },

  /** Return the arrows that are in sight, with where they begin and end. */
  visibleArrows(first, last) {
    const { app } = this;
    const arrows = [];
    const add = (from, to) => {
      const row1 = app.rows.byProcess.get(app.log.processOf(from));
      const row2 = app.rows.byProcess.get(app.log.processOf(to));
      if (!row1 || !row2 || Math.max(row1.y, row2.y) < this.top || Math.min(row1.y, row2.y) > this.top + this.height) return;
      const [x1, x2] = [this.x(app.axis.ofEvent(from)), this.x(app.axis.ofEvent(to))];
      arrows.push({ from, to, x1, x2, row1: row1.y, row2: row2.y, resource: app.log.resource[from] });
    };
    for (let i = first; i < last; i++) {
      const other = app.story.partner[i];
      if (other < 0 || !app.visible(i)) continue;
      if (other > i) add(i, other);
      else if (other < first) add(other, i);
    }
    return arrows;
  },

  /** Return the points of the curve of an arrow: its begin, the two that bend it, its end. */
  curveOf(from, to) {
    const { app } = this;
    const source = app.rows.byProcess.get(app.log.processOf(from));
    const target = app.rows.byProcess.get(app.log.processOf(to));
    if (!source || !target) return null;
    const [x1, x2] = [this.x(app.axis.ofEvent(from)), this.x(app.axis.ofEvent(to))];
    const way = Math.sign(target.y - source.y);
    const y1 = this.middle(source) + way * 4;
    const y2 = this.middle(target) - way * 6;
    const bend = way === 0 ? -source.height * 0.7 : (y2 - y1) * 0.45;
    const ends = way === 0 ? [x1, y1 + bend, x2, y2 + bend] : [x1 + (x2 - x1) * 0.25, y1 + bend, x2 - (x2 - x1) * 0.25, y2 - bend];
    return [x1, y1, ...ends, x2, y2];
  },

  drawArrow(from, to, alpha, alike = 1) {
    const { app, pen } = this;
    const curve = this.curveOf(from, to);
    if (!curve) return;
    pen.globalAlpha = alpha;
    pen.strokeStyle = pen.fillStyle = app.paint.hue(app.log.resource[from]);
    pen.lineWidth = (alpha === 1 ? 2.2 : 1.3) + Math.min(Math.log2(alike) * 0.5, 3);
    pen.beginPath();
    pen.moveTo(curve[0], curve[1]);
    pen.bezierCurveTo(...curve.slice(2));
    pen.stroke();
    this.drawHead(...curve.slice(4));
    pen.globalAlpha = 1;
  },

  /** Write how many arrows one stands for, near its end. */
  labelArrow(arrow, alike) {
    const { pen, app } = this;
    const curve = this.curveOf(arrow.from, arrow.to);
    if (!curve) return;
    const [x, y] = [0, 1].map((axis) => onCurve(curve[axis], curve[axis + 2], curve[axis + 4], curve[axis + 6], 0.75));
    pen.font = "600 11px " + app.paint.font;
    const text = "×" + count(alike);
    const width = pen.measureText(text).width + 6;
    if (x < this.gutter + width || x > this.width - width || !this.isFree(x - width / 2, y, width, 13)) return;
    this.plate(x - width / 2, y, width, 14, app.paint.ground);
    pen.fillStyle = app.paint.hue(app.log.resource[arrow.from]);
    pen.fillText(text, x - width / 2 + 3, y + 0.5);
  },

  drawHead(fromX, fromY, x, y) {
    const angle = Math.atan2(y - fromY, x - fromX);
    const corner = (turn) => [x - 7 * Math.cos(angle + turn), y - 7 * Math.sin(angle + turn)];
    polygon(this.pen, [[x, y], corner(0.42), corner(-0.42)]);
  },
});
