/* Menus: what to show of processes, resources and kinds of events. */

const MOST_CHOICES = 500;

/** Fill a menu with a box to tick for each name; `counts` says how many events each has. */
function fillMenu(app, box, group, names, counts) {
  const narrow = el("input", { type: "search", "aria-label": "narrow down", placeholder: "narrow down" });
  const list = el("div", { class: "choices" });
  const all = (shown) => () => {
    for (const name of narrowed()) app.filter.set(group, name, shown);
    app.filtered();
    fill();
  };
  const narrowed = () => names.filter((name) => name.toLowerCase().includes(narrow.value.toLowerCase()));
  const fill = () => {
    const shown = narrowed();
    const more = shown.length - MOST_CHOICES;
    put(list, shown.slice(0, MOST_CHOICES).map((name) => choice(app, group, name, counts.get(name) ?? 0)),
      more > 0 ? el("p", { class: "quiet" }, `and ${count(more)} more: narrow down`) : null);
  };
  narrow.addEventListener("input", fill);
  const buttons = el("div", { class: "buttons" }, el("button", { type: "button", onclick: all(true) }, "show all"),
    el("button", { type: "button", onclick: all(false) }, "hide all"));
  put(box, names.length > 12 ? narrow : null, buttons, list);
  const menu = box.parentElement;
  menu.addEventListener("toggle", fill);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", (event) => (menu.open &&= menu.contains(event.target)));
  fill();
}

function choice(app, group, name, events) {
  const tick = el("input", { type: "checkbox", onchange: () => {
    app.filter.set(group, name, tick.checked);
    app.filtered();
  } });
  tick.checked = !app.filter.hidden[group].has(name);
  return el("label", {}, tick, " ", sanitize(name), el("span", { class: "quiet" }, " " + count(events)));
}

/** Return how many events each name has; `places` gives the place of each event's name, or -1. */
function countNames(names, places) {
  const sums = new Uint32Array(names.length);
  for (let i = 0; i < places.length; i++) if (places[i] >= 0) sums[places[i]]++;
  return new Map(names.map((name, place) => [name, sums[place]]));
}
