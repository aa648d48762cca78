/* Paint: colours of the theme, and the shapes that kinds of events have. A shape never says by its colour alone. */

const NAMES = [
  "ink", "quiet", "line", "ground", "raised", "accent", "bad", "warn", "good", "running", "computing", "competing", "sleeping",
  "starting", "ending", "waiting", "waiting-line", "stuck", "stuck-line", "held", "held-line",
];
const HUES = 8;

class Paint {
  constructor() {
    this.refresh();
  }

  /** Read the colours of the theme that is shown now. */
  refresh() {
    const style = getComputedStyle(document.documentElement);
    for (const name of NAMES) this[name] = style.getPropertyValue("--" + name).trim();
    this.hues = Array.from({ length: HUES }, (_, n) => style.getPropertyValue("--hue-" + n).trim());
    this.font = style.getPropertyValue("--font").trim() || "sans-serif";
    this.hatches = {};
  }

  /** Return the colour of a resource. */
  hue(place) {
    return place < 0 ? this.quiet : this.hues[place % HUES];
  }

  /** Return a pattern of slanting lines, for what waits. */
  hatch(context, ground, line) {
    const key = ground + line;
    if (!this.hatches[key]) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 8;
      const pen = tile.getContext("2d");
      pen.fillStyle = ground;
      pen.fillRect(0, 0, 8, 8);
      pen.strokeStyle = line;
      pen.lineWidth = 1.5;
      pen.beginPath();
      for (const shift of [-8, 0, 8]) {
        pen.moveTo(shift, 8);
        pen.lineTo(shift + 8, 0);
      }
      pen.stroke();
      this.hatches[key] = context.createPattern(tile, "repeat");
    }
    return this.hatches[key];
  }
}

const SHAPES = {
  put(pen, x, y, s) {
    polygon(pen, [[x - s, y - s * 0.8], [x + s, y - s * 0.8], [x, y + s]]);
  },
  get(pen, x, y, s) {
    pen.beginPath();
    pen.arc(x, y, s * 0.9, 0, Math.PI * 2);
    pen.fill();
  },
  asked(pen, x, y, s) {
    pen.beginPath();
    pen.arc(x, y, s * 0.8, 0, Math.PI * 2);
    pen.lineWidth = 1.6;
    pen.stroke();
  },
  acquired(pen, x, y, s) {
    pen.fillRect(x - s * 0.8, y - s * 0.8, s * 1.6, s * 1.6);
  },
  released(pen, x, y, s) {
    pen.lineWidth = 1.6;
    pen.strokeRect(x - s * 0.7, y - s * 0.7, s * 1.4, s * 1.4);
  },
  diamond(pen, x, y, s) {
    polygon(pen, [[x, y - s], [x + s, y], [x, y + s], [x - s, y]]);
  },
  cross(pen, x, y, s) {
    pen.lineWidth = 2.2;
    pen.beginPath();
    pen.moveTo(x - s, y - s);
    pen.lineTo(x + s, y + s);
    pen.moveTo(x + s, y - s);
    pen.lineTo(x - s, y + s);
    pen.stroke();
  },
  dash(pen, x, y, s) {
    pen.fillRect(x - 0.75, y - s * 2.6, 1.5, s * 1.5); // a notch at the top, where no text is
  },
  dot(pen, x, y, s) {
    pen.beginPath();
    pen.arc(x, y + s * 1.6, 1.8, 0, Math.PI * 2);
    pen.fill();
  },
};

function polygon(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
  pen.fill();
}

const SHAPE_OF = {
  "queue.put": "put", "pipe.sent": "put", "queue.get": "get", "pipe.received": "get",
  "queue.empty": "asked", "queue.full": "asked", "pipe.polled": "asked", "event.is_set": "asked",
  "lock.acquired": "acquired", "semaphore.acquired": "acquired", "event.set": "acquired",
  "lock.released": "released", "semaphore.released": "released", "event.cleared": "released",
  "value.read": "asked", "value.written": "diamond", "array.read": "asked", "array.written": "diamond",
  "queue.item_dropped": "cross", "queue.items_lost": "cross", "queue.item_mutated": "cross", "process.failed": "cross",
  "value.overwritten": "cross", "array.overwritten": "cross", "pool.worker_lost": "cross", "pool.task_failed": "cross",
  "pool.not_pickled": "cross", "pipe.broken": "cross", "barrier.broken": "cross",
  "process.output": "dot", "log.message": "dot",
};
const ALARMING = new Set(["cross"]);

/** Return the name of the shape of a kind of event. */
function shapeOf(kind) {
  return lookUp(SHAPE_OF, kind) || "dash";
}

/** Return the few words that stand beside a mark, where there is room. */
function markLabel(log, i) {
  const kind = log.kindOf(i);
  const write = lookUp(MARK_LABELS, kind);
  return write ? write((name) => log.field(i, name)) : (kind.split(".")[1] ?? kind).replaceAll("_", " ");
}

const item = (field) => show(field("item"), 18);
const excerpt = (text) => shorten(sanitize(String(text ?? "").slice(0, 60)), 28);
const MARK_LABELS = {
  "queue.put": (field) => "put " + item(field),
  "queue.get": (field) => "got " + item(field),
  "pipe.sent": (field) => "sent " + item(field),
  "pipe.received": (field) => "got " + item(field),
  "queue.empty": (field) => (field("call") === "get" ? "found it empty" : "empty? " + show(field("empty"))),
  "queue.full": (field) => (field("call") === "put" ? "found it full" : "full? " + show(field("full"))),
  "queue.task_done": () => "task_done()",
  "value.read": (field) => "read " + show(field("content"), 12),
  "value.written": (field) => "wrote " + show(field("content"), 12),
  "value.overwritten": () => "lost an update",
  "process.output": (field) => excerpt(field("text")),
  "log.message": (field) => excerpt(field("message")),
  "process.joining": (field) => "joined by " + shorten(sanitize(field("by") ?? "?"), 14),
};
