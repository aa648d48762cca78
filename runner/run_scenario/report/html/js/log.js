/* The log: columns become events again. An event is known by its place; the first is 0. */

const SUBJECTS = {
  queue: "queue", pipe: "pipe", lock: "lock", semaphore: "semaphore", event: "flag", condition: "condition",
  barrier: "barrier", value: "value", array: "array", shared_memory: "memory", manager: "object", pool: "pool",
};

class Log {
  constructor(data) {
    this.kinds = data.kinds;
    this.processes = data.processes;
    this.values = data.values;
    this.length = data.t.length;
    this.kind = Uint16Array.from(data.kind);
    this.process = Uint32Array.from(data.process);
    this.t = fromSteps(data.t, 1e6);
    this.clock = neverBack(this.t);
    this.rows = rowsOf(this.kind, this.kinds.length);
    this.last = this.lastOfRun();
    this.fields = this.kinds.map((kind) => decodeAll(lookUp(data.fields, kind) || {}, data.values));
    this.origin = data.start.origin;
    this.shift = data.shift;
    this.unexpected = data.unexpected;
    this.changes = {};
    this.resources = [];
    this.resource = this.findResources();
  }

  /** Return one field of an event; undefined if it has none of that name. */
  field(i, name) {
    const column = lookUp(this.fields[this.kind[i]], name);
    return column === undefined ? undefined : column(this.rows[i]);
  }

  /** Return the name of an event's kind: `queue.put`. */
  kindOf(i) {
    return this.kinds[this.kind[i]];
  }

  /** Return the name of the process that an event is about. */
  processOf(i) {
    return this.processes[this.process[i]];
  }

  /** Return the queue, lock or other resource of an event, or null. */
  resourceOf(i) {
    return this.resource[i] < 0 ? null : this.resources[this.resource[i]];
  }

  /** Return the event as the log has it. */
  event(i) {
    const [run, scenario] = this.lastChange("run", i, () => true) || [null, null];
    const event = {
      event: this.kindOf(i), level: this.levelOf(i), timestamp: this.timestampOf(i), t: this.t[i], seq: this.seqOf(i),
      run, scenario, process: this.processOf(i), pid: this.pidOf(i), n: this.nOf(i),
    };
    for (const [name, column] of Object.entries(this.fields[this.kind[i]])) {
      const value = column(this.rows[i]);
      if (value !== undefined) event[name] = value;
    }
    return event;
  }

  levelOf(i) {
    return this.lastChange("level", i, (j) => this.kind[j] === this.kind[i]) ?? null;
  }

  pidOf(i) {
    return this.lastChange("pid", i, (j) => this.process[j] === this.process[i]) ?? null;
  }

  seqOf(i) {
    const pairs = this.unexpected.seq || [];
    const at = upperBound(this.placesOf("seq"), i) - 1;
    if (at < 0) return i + 1;
    return typeof pairs[at][1] === "number" ? pairs[at][1] + i - pairs[at][0] : pairs[at][1];
  }

  /** Return the place of the event with that line number, or -1. */
  placeOfSeq(seq) {
    for (const i of [seq - 1, ...this.placesOf("seq")]) {
      const guess = i + (seq - this.seqOf(Math.min(Math.max(i, 0), this.length - 1)));
      if (guess >= 0 && guess < this.length && this.seqOf(guess) === seq) return guess;
    }
    return -1;
  }

  nOf(i) {
    const places = this.placesOf("n");
    let from = 0;
    let n = 0;
    for (let at = upperBound(places, i) - 1; at >= 0; at--) {
      if (this.process[places[at]] === this.process[i]) {
        [from, n] = [places[at] + 1, this.unexpected.n[at][1]];
        break;
      }
    }
    for (let j = from; j <= i; j++) if (this.process[j] === this.process[i]) n++;
    return n;
  }

  timestampOf(i) {
    const at = upperBound(this.placesOf("timestamp"), i) - 1;
    if (at >= 0 && this.placesOf("timestamp")[at] === i) return this.unexpected.timestamp[at][1];
    if (!this.origin) return null;
    const shift = this.shift.length ? this.shift[i] : 0;
    const micros = Math.round(this.t[i] * 1e6) + shift + Number(/\.(\d{6})/.exec(this.origin)?.[1] ?? 0);
    const whole = new Date(Date.parse(this.origin.replace(/\.\d+/, "")) + Math.floor(micros / 1e6) * 1000);
    return whole.toISOString().replace(/\.\d+Z$/, "." + String(micros % 1e6).padStart(6, "0") + "Z");
  }

  placesOf(name) {
    this.changes[name] ??= Int32Array.from((this.unexpected[name] || []).map(([place]) => place));
    return this.changes[name];
  }

  lastChange(name, i, concerns) {
    const places = this.placesOf(name);
    for (let at = upperBound(places, i) - 1; at >= 0; at--) {
      if (concerns(places[at])) return this.unexpected[name][at][1];
    }
    return undefined;
  }

  /** Return the last event of the run itself; what is judged and said about it comes later, and is no part of its time. */
  lastOfRun() {
    const after = this.kinds.map((kind) => kind === "scenario.finished" || kind.startsWith("expectation."));
    let last = this.length - 1;
    while (last > 0 && after[this.kind[last]]) last--;
    return last;
  }

  findResources() {
    const known = new Map();
    const resource = new Int32Array(this.length).fill(-1);
    const columns = this.kinds.map((kind, k) => {
      const family = kind.split(".")[0];
      return [family, lookUp(this.fields[k], lookUp(SUBJECTS, family) ?? "")];
    });
    for (let i = 0; i < this.length; i++) {
      const [family, column] = columns[this.kind[i]];
      const name = column && column(this.rows[i]);
      if (name === undefined) continue;
      let place = known.get(name);
      if (place === undefined) {
        place = this.resources.push({ name: String(name), family }) - 1;
        known.set(name, place);
      }
      resource[i] = place;
    }
    return resource;
  }
}

function fromSteps(steps, divisor) {
  const numbers = new Float64Array(steps.length);
  let sum = 0;
  for (let i = 0; i < steps.length; i++) {
    sum += steps[i];
    numbers[i] = sum / divisor;
  }
  return numbers;
}

/** Return the times with those raised that are before an earlier one, so that one can search them. */
function neverBack(times) {
  const clock = Float64Array.from(times);
  for (let i = 1; i < clock.length; i++) if (clock[i] < clock[i - 1]) clock[i] = clock[i - 1];
  return clock;
}

function rowsOf(kind, kinds) {
  const next = new Int32Array(kinds);
  const rows = new Int32Array(kind.length);
  for (let i = 0; i < kind.length; i++) rows[i] = next[kind[i]]++;
  return rows;
}

/** Return, for each field, a function that gives its value in a row. */
function decodeAll(fields, values) {
  return Object.fromEntries(Object.entries(fields).map(([name, column]) => [name, decode(column, values)]));
}

function decode(column, values) {
  if ("same" in column) return () => column.same;
  if ("all" in column) return reader(() => column.all, values);
  if ("numbers" in column) return (row) => column.numbers[row];
  if ("micros" in column) return (row) => column.micros[row] / 1e6;
  if ("places" in column) return reader((row) => column.places[row], values);
  const numbers = fromSteps(column.steps, 1);
  return (row) => numbers[row];
}

/** Return a function that gives the value in a row, and tells its place in the pool as `placeIn`. */
function reader(placeIn, values) {
  return Object.assign((row) => values[placeIn(row)], { placeIn });
}
