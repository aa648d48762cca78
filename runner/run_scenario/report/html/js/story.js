/* The story: what the events come to. Puts are tied to their gets, and the state of everything is known at each moment. */

const PUTS = new Set(["queue.put", "pipe.sent"]);
const GETS = new Set(["queue.get", "pipe.received"]);
const OTHER_END = { left: "right", right: "left" };
const CHECKPOINT = 20000;
const ITEMS_SHOWN = 20;

class Story {
  constructor(log) {
    this.log = log;
    this.channels = [];
    this.channel = new Int32Array(log.length).fill(-1);
    this.partner = new Int32Array(log.length).fill(-1);
    this.gone = new Int32Array(log.length).fill(-1); // put -> the event that took the item off, a loss too
    this.tieChannels();
    this.gauges = findGauges(log);
    this.checkpoints = [[-1, new State()]];
  }

  /** Tie each get to its put, and count what is on each queue and in each pipe. */
  tieChannels() {
    const { log } = this;
    const roles = log.kinds.map((kind) => (PUTS.has(kind) ? 1 : GETS.has(kind) ? -1 : 0));
    const losses = log.kinds.map((kind) => kind === "queue.item_dropped" || kind === "queue.items_lost");
    const byName = new Map();
    const bounds = log.kinds[log.kind[0]] === "scenario.started" ? log.field(0, "maxsize") : undefined;
    this.bounds = bounds ?? {};
    for (let i = 0; i < log.length; i++) {
      const role = roles[log.kind[i]];
      if ((role === 0 && !losses[log.kind[i]]) || log.resource[i] < 0) continue;
      const channel = this.channelOf(i, role, byName);
      this.channel[i] = channel.place;
      if (role === 0) channel.add(i, -(Number(log.field(i, "count")) || 1));
      else channel.add(i, role);
      const item = log.field(i, "item_id");
      if (role === 1) channel.pending.set(item, i);
      else if (channel.pending.has(item)) {
        const origin = channel.pending.get(item);
        this.gone[origin] = i;
        if (role === -1) [this.partner[i], this.partner[origin]] = [origin, i];
        channel.pending.delete(item);
      }
    }
  }

  channelOf(i, role, byName) {
    const { log } = this;
    const end = log.field(i, "end");
    const name = end === undefined ? log.resourceOf(i).name : `${log.resourceOf(i).name}.${role === 1 ? end : OTHER_END[end]}`;
    let channel = byName.get(name);
    if (!channel) {
      const bound = end === undefined ? lookUp(this.bounds, name) : undefined;
      channel = new Channel(name, this.channels.length, log.resource[i], end === undefined ? "queue" : "pipe");
      if (typeof bound === "number") channel.bound = bound;
      byName.set(name, channel);
      this.channels.push(channel);
    }
    return channel;
  }

  /** Return the items that are on a channel after event `i`: how many, and the first of them. */
  itemsAt(channel, i) {
    const { log, gone } = this;
    const items = [];
    let taken = channel.earlyAt(i); // the oldest
    for (const put of channel.puts) {
      if (put > i || items.length >= ITEMS_SHOWN) break;
      if ((gone[put] < 0 || gone[put] > i) && taken-- <= 0) items.push(log.field(put, "item"));
    }
    return items;
  }

  /** Return what every lock, event, barrier, value and pool is like after event `i`. */
  stateAt(i) {
    let at = this.checkpoints.length - 1;
    while (this.checkpoints[at][0] > i) at--;
    let [place, state] = this.checkpoints[at];
    state = state.copy();
    while (place < i) {
      place += 1;
      state.apply(this.log, place);
      if (place % CHECKPOINT === 0 && place > this.checkpoints.at(-1)[0]) this.checkpoints.push([place, state.copy()]);
    }
    return state;
  }
}

/** A queue, or one direction of a pipe: what is on it after each of its events. */
class Channel {
  constructor(name, place, resource, family) {
    Object.assign(this, { name, place, resource, family });
    this.bound = Infinity;
    this.length = 0; // as the events tell it: a get may be told after the put that it made room for
    this.early = []; // how many items were taken by gets that are told later
    this.pending = new Map();
    this.puts = [];
    this.places = [];
    this.depths = [];
    this.most = 0;
  }

  add(i, change) {
    this.length = Math.max(0, this.length + change);
    const depth = Math.min(this.length, this.bound);
    this.places.push(i);
    this.depths.push(depth);
    if (this.length > depth || this.early.length) this.early[this.depths.length - 1] = this.length - depth;
    if (depth > this.most) this.most = depth;
    if (change > 0) this.puts.push(i);
  }

  /** Return what went through it, in a few words. */
  balance() {
    const left = this.depths.at(-1) ?? 0;
    return `${count(this.puts.length)} put, ${left ? count(left) + " left" : "none left"}, ${count(this.most)} at most`;
  }

