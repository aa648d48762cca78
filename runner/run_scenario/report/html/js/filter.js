/* Filter and search: which events are shown, and which contain the words that are looked for. */

class Filter {
  constructor(log) {
    this.log = log;
    this.hidden = { process: new Set(), resource: new Set(), kind: new Set() };
    this.shown = null;
  }

  /** Hide or show all events of a process, of a resource, or of a kind. */
  set(group, name, shown) {
    if (shown) this.hidden[group].delete(name);
    else this.hidden[group].add(name);
    this.apply();
  }

  /** Work out, for each event, whether it is shown. */
  apply() {
    const { log, hidden } = this;
    if (!hidden.process.size && !hidden.resource.size && !hidden.kind.size) {
      this.shown = null;
      return;
    }
    const flags = (names, set) => Uint8Array.from(names, (name) => (set.has(name) ? 0 : 1));
    const kinds = flags(log.kinds, hidden.kind);
    const processes = flags(log.processes, hidden.process);
    const resources = flags(log.resources.map(({ name }) => name), hidden.resource);
    this.shown = new Uint8Array(log.length);
    for (let i = 0; i < log.length; i++) {
      const resource = log.resource[i];
      this.shown[i] = kinds[log.kind[i]] & processes[log.process[i]] & (resource < 0 ? 1 : resources[resource]);
    }
  }

  shows(i) {
    return this.shown === null || this.shown[i] === 1;
  }

  showsProcess(name) {
    return !this.hidden.process.has(name);
  }

  showsResource(name) {
    return !this.hidden.resource.has(name);
  }

  /** Return how many events are shown. */
  count() {
    return this.shown === null ? this.log.length : this.shown.reduce((sum, flag) => sum + flag, 0);
  }

  /** Return the nearest event that is shown, from `i` on in a direction; -1 if there is none. */
  next(i, direction) {
    for (let j = i; j >= 0 && j < this.log.length; j += direction) if (this.shows(j)) return j;
    return -1;
  }
}

/** Return the places of the events that contain every word: in their kind, process or a field. */
function search(log, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return new Int32Array(0);
  const matching = words.map((word) => new Word(log, word));
  const found = [];
  for (let i = 0; i < log.length; i++) if (matching.every((word) => word.isIn(i))) found.push(i);
  return Int32Array.from(found);
}

/** A word, and which of the names and values in the log contain it. */
class Word {
  constructor(log, word) {
    const has = (text) => (String(text).toLowerCase().includes(word) ? 1 : 0);
    this.log = log;
    this.number = /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : null;
    this.kinds = Uint8Array.from(log.kinds, has);
    this.processes = Uint8Array.from(log.processes, has);
    this.values = Uint8Array.from(log.values, (value) => has(typeof value === "object" ? show(value, 4000) : value));
    this.columns = log.fields.map((fields) => Object.values(fields));
  }

  isIn(i) {
    const { log } = this;
    if (this.kinds[log.kind[i]] || this.processes[log.process[i]]) return true;
    return this.columns[log.kind[i]].some((column) => this.isValue(column, log.rows[i]));
  }

  isValue(column, row) {
    const place = column.placeIn ? column.placeIn(row) : -1;
    if (place >= 0) return this.values[place] === 1;
    return this.number !== null && column(row) === this.number;
  }
}
