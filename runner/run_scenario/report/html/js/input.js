/* Input: zoom and pan by mouse, finger and keyboard; step from event to event. */

const ZOOM = 1.5;
const SCROLLING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"]);

class Input {
  constructor(app, area, tip) {
    Object.assign(this, { app, area, tip });
    this.pointers = new Map();
    area.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    area.addEventListener("pointerdown", (event) => this.down(event));
    area.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) area.addEventListener(end, (event) => this.up(event, end));
    area.addEventListener("pointerleave", () => this.hideTip());
    area.addEventListener("dblclick", (event) => this.zoom(1 / (ZOOM * ZOOM), this.placeOf(event)));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** Return where on the axis an event of the pointer is. */
  placeOf(event) {
    return this.app.lanes.placeAt(event.clientX - this.app.lanes.box.getBoundingClientRect().left);
  }

  /** Show `factor` times as much, and keep `middle` where it is. */
  zoom(factor, middle = (this.app.axis.from + this.app.axis.to) / 2) {
    const { axis } = this.app;
    this.app.range(middle - (middle - axis.from) * factor, middle + (axis.to - middle) * factor);
  }

  /** Move by a part of what is seen. */
  pan(part) {
    const { axis } = this.app;
    const by = (axis.to - axis.from) * part;
    this.app.range(axis.from + by, axis.to + by);
  }

  wheel(event) {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.008), this.placeOf(event));
    else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) this.pan(sideways / 800);
    else return;
    event.preventDefault();
  }

  down(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, event);
    this.start = event;
    this.dragged = false;
    this.area.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.hover(event);
    const others = [...this.pointers.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
    this.dragged ||= Math.abs(event.clientX - this.start.clientX) > 3;
    if (others.length) {
      const far = (one) => Math.max(20, Math.abs(one.clientX - others[0].clientX));
      this.zoom(far(before) / far(event), this.placeOf(others[0]));
    } else if (this.dragged) this.pan((before.clientX - event.clientX) / (this.app.lanes.width - this.app.lanes.gutter));
    this.pointers.set(event.pointerId, event);
    return undefined;
  }

  up(event, end) {
    const known = this.pointers.delete(event.pointerId);
    if (!known || this.dragged || end === "pointercancel") return;
    const place = this.pointed(event);
    if (place >= 0) this.app.select(place, false);
  }

  /** Return the event under the pointer: one that is drawn near it, or the first at its moment in that lane. */
  pointed(event) {
    const { lanes, axis, log } = this.app;
    const box = lanes.box.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (x < lanes.gutter) return -1;
    const near = lanes.eventAt(x, y);
    if (near >= 0) return near;
    const place = axis.eventFrom(lanes.placeAt(x));
    return this.app.filter.next(Math.min(Math.max(place - 1, 0), log.length - 1), -1);
  }

  hover(event) {
    const { app } = this;
    const box = app.lanes.box.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const near = app.lanes.eventAt(x, y);
    const text = near >= 0 ? app.tipOf(near) : this.spanTip(x, y);
    if (!text) return this.hideTip();
    put(this.tip, text);
    this.tip.hidden = false;
    const frame = this.area.getBoundingClientRect();
    this.tip.style.left = Math.min(event.clientX - frame.left + 14, frame.width - this.tip.offsetWidth - 4) + "px";
    this.tip.style.top = event.clientY - frame.top + 18 + "px";
    return undefined;
  }

  spanTip(x, y) {
    const { app } = this;
    const row = app.lanes.rowAt(y);
    if (!row || y > app.lanes.height || row.type !== "process") return "";
    if (x < app.lanes.gutter) return `${sanitize(row.name)}${row.lane.pid ? ` (pid ${row.lane.pid})` : ""}: ${sanitize(row.lane.target)} ${sanitize(row.lane.ending)}`;
    const t = app.axis.timeAt(app.lanes.placeAt(x));
    const at = row.lane.spanAt(t);
    if (at < 0) return "";
    return `${sanitize(row.name)} ${processState(row.lane, t, undefined, app.deeds, at)[0]} for ${duration(row.lane.to[at] - row.lane.from[at])}`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input:not([type=checkbox]), select");
    if (event.key === "Escape" && typing) return void byId("lanes").focus();
    if (typing || event.target.closest("dialog")) return;
    if (SCROLLING.has(event.key) && !event.target.closest("#lanes")) return; // elsewhere these scroll the page
    const act = this.acts()[event.shiftKey && event.key.startsWith("Arrow") ? "Shift" + event.key : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  acts() {
    const { app } = this;
    return {
      ArrowRight: () => app.step(1), ArrowLeft: () => app.step(-1),
      PageDown: () => app.step(10), PageUp: () => app.step(-10), Home: () => app.step(-Infinity), End: () => app.step(Infinity),
      ArrowDown: () => app.stepInLane(1), ArrowUp: () => app.stepInLane(-1),
      ShiftArrowRight: () => this.pan(0.2), ShiftArrowLeft: () => this.pan(-0.2),
      "+": () => this.zoom(1 / ZOOM, app.focus()), "=": () => this.zoom(1 / ZOOM, app.focus()), "-": () => this.zoom(ZOOM, app.focus()),
      0: () => app.fit(), f: () => app.follow(), n: () => app.find(1), N: () => app.find(-1), t: () => app.turnAxis(),
      "/": () => byId("search").focus(), "?": () => byId("help").showModal(),
    };
  }
}