  /** Return how many items are on it after event `i`. */
  depthAt(i) {
    const at = upperBound(this.places, i) - 1;
    return at < 0 ? 0 : this.depths[at];
  }

  /** Return how many of the items whose get is not told by event `i` have been taken all the same. */
  earlyAt(i) {
    return this.early[upperBound(this.places, i) - 1] ?? 0;
  }
}

/** A shared value that is a number: what it is after each write. */
class Gauge {
  constructor(name, resource) {
    Object.assign(this, { name, resource, places: [], depths: [], most: 0, least: 0 });
  }

  add(i, content) {
    this.places.push(i);
    this.depths.push(content);
    this.most = Math.max(this.most, content);
    this.least = Math.min(this.least, content);
  }

  balance() {
    return `${show(this.depths.at(-1))} at last, ${show(this.most)} at most`;
  }

  /** Return what it is after event `i`; undefined before it was written. */
  depthAt(i) {
    return this.depths[upperBound(this.places, i) - 1];
  }
}

function findGauges(log) {
  const kinds = log.kinds.map((kind) => kind === "value.written" || kind === "value.final");
  const found = new Map();
  if (!kinds.some(Boolean)) return [];
  for (let i = 0; i < log.length; i++) {
    const content = kinds[log.kind[i]] ? log.field(i, "content") : undefined;
    if (typeof content !== "number" || log.resource[i] < 0) continue;
    const place = log.resource[i];
    if (!found.has(place)) found.set(place, new Gauge(log.resources[place].name, place));
    found.get(place).add(i, content);
  }
  return [...found.values()];
}

/** What is true of all resources at one moment. */
class State {
  constructor() {
    this.holders = new Map();
    this.waiters = new Map();
    this.facts = new Map();
    this.tasks = new Map();
  }

  copy() {
    const state = new State();
    state.holders = new Map([...this.holders].map(([name, holders]) => [name, new Map(holders)]));
    state.waiters = new Map([...this.waiters].map(([name, waiters]) => [name, new Set(waiters)]));
    state.facts = new Map(this.facts);
    state.tasks = new Map(this.tasks);
    return state;
  }

  /** Take the next event into account. */
  apply(log, i) {
    const kind = log.kindOf(i);
    const act = lookUp(ACTS, kind);
    if (act) act(this, log, i, log.resourceOf(i)?.name, log.processOf(i));
  }

  holdersOf(name) {
    if (!this.holders.has(name)) this.holders.set(name, new Map());
    return this.holders.get(name);
  }

  waitersOf(name) {
    if (!this.waiters.has(name)) this.waiters.set(name, new Set());
    return this.waiters.get(name);
  }

  acquire(name, process) {
    const holders = this.holdersOf(name);
    holders.set(process, (holders.get(process) ?? 0) + 1);
    this.waitersOf(name).delete(process);
  }

  release(name, owner) {
    const holders = this.holdersOf(name);
    const held = (holders.get(owner) ?? 0) - 1;
    if (held > 0) holders.set(owner, held);
    else holders.delete(owner);
  }
}

const arrive = (state, log, i, name, process) => void state.waitersOf(name).add(process);
const leave = (state, log, i, name, process) => void state.waitersOf(name).delete(process);
const hold = (state, log, i, name, process) => state.acquire(name, process);
const free = (state, log, i, name, process) => state.release(name, log.field(i, "owner") ?? process);
const fact = (tell) => (state, log, i, name) => void state.facts.set(name, tell(log, i));
const task = (state, log, i, name, process) =>
  void state.tasks.set(process, `task ${log.field(i, "task")} of ${log.field(i, "method")}()`);
const idle = (state, log, i, name, process) => void state.tasks.delete(process);

/** Event -> what it changes. */
const ACTS = {
  "lock.waiting": arrive, "lock.acquired": hold, "lock.not_acquired": leave, "lock.released": free,
  "semaphore.waiting": arrive, "semaphore.acquired": hold, "semaphore.not_acquired": leave, "semaphore.released": free,
  "event.set": fact(() => "set"), "event.cleared": fact(() => "not set"),
  "event.waiting": arrive, "event.waited": leave,
  "condition.waiting": arrive, "condition.waited": leave,
  "barrier.waiting": arrive, "barrier.passed": leave, "barrier.broken": leave,
  "value.written": fact((log, i) => show(log.field(i, "content"))),
  "value.final": fact((log, i) => show(log.field(i, "content"))),
  "array.final": fact((log, i) => show(log.field(i, "content"))),
  "pool.task_started": task, "pool.task_finished": idle, "pool.task_failed": idle, "pool.worker_lost": idle,
};
