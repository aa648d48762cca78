/* The page: it reads its data, keeps what is looked at, and draws what has changed once a frame. */

const SKEWED = 0.12; // where the busiest half of the events happens in less of the time than this, steps say more
const SHORT = 400; // and where they are few enough to be told apart

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

class App {
  constructor(data) {
    this.data = data;
    this.log = new Log(data.log);
    this.lanesData = data.lanes.map((lane) => new Lane(lane, data.log.values));
    this.story = new Story(this.log);
    this.phrases = new Phrases(data.sentences);
    this.deeds = new Deeds(this.log);
    this.axis = new Axis(this.log);
    this.filter = new Filter(this.log);
    this.rows = new Rows(this.lanesData, findHolds(this.log));
    this.expectations = findExpectations(this.log);
    this.landmarks = this.placesOf(Object.keys(LANDMARKS));
    this.firstMode = this.isSkewed() ? "steps" : "time";
    this.findOpening();
    this.state = { selected: -1, expectation: -1, query: "" };
    this.found = new Int32Array(0);
    document.documentElement.classList.toggle("dark", systemIsDark.matches);
    this.paint = new Paint();
    this.build();
  }

  /** Make the parts of the page. */
  build() {
    this.lanes = new Lanes(this, byId("lanes"), byId("canvas"), byId("spacer"));
    this.lanes.resize();
    this.depths = new Depths(this, byId("depths"), byId("depths-note"));
    this.input = new Input(this, byId("chart"), byId("tip"));
    this.panels = [new EventPanel(this, byId("event")), new MomentPanel(this, byId("moment"))];
    this.expectationList = new Expectations(this, byId("expectations"));
    this.table = new EventTable(this, byId("rows"), byId("rows-note"), byId("earlier"), byId("later"));
    this.source = this.data.source === null ? null : new Source(this, byId("source"), this.data.source);
    byId("expectations-card").hidden = !this.expectations.length;
    byId("source-card").hidden = this.source === null;
    this.showFacts();
    this.showLegend();
    this.showWaits();
    this.fillMenus();
    this.listen();
    readAddress(this, location.hash);
    this.filtered();
  }

  /** Find what is looked at first: the start, or what shows why the run did not pass; of an expectation, its evidence. */
  findOpening() {
    const { opening } = this.data;
    const place = opening === null ? 0 : this.log.placeOfSeq(opening);
    this.firstExpectation = this.expectations.findIndex((expectation) => expectation.place === place);
    const shown = this.expectations[this.firstExpectation]?.evidence[0] ?? place;
    this.firstEvent = shown < 0 ? this.log.length - 1 : shown;
  }

  isSkewed() {
    const { clock } = this.log;
    const length = this.log.last + 1;
    if (length < 4 || length > SHORT) return false;
    const whole = clock[length - 1] - clock[0];
    const half = Math.floor(length / 2);
    let least = whole;
    for (let i = 0; i + half < length; i++) least = Math.min(least, clock[i + half] - clock[i]);
    return least < whole * SKEWED;
  }

  placesOf(kinds) {
    const wanted = kinds.map((kind) => this.log.kinds.indexOf(kind)).filter((kind) => kind >= 0);
    const places = [];
    if (wanted.length) for (let i = 0; i < this.log.length; i++) if (wanted.includes(this.log.kind[i])) places.push(i);
    return places;
  }

  showFacts() {
    const start = this.log.length ? this.log.event(0) : {};
    const facts = [start.scenario, start.start_method, start.python && "Python " + start.python, start.cpus && plural(start.cpus, "CPU"),
      this.whoRan(), plural(this.log.length, "event"), start.timestamp];
    put(byId("facts"), facts.filter(Boolean).map((fact) => sanitize(fact)).join(" · "));
  }

  /** Return how many ran: the log does not count the main program as one of the processes, either. */
  whoRan() {
    const others = this.lanesData.filter((lane) => lane.name !== "MainProcess").length;
    return (others < this.lanesData.length ? "the main program and " : "") + plural(others, "process");
  }

  /** Show in the legend what there is in this run, and nothing else. */
  showLegend() {
    const { log, story } = this;
    const states = new Set(this.lanesData.flatMap((lane) => [...new Set(lane.state)].map((state) => STATES[state])));
    const isDrawn = log.kinds.map((_, kind) => !["scenario", "expectation"].includes(log.kinds[kind].split(".")[0]));
    const shapes = new Set(log.kinds.filter((_, kind) => isDrawn[kind]).map(shapeOf));
    const holds = this.rows.all.filter((row) => row.type === "lock").flatMap(({ hold }) => hold.from.map((_, at) => isNeverReleased(hold, at)));
    if (holds.includes(false)) states.add("held");
    if (holds.includes(true)) states.add("stuck");
    if (states.has("starting")) states.add("ending");
    if (story.channels.some((channel) => channel.puts.some((place) => story.partner[place] < 0))) shapes.add("hollow");
    for (const item of document.querySelectorAll(".legend li")) {
      const { state, shape } = item.dataset;
      item.hidden = state ? !states.has(state) : !shapes.has(shape);
    }
  }

