/* Depths: how many items are on each queue and in each pipe over time, and what numbers are shared. Drawn by uPlot. */

const STRIP_HEIGHT = 66;
const MOST_STRIPS = 24;

class Depths {
  constructor(app, box, note) {
    Object.assign(this, { app, box, note });
    this.strips = [];
  }

  /** Make a strip for each channel that the filter lets through. */
  build() {
    const { app } = this;
    for (const strip of this.strips) strip.plot.destroy();
    const wanted = [...app.story.channels, ...app.story.gauges].filter((channel) => app.filter.showsResource(app.log.resources[channel.resource].name));
    const shown = wanted.slice(0, MOST_STRIPS);
    put(this.note, wanted.length > shown.length ? `${count(shown.length)} of ${count(wanted.length)} curves are drawn: filter for others.` : "");
    this.strips = shown.map((channel) => this.strip(channel));
    put(this.box, this.strips.map((strip) => strip.element));
  }

  strip(channel) {
    const { app } = this;
    const plotBox = el("div", { class: "plot" });
    const value = el("span", { class: "depth" });
    const label = el("div", { class: "label" }, el("b", {}, sanitize(channel.name)), el("span", {}, channel.balance()), value);
    label.style.width = app.lanes.gutter + "px";
    const width = Math.max(60, app.lanes.width - app.lanes.gutter);
    const plot = new uPlot(this.options(channel, width), [[0], [0]], plotBox);
    const strip = { channel, plot, label, value, element: el("div", { class: "strip", role: "img" }, label, plotBox) };
    strip.element.setAttribute("aria-label", `${sanitize(channel.name)}: ${channel.balance()}`);
    return strip;
  }

  options(channel, width) {
    const { paint } = this.app;
    const colour = paint.hue(channel.resource);
    return {
      width,
      height: STRIP_HEIGHT,
      padding: [6, 0, 2, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, auto: false }, y: { range: () => [(channel.least ?? 0) * 1.08, Math.max(1, channel.most) * 1.08] } },
      axes: [{ show: false }, { show: false }],
      series: [{}, { stroke: colour, fill: colour + "33", width: 1.6, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }],
      hooks: { draw: [(plot) => this.drawOver(plot)] },
    };
  }

  /** Draw the moment that is looked at. */
  drawOver(plot) {
    const { axis, paint, state } = this.app;
    const { ctx: pen, bbox } = plot;
    pen.save();
    if (state.selected >= 0) {
      const x = plot.valToPos(axis.ofEvent(state.selected), "x", true);
      pen.strokeStyle = paint.accent;
      pen.lineWidth = 1.5 * devicePixelRatio;
      line(pen, x, bbox.top, x, bbox.top + bbox.height);
    }
    pen.restore();
  }

  /** Show what is on the queues over the range of the axis. */
  draw() {
    const { app } = this;
    const width = Math.max(60, app.lanes.width - app.lanes.gutter);
    for (const { channel, plot, value, label } of this.strips) {
      label.style.width = app.lanes.gutter + "px";
      if (plot.width !== width) plot.setSize({ width, height: STRIP_HEIGHT });
      plot.setData(this.curve(channel, Math.ceil(width)), false);
      plot.setScale("x", { min: app.axis.from, max: app.axis.to });
      const now = app.state.selected < 0 ? undefined : channel.depthAt(app.state.selected);
      put(value, now === undefined ? "" : `now ${count(now)}`);
    }
  }

  /** Return the curve within the range; of many points, the first, least, greatest and last of each pixel. */
  curve(channel, pixels) {
    const { axis, log } = this.app;
    const { places, depths } = channel;
    const first = Math.max(0, lowerBound(places, axis.eventFrom(axis.from)) - 1);
    const last = Math.min(places.length, lowerBound(places, axis.eventFrom(axis.to)) + 1);
    const xs = [];
    const ys = [];
    const add = (at) => {
      xs.push(axis.ofEvent(places[at]));
      ys.push(depths[at]);
    };
    if (channel instanceof Channel && axis.ofEvent(places[0]) > axis.from) xs.push(axis.from), ys.push(0);
    if (last - first <= 4 * pixels) for (let at = first; at < last; at++) add(at);
    else this.extremes(depths, places, first, last, pixels).forEach(add);
    const end = axis.ofEvent(log.length - 1);
    if (ys.length && end > xs.at(-1)) xs.push(end), ys.push(ys.at(-1));
    return [xs, ys];
  }

  extremes(depths, places, first, last, pixels) {
    const { axis } = this.app;
    const scale = pixels / (axis.to - axis.from);
    const kept = [];
    let at = first;
    while (at < last) {
      const pixel = Math.floor((axis.ofEvent(places[at]) - axis.from) * scale);
      let [low, high, end] = [at, at, at];
      while (end + 1 < last && Math.floor((axis.ofEvent(places[end + 1]) - axis.from) * scale) === pixel) {
        end++;
        if (depths[end] < depths[low]) low = end;
        if (depths[end] > depths[high]) high = end;
      }
      kept.push(...new Set([at, Math.min(low, high), Math.max(low, high), end].sort((a, b) => a - b)));
      at = end + 1;
    }
    return kept;
  }
}
