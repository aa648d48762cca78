/* Deeds: what a process does between two waits, in the words of its bar: by what is recorded of it there. */

const MOST_LOOKED_AT = 20000; // events of one bar
const MOST_DEEDS = 2; // named in one bar

/** Event -> what its process does, before the name of the resource. */
const DEEDS = {
  "queue.put": "puts on", "queue.get": "takes from", "queue.task_done": "takes from", "queue.empty": "asks", "queue.full": "asks",
  "pipe.sent": "sends by", "pipe.received": "receives from", "pipe.polled": "polls",
  "lock.acquired": "uses", "lock.released": "uses", "semaphore.acquired": "uses", "semaphore.released": "uses",
  "value.read": "uses", "value.written": "uses", "array.read": "uses", "array.written": "uses",
  "event.set": "sets", "event.is_set": "asks", "condition.notified": "notifies", "manager.called": "calls",
  "pool.result": "takes results of",
};
/** Event of a process -> what is done by somebody else, whom the event names. */
const DEEDS_BY_OTHERS = { "process.starting": "starts processes", "process.alive": "asks is_alive()" };

class Deeds {
  constructor(log) {
    this.log = log;
    this.known = new Map();
  }

  /** Return what the process of a lane does in one of its spans, in a few words; empty if nothing is recorded of it. */
  of(lane, at) {
    if (!this.known.has(lane)) this.known.set(lane, new Map());
    const known = this.known.get(lane);
    if (!known.has(at)) known.set(at, this.find(lane.name, lane.from[at], lane.to[at]));
    return known.get(at);
  }

  find(name, from, to) {
    const { log } = this;
    const counts = new Map(); // "verb\0resource" -> how often
    const places = this.placesOf(name);
    const first = firstPlace(places, log.clock, from);
    let task = null;
    let tasks = 0;
    for (let at = first; at < places.length && at < first + MOST_LOOKED_AT && log.clock[places[at]] <= to; at++) {
      const i = places[at];
      const kind = log.kindOf(i);
      if (kind === "pool.task_started") [task, tasks] = [i, tasks + 1];
      const verb = lookUp(DEEDS, kind);
      const deed = verb ? `${verb}\0${log.resourceOf(i)?.name ?? "?"}` : log.processOf(i) === name ? undefined : lookUp(DEEDS_BY_OTHERS, kind);
      if (deed) counts.set(deed, (counts.get(deed) ?? 0) + 1);
    }
    if (tasks) return tasks === 1 ? `does ${taskOf(log, task)}` : `does ${count(tasks)} tasks of ${log.field(task, "pool")}`;
    const most = new Set([...counts].sort((one, other) => other[1] - one[1]).slice(0, MOST_DEEDS).map(([deed]) => deed));
    return inWords([...counts.keys()].filter((deed) => most.has(deed))) + (counts.size > MOST_DEEDS ? ", …" : "");
  }

  /** Return the places of what a process did, in order. */
  placesOf(name) {
    this.places ??= this.sortPlaces();
    return this.places.get(name) ?? [];
  }

  sortPlaces() {
    const { log } = this;
    const others = log.kinds.map((kind) => Object.hasOwn(DEEDS_BY_OTHERS, kind));
    const numbers = new Map(log.processes.map((name, number) => [name, number]));
    const doer = (i) => (others[log.kind[i]] ? numbers.get(log.field(i, "by")) ?? -1 : log.process[i]);
    const sums = new Uint32Array(log.processes.length);
    for (let i = 0; i < log.length; i++) if (doer(i) >= 0) sums[doer(i)]++;
    const places = [...sums].map((sum) => new Uint32Array(sum));
    sums.fill(0);
    for (let i = 0; i < log.length; i++) {
      const number = doer(i);
      if (number >= 0) places[number][sums[number]++] = i;
    }
    return new Map(log.processes.map((name, number) => [name, places[number]]));
  }
}

/** Return deeds as one text: of two with the same verb, this stands once. */
function inWords(deeds) {
  let last;
  return deeds.map((deed) => {
    const [verb, resource] = deed.split("\0");
    const isSame = verb === last;
    last = verb;
    return isSame ? resource : resource === undefined ? verb : `${verb} ${resource}`;
  }).join(", ");
}

/** Return the first of the places whose moment is not before `t`. */
function firstPlace(places, clock, t) {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (clock[places[middle]] < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return which task a worker of a pool does. */
function taskOf(log, i) {
  return `task ${log.field(i, "task")} of ${log.field(i, "method")}()`;
}
