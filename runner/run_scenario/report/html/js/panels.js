/* Panels: the event that is looked at, and the state of everything at its moment. */

const PROCESSES_SHOWN = 60;

/** A box that says something of the selected event; `content(i)` returns what. */
class Panel {
  constructor(app, box) {
    Object.assign(this, { app, box });
  }

  draw() {
    const i = this.app.state.selected;
    if (i >= 0) put(this.box, ...this.content(i));
  }
}

class EventPanel extends Panel {
  content(i) {
    const { app } = this;
    const event = app.log.event(i);
    const other = app.story.partner[i];
    return [
      el("p", { class: "sentence" }, el("b", {}, sanitize(event.process)), " ", app.sentence(i)),
      other < 0 ? null : el("p", {}, this.link(other, i)),
      el("dl", {}, Object.entries(event).map(([name, value]) => [el("dt", {}, sanitize(name)), el("dd", {}, fieldText(value))])),
    ];
  }

  link(other, i) {
    const { app } = this;
    const put = other < i;
    const waited = Math.abs(app.log.t[i] - app.log.t[other]);
    const text = put ? `put by ${sanitize(app.log.processOf(other))}` : `got by ${sanitize(app.log.processOf(other))}`;
    return el("button", { type: "button", class: "jump", onclick: () => app.select(other) }, `${put ? "←" : "→"} ${text}, ${duration(waited)} ${put ? "before" : "later"}`);
  }
}

/** Return a field's value: a text as it is, all else as JSON. */
function fieldText(value) {
  if (typeof value === "string") return value.split("\n").map(sanitize).join("\n");
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.map(sanitize).join("\n");
  if (value && typeof value === "object" && typeof value.$integer !== "string") return scrubbedJson(value);
  return show(value, 4000);
}

function scrubbedJson(value) {
  return JSON.stringify(value, null, 1).split("\n").map(sanitize).join("\n");
}

class MomentPanel extends Panel {
  content(i) {
    const state = this.app.story.stateAt(i);
    return [this.title(i), this.channels(i), this.resources(state), this.processes(i, state)];
  }

  title(i) {
    return el("p", { class: "quiet" }, `After event ${count(this.app.log.seqOf(i))}, at ${exactly(this.app.log.t[i])}`);
  }

  channels(i) {
    const { app } = this;
    if (!app.story.channels.length) return null;
    const rows = app.story.channels.slice(0, PROCESSES_SHOWN).map((channel) => {
      const depth = channel.depthAt(i);
      const items = app.story.itemsAt(channel, i);
      const more = depth - items.length;
      const shown = items.map((item) => el("span", { class: "item" }, show(item, 24)));
      return el("tr", {}, el("th", { scope: "row" }, sanitize(channel.name)), el("td", { class: "number" }, count(depth)),
        el("td", {}, shown, more > 0 ? ` and ${count(more)} more` : ""));
    });
    return table("Queues and pipes", ["name", "items", "which, the oldest first"], rows);
  }

  resources(state) {
    const { app } = this;
    const rows = app.log.resources.filter(({ family }) => family !== "queue" && family !== "pipe").flatMap(({ name, family }) => {
      const words = this.words(state, name, family);
      return words ? [el("tr", {}, el("th", { scope: "row" }, sanitize(name)), el("td", {}, family.replace("_", " ")), el("td", {}, words))] : [];
    });
    return rows.length ? table("Locks and other resources", ["name", "kind", "state"], rows.slice(0, PROCESSES_SHOWN)) : null;
  }

  words(state, name, family) {
    const holders = [...(state.holders.get(name) || new Map()).keys()].map(sanitize);
    const waiters = [...(state.waiters.get(name) || [])].map(sanitize);
    const parts = [];
    if (family === "lock" || family === "semaphore") parts.push(holders.length ? "held by " + holders.join(", ") : "free");
    if (state.facts.has(name)) parts.push(state.facts.get(name));
    else if (family === "event") parts.push("not set");
    if (waiters.length) parts.push(`${waiters.join(", ")} ${waiters.length === 1 ? "waits" : "wait"}`);
    return parts.join("; ");
  }

  processes(i, state) {
    const { app } = this;
    const t = app.log.t[i];
    const rows = app.lanesData.slice(0, PROCESSES_SHOWN).map((lane) => {
      const [word, tone] = processState(lane, t, state.tasks.get(lane.name), app.deeds);
      return el("tr", {}, el("th", { scope: "row" }, sanitize(lane.name)), el("td", { class: tone }, word));
    });
    const more = app.lanesData.length - rows.length;
    return [table("Processes", ["name", "state"], rows), more > 0 ? el("p", { class: "quiet" }, `and ${count(more)} more`) : null];
  }
}

const DOES = {
  starting: "is being started", running: "runs", computing: "computes", ending: "is about to end",
  competing: "computes, or waits for a processor",
  sleeping: "sleeps, or waits for a processor or something that is not recorded", // by the processor time of the whole bar
};

const WITHOUT_PROCESSOR = { sleeping: ", most of the time without a processor", competing: ", or waits for a processor" };

/** Return what a process does at a moment, in words, and a tone. */
function processState(lane, t, task, deeds, span = -1) {
  if (t < lane.start) return [lane.sighted ? "not seen yet" : "not started yet", "quiet"];
  if (span < 0 && lane.end !== null && t >= lane.end) return [sanitize(lane.ending), lane.allowed ? "quiet" : "bad"];
  const at = span < 0 ? lane.spanAt(t) : span;
  if (at < 0) return ["runs", ""];
  const state = STATES[lane.state[at]];
  const what = sanitize(lane.what[at]);
  if (state === "stuck") return [what, "bad"];
  if (state === "waiting") return ["waits in " + what, "warn"];
  if (what) return ["is in " + what, ""];
  const low = state === "starting" || state === "ending";
  const deed = task ? "does " + task : low ? "" : sanitize(deeds.of(lane, at));
  return [deed ? deed + (WITHOUT_PROCESSOR[state] ?? "") : DOES[state], ""];
}

const NUMBERS = new Set(["items"]);

function table(title, heads, rows) {
  return el("table", { class: "small" }, el("caption", {}, title),
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col", class: NUMBERS.has(head) ? "number" : null }, head)))), el("tbody", {}, rows));
}
