/* The axis: where an event stands, in true proportion to time or one step an event. */

const MARGIN = 0.02;

class Axis {
  constructor(log) {
    this.log = log;
    this.mode = "time";
    this.from = 0;
    this.to = 1;
  }

  /** Return where event `i` stands; one that comes after the run, at its end. */
  ofEvent(i) {
    const at = Math.min(i, this.log.last);
    return this.mode === "time" ? this.log.clock[at] : at;
  }

  /** Return where a moment stands, in seconds since the run began. */
  ofTime(t) {
    if (this.mode === "time") return t;
    const { clock } = this.log;
    const after = lowerBound(clock, t);
    if (after >= clock.length) return clock.length - 1;
    if (after === 0 || clock[after] === t) return after;
    return after - 1 + (t - clock[after - 1]) / (clock[after] - clock[after - 1]);
  }

  /** Return the moment that stands at `x`. */
  timeAt(x) {
    if (this.mode === "time") return x;
    const { clock } = this.log;
    const low = Math.min(Math.max(Math.floor(x), 0), clock.length - 1);
    const high = Math.min(low + 1, clock.length - 1);
    return clock[low] + (clock[high] - clock[low]) * Math.min(Math.max(x - low, 0), 1);
  }

  /** Return the first event that stands at `x` or later. */
  eventFrom(x) {
    return this.mode === "time" ? lowerBound(this.log.clock, x) : Math.min(Math.max(Math.ceil(x), 0), this.log.length);
  }

  /** Return where the whole run fits, with a margin: from its beginning to the end of the program. */
  extent() {
    const { clock, last } = this.log;
    const low = this.mode === "time" ? 0 : -0.5;
    const high = this.mode === "time" ? clock[last] || 1e-6 : last + 0.5;
    const margin = (high - low) * MARGIN;
    return [low - (this.mode === "time" ? margin : 0), high + margin];
  }

  /** Return a range of the given width that stays where events are. */
  clamp(from, to) {
    const [low, high] = this.extent();
    const least = this.mode === "time" ? 2e-6 : 2;
    const width = Math.min(Math.max(to - from, least), high - low);
    const middle = (from + to) / 2;
    const start = Math.min(Math.max(middle - width / 2, low), high - width);
    return [start, start + width];
  }

  /** Return the places of about `wanted` round numbers within a range, and their step. */
  ticks(from, to, wanted) {
    const rough = (to - from) / Math.max(wanted, 1);
    const power = 10 ** Math.floor(Math.log10(rough));
    let step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
    if (this.mode === "steps") step = Math.max(1, Math.round(step));
    const places = [];
    for (let number = Math.ceil(from / step); number * step <= to; number++) places.push(number * step);
    return { places, step };
  }

  /** Return what to write at a tick. */
  label(x, step) {
    if (this.mode === "steps") return "#" + count(this.log.seqOf(Math.min(Math.max(Math.round(x), 0), this.log.length - 1)));
    return x.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))) + " s";
  }
}