  showWaits() {
    const graph = this.data.waits;
    byId("waits-card").hidden = !graph || !graph.nodes.length;
    if (byId("waits-card").hidden) return;
    this.roomForWaits = byId("waits").clientWidth;
    put(byId("waits"), drawWaits(graph, this.roomForWaits));
    put(byId("waits-note"), graph.left_out ? `and ${plural(graph.left_out, "process")} more that waited` : "");
  }

  fillMenus() {
    const { log } = this;
    const names = log.resources.map(({ name }) => name);
    fillMenu(this, byId("menu-process"), "process", log.processes, countNames(log.processes, log.process));
    fillMenu(this, byId("menu-resource"), "resource", names, countNames(names, log.resource));
    fillMenu(this, byId("menu-kind"), "kind", log.kinds, countNames(log.kinds, log.kind));
    byId("menu-resource").parentElement.hidden = !names.length;
  }

  listen() {
    const clicks = {
      "step-first": () => this.step(-Infinity), "step-back": () => this.step(-1), "step-on": () => this.step(1), "step-last": () => this.step(Infinity),
      "zoom-in": () => this.input.zoom(1 / ZOOM, this.focus()), "zoom-out": () => this.input.zoom(ZOOM, this.focus()), fit: () => this.fit(),
      theme: () => this.turnTheme(), "find-next": () => this.find(1), "find-previous": () => this.find(-1),
      "help-open": () => byId("help").showModal(), "help-close": () => byId("help").close(), print: () => print(),
    };
    for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener("click", act);
    byId("axis").addEventListener("change", () => this.turnAxis(byId("axis").value));
    byId("search").addEventListener("input", () => this.change({ query: this.look(byId("search").value) }));
    byId("search").addEventListener("keydown", (event) => event.key === "Enter" && this.find(event.shiftKey ? -1 : 1));
    byId("lanes").addEventListener("scroll", () => this.ask());
    addEventListener("hashchange", () => this.come());
    addEventListener("resize", () => this.resized());
    new ResizeObserver(() => requestAnimationFrame(() => this.refit())).observe(byId("lanes"));
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
    systemIsDark.addEventListener("change", () => this.setTheme(systemIsDark.matches));
  }

  /** Go where the address leads, when somebody has changed it. */
  come() {
    if (location.hash.slice(1) === this.written || !location.hash.includes("=")) return; // #events is only a place
    readAddress(this, location.hash);
    this.filtered();
  }

  /** Change what is looked at, and draw it. */
  change(changes) {
    Object.assign(this.state, changes);
    this.ask();
  }

  /** Draw before the next frame. */
  ask() {
    this.asked ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.asked = undefined;
    this.lanes.draw();
    this.depths.draw();
    put(byId("lanes-note"), this.lanes.note);
    byId("axis").value = this.axis.mode;
    const changed = [this.state.selected, this.state.expectation, this.found, this.filter.shown, this.printing];
    if (!this.drawn || changed.some((value, at) => value !== this.drawn[at])) this.drawRest();
    this.drawn = changed;
    this.written = writeAddress(this);
    if (location.hash.slice(1) !== this.written) history.replaceState(null, "", "#" + this.written);
  }

  drawRest() {
    for (const panel of this.panels) panel.draw();
    this.expectationList.draw();
    this.source?.draw();
    this.table.draw();
    this.showPlace();
  }

  showPlace() {
    const { selected } = this.state;
    const { log } = this;
    const lanes = byId("lanes");
    const text = selected < 0 ? "" : `event ${count(log.seqOf(selected))} of ${count(log.length)} · ${exactly(log.t[selected])}`;
    put(byId("place"), text);
    lanes.setAttribute("aria-valuemin", 1);
    lanes.setAttribute("aria-valuemax", log.length);
    lanes.setAttribute("aria-valuenow", selected + 1);
    lanes.setAttribute("aria-valuetext", selected < 0 ? "no event" : `${text}: ${sanitize(log.processOf(selected))} ${this.sentence(selected)}`);
    put(byId("find-note"), this.state.query ? plural(this.found.length, "event") + " found" : "");
    put(byId("filter-note"), this.filter.shown === null ? "" : `${count(this.filter.count())} of ${plural(log.length, "event")} shown`);
  }

  visible(i) {
    return this.filter.shows(i);
  }

  /** Return what happened, without its subject. */
  sentence(i) {
    const { log } = this;
    const known = this.phrases.sentence(log.kindOf(i), log.rows[i], (name) => log.field(i, name));
    if (known !== undefined) return known;
    const fields = Object.entries(log.fields[log.kind[i]]).map(([name, column]) => `${name} ${show(column(log.rows[i]), 40)}`);
    return `${log.kindOf(i)}: ${fields.map(sanitize).join(", ")}`;
  }

