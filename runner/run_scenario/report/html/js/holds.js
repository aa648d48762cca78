/* Who holds which lock or semaphore, from when to when. */

/** Return, for each lock and semaphore, its holds: lists of process, first and last event (or -1), and slot. */
function findHolds(log) {
  const acts = log.kinds.map((kind) => (/^(lock|semaphore)\.(acquired|released|abandoned)$/.exec(kind) || [])[2]);
  const found = new Map();
  if (!acts.some(Boolean)) return found;
  for (let i = 0; i < log.length; i++) {
    const act = acts[log.kind[i]];
    if (!act || log.resource[i] < 0) continue;
    const place = log.resource[i];
    if (!found.has(place)) found.set(place, new Holds(log.resources[place]));
    found.get(place)[act](log, i);
  }
  return found;
}

/** Return whether a process has ended with what it held, and nobody has released it for it. */
function isNeverReleased(hold, at) {
  return hold.left[at] && hold.to[at] < 0;
}

class Holds {
  constructor(resource) {
    this.resource = resource;
    this.from = [];
    this.to = [];
    this.process = [];
    this.slot = [];
    this.left = [];
    this.slots = 1;
    this.open = [];
  }

  acquired(log, i) {
    const process = log.processOf(i);
    const taken = new Set(this.open.map((hold) => this.slot[hold]));
    const mine = this.open.find((hold) => this.process[hold] === process);
    let slot = 0;
    while (taken.has(slot)) slot++;
    if (mine !== undefined && this.resource.family === "lock") slot = this.slot[mine];
    this.slots = Math.max(this.slots, slot + 1);
    this.open.push(this.from.push(i) - 1);
    this.to.push(-1);
    this.process.push(process);
    this.slot.push(slot);
    this.left.push(false);
  }

  released(log, i) {
    const owner = log.field(i, "owner") ?? log.processOf(i);
    const at = this.open.findLastIndex((hold) => this.process[hold] === owner);
    if (at < 0) return;
    this.to[this.open[at]] = i;
    this.open.splice(at, 1);
  }

  abandoned(log, i) {
    for (const hold of this.open) if (this.process[hold] === log.processOf(i)) this.left[hold] = true;
  }
}
