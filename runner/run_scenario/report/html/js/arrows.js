/* Arrows: from each put to its get. Of very many a sample is drawn, and the page says so. */

const MOST_ARROWS = 300;

Object.assign(Lanes.prototype, {
  drawArrows(first, last) {
    const { app } = this;
    const arrows = [];
    for (let i = first; i < last; i++) {
      const other = app.story.partner[i];
      if (other < 0 || !app.visible(i)) continue;
      if (other > i) arrows.push([i, other]);
      else if (other < first) arrows.push([other, i]);
    }
    const step = Math.ceil(arrows.length / MOST_ARROWS);
    arrows.forEach(([from, to], at) => at % step === 0 && this.drawArrow(from, to, 0.55));
    return step > 1 ? `${count(Math.ceil(arrows.length / step))} of ${count(arrows.length)} arrows are drawn: zoom in for all.` : "";
  },

  drawArrow(from, to, alpha) {
    const { app, pen } = this;
    const source = app.rows.byProcess.get(app.log.processOf(from));
    const target = app.rows.byProcess.get(app.log.processOf(to));
    if (!source || !target) return;
    const [x1, x2] = [this.x(app.axis.ofEvent(from)), this.x(app.axis.ofEvent(to))];
    const way = Math.sign(target.y - source.y);
    const y1 = this.middle(source) + way * 4;
    const y2 = this.middle(target) - way * 6;
    const bend = way === 0 ? -source.height * 0.7 : (y2 - y1) * 0.45;
    pen.globalAlpha = alpha;
    pen.strokeStyle = pen.fillStyle = app.paint.hue(app.log.resource[from]);
    pen.lineWidth = alpha === 1 ? 2.2 : 1.3;
    pen.beginPath();
    pen.moveTo(x1, y1);
    const ends = way === 0 ? [x1, y1 + bend, x2, y2 + bend] : [x1 + (x2 - x1) * 0.25, y1 + bend, x2 - (x2 - x1) * 0.25, y2 - bend];
    pen.bezierCurveTo(ends[0], ends[1], ends[2], ends[3], x2, y2);
    pen.stroke();
    this.drawHead(ends[2], ends[3], x2, y2);
    pen.globalAlpha = 1;
  },

  drawHead(fromX, fromY, x, y) {
    const angle = Math.atan2(y - fromY, x - fromX);
    const corner = (turn) => [x - 7 * Math.cos(angle + turn), y - 7 * Math.sin(angle + turn)];
    polygon(this.pen, [[x, y], corner(0.42), corner(-0.42)]);
  },
});