  tipOf(i) {
    return `#${count(this.log.seqOf(i))} ${exactly(this.log.t[i])}  ${sanitize(this.log.processOf(i))} ${this.sentence(i)}`;
  }

  /** Return the places of the events that are evidence of what is chosen, or were found. */
  evidence() {
    const { expectation } = this.state;
    return expectation < 0 ? [] : this.expectations[expectation].evidence;
  }

  /** Return where to zoom in: at the event that is looked at, if it can be seen. */
  focus() {
    const { axis, state } = this;
    const x = state.selected < 0 ? NaN : axis.ofEvent(state.selected);
    return x >= axis.from && x <= axis.to ? x : (axis.from + axis.to) / 2;
  }

  /** Look at an event; unless it was clicked, bring it into sight. */
  select(i, reveal = true) {
    if (i < 0) return;
    if (reveal) this.reveal(i);
    this.change({ selected: i });
  }

  reveal(i) {
    const { axis, lanes } = this;
    const x = axis.ofEvent(i);
    const half = (axis.to - axis.from) / 2;
    if (x < axis.from || x > axis.to) [axis.from, axis.to] = axis.clamp(x - half, x + half);
    const row = this.rows.byProcess.get(this.log.processOf(i));
    if (!row) return;
    const room = lanes.height - AXIS_HEIGHT - row.height;
    if (row.y < lanes.box.scrollTop) lanes.box.scrollTop = row.y;
    else if (row.y > lanes.box.scrollTop + room) lanes.box.scrollTop = row.y - room;
  }

  /** Look at the next event that is shown, or the one so many further. */
  step(by) {
    const last = this.log.length - 1;
    if (!Number.isFinite(by)) return this.select(this.filter.next(by < 0 ? 0 : last, by < 0 ? 1 : -1));
    const way = Math.sign(by);
    let at = this.state.selected;
    for (let left = Math.abs(by); left > 0; left--) {
      const next = this.filter.next(at + way, way);
      if (next < 0) break;
      at = next;
    }
    return this.select(at);
  }

  /** Look at the next event of the same process. */
  stepInLane(way) {
    const { log, filter } = this;
    const process = log.process[this.state.selected];
    for (let i = filter.next(this.state.selected + way, way); i >= 0; i = filter.next(i + way, way)) {
      if (log.process[i] === process) return this.select(i);
    }
    return undefined;
  }

  /** Go from a put to its get, or back. */
  follow() {
    this.select(this.state.selected < 0 ? -1 : this.story.partner[this.state.selected]);
  }

  /** Look for words; return them. */
  look(query) {
    this.found = search(this.log, query);
    this.state.query = query;
    if (byId("search").value !== query) byId("search").value = query;
    return query;
  }

  /** Go to the next event that was found. */
  find(way) {
    const { found } = this;
    if (!found.length) return;
    const at = way > 0 ? upperBound(found, this.state.selected) : lowerBound(found, this.state.selected) - 1;
    this.select(found[(at + found.length) % found.length]);
  }

  range(from, to) {
    [this.axis.from, this.axis.to] = this.axis.clamp(from, to);
    this.ask();
  }

  fit() {
    this.range(...this.axis.extent());
  }

  /** Measure by time or by steps; what is looked at stays in sight. */
  turnAxis(mode = this.axis.mode === "time" ? "steps" : "time") {
    const { axis } = this;
    axis.mode = mode;
    this.fit();
  }

  filtered() {
    this.rows.filter(this.filter);
    this.depths.build();
    this.resized();
  }

  resized() {
    if (byId("waits").clientWidth !== this.roomForWaits) this.showWaits();
    this.lanes.resize();
    this.ask();
  }

  /** Fit the lanes to their box after it has changed alone: the scrollbar of a page that has grown takes from its width. */
  refit() {
    if (!this.printing && byId("lanes").clientWidth !== this.lanes.width) this.resized();
  }

  turnTheme() {
    this.setTheme(!document.documentElement.classList.contains("dark"));
  }

  setTheme(dark) {
    document.documentElement.classList.toggle("dark", dark);
    this.repaint();
  }

  repaint() {
    this.paint.refresh();
    this.showWaits();
    this.depths.build();
    this.ask();
  }

  /** Make ready for the printer: light, sharp, and the table as far as it is reasonable. */
  print(printing) {
    this.printing = printing;
    document.documentElement.classList.toggle("printing", printing);
    this.paint.refresh();
    this.depths.build();
    this.lanes.resize(printing ? 3 : devicePixelRatio);
    this.draw();
  }
}

function start() {
  const data = JSON.parse(byId("data").textContent);
  byId("data").textContent = "";
  if (!data.log.t.length) return;
  document.documentElement.classList.add("ready");
  globalThis.runScenario = new App(data);
}

start();
