/* The address: which moment is looked at, and how, so that a link leads there. */

const LISTS = ["process", "resource", "kind"];

/** Return what stands behind the # for a state of the page. */
function writeAddress(app) {
  const { state, axis, log, filter } = app;
  const parts = new URLSearchParams();
  if (state.selected >= 0) parts.set("event", log.seqOf(state.selected));
  if (axis.mode !== app.firstMode) parts.set("by", axis.mode);
  const [low, high] = axis.extent();
  if (axis.from > low || axis.to < high) parts.set("range", [axis.from, axis.to].map((x) => Number(x.toPrecision(9))).join(","));
  if (state.query) parts.set("find", state.query);
  for (const group of LISTS) for (const name of filter.hidden[group]) parts.append("hide-" + group, name);
  return parts.toString();
}

/** Bring the page into the state that the address tells; what it does not know is passed over. */
function readAddress(app, hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const { axis, log, filter } = app;
  for (const group of LISTS) filter.hidden[group] = new Set(parts.getAll("hide-" + group));
  filter.apply();
  axis.mode = ["time", "steps"].includes(parts.get("by")) ? parts.get("by") : app.firstMode;
  const range = (parts.get("range") || "").split(",").map(Number);
  [axis.from, axis.to] = range.length === 2 && range.every(Number.isFinite) && range[0] < range[1] ? axis.clamp(...range) : axis.extent();
  const seq = Number(parts.get("event"));
  app.state.selected = Number.isInteger(seq) && seq > 0 ? log.placeOfSeq(seq) : app.firstEvent;
  app.state.expectation = parts.has("event") ? -1 : app.firstExpectation;
  app.look(parts.get("find") || "");
}
