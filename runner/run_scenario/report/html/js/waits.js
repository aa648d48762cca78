/* Who waits for what: the report of a deadlock as a graph. A circle of waiting is drawn as a circle. */

const WIDE = { nodeWidth: 216, lineLength: 36, titleLength: 24 };
const NARROW = { nodeWidth: 158, lineLength: 24, titleLength: 19 }; // two beside each other in 360 pixels
const MOST_SHRUNK = 1.3; // times that a drawing may be wider than the room it has: text stays readable
const MOST_LINES = 4;
const LABEL_PART = 0.6; // of the way down an edge stands its label: there two of one node are apart
const NODE_GAP = 26;
const LAYER_GAP = 120;
const NARROW_GAP = 48;
const LINE_HEIGHT = 15;

/** Return a drawing of the graph in so much room, with a description for those who cannot see it. */
function drawWaits(graph, room) {
  const wide = layGraph(graph, WIDE, room);
  const { nodes, edges, width, height } = wide.width > room * MOST_SHRUNK ? layGraph(graph, NARROW, room) : wide;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "waits", role: "img", "aria-labelledby": "waits-text", width });
  picture.append(
    svg("title", { id: "waits-text" }, graph.edges.map((edge) => `${sanitize(nodes[edge.from].title)} ${edge.label} ${sanitize(nodes[edge.to].title)}`).join("; ")),
    arrowHead("waits-head", "head"), arrowHead("waits-head-stuck", "head stuck"),
    ...edges.map((edge) => drawEdge(edge)), ...nodes.map((node) => drawNode(node)),
  );
  return picture;
}

/** Return the nodes and edges with their places, in one of the two forms, and how large the drawing is. */
function layGraph(graph, form, room) {
  const nodes = graph.nodes.map((node) => {
    const lines = node.lines.flatMap((line) => wrap(sanitize(line), form.lineLength)).slice(0, MOST_LINES);
    const name = shorten(sanitize(node.title), form.titleLength);
    return { ...node, name, wrapped: lines, height: 34 + lines.length * LINE_HEIGHT, width: form.nodeWidth };
  });
  const edges = graph.edges.map((edge) => ({ ...edge, source: nodes[edge.from], target: nodes[edge.to] }));
  const circle = findCircle(nodes, edges);
  if (form === NARROW) placeBelow(nodes, edges, circle, room);
  else placeNodes(nodes, edges, circle);
  const [width, height] = ["x", "y"].map((axis) => Math.max(...nodes.map((node) => node[axis] + (axis === "x" ? node.width : node.height) / 2)) + 16);
  return { nodes, edges, width, height };
}

/** Return the nodes of a circle of edges, in its order; empty if there is none. */
function findCircle(nodes, edges) {
  const state = new Map();
  const path = [];
  const visit = (node) => {
    state.set(node, "open");
    path.push(node);
    for (const edge of edges) {
      if (edge.source !== node) continue;
      if (state.get(edge.target) === "open") return path.slice(path.indexOf(edge.target));
      const found = state.has(edge.target) ? [] : visit(edge.target);
      if (found.length) return found;
    }
    state.set(node, "done");
    path.pop();
    return [];
  };
  for (const node of nodes) {
    const found = state.has(node) ? [] : visit(node);
    if (found.length) return found;
  }
  return [];
}

function placeNodes(nodes, edges, circle) {
  const layers = layerNodes(nodes, edges, circle);
  const circleSize = circle.length ? Math.max(circle.length * 62, 210) : 0;
  const heights = layers.map((layer) => layer.reduce((sum, node) => sum + node.height + NODE_GAP, -NODE_GAP));
  const ringHeight = circle.length ? circleSize + 70 : 0;
  const height = Math.max(...heights, ringHeight);
  let x = WIDE.nodeWidth / 2 + 8;
  layers.forEach((layer, at) => {
    let y = (height - heights[at]) / 2 + 12;
    for (const node of layer) {
      Object.assign(node, { x, y: y + node.height / 2 });
      y += node.height + NODE_GAP;
    }
    x += WIDE.nodeWidth + LAYER_GAP;
  });
  if (circle.length) placeCircle(circle, x - WIDE.nodeWidth / 2, height / 2 + 12, circleSize);
}

/** Place the nodes for a narrow page: each layer below the one before, two nodes in a line, and the circle at the bottom. */
function placeBelow(nodes, edges, circle, room) {
  const width = Math.max(room - 24, 2 * NARROW.nodeWidth + 8);
  let y = 8;
  for (const layer of layerNodes(nodes, edges, circle)) {
    for (let at = 0; at < layer.length; at += 2) {
      const line = layer.slice(at, at + 2);
      const height = Math.max(...line.map((node) => node.height));
      line.forEach((node, place) => Object.assign(node, { x: 8 + (width * (2 * place + 1)) / (2 * line.length), y: y + height / 2 }));
      y += height + NODE_GAP;
    }
    y += NARROW_GAP;
  }
  const highest = Math.max(0, ...circle.map((node) => node.height));
  const size = (circle.length * (highest + NARROW_GAP)) / 2; // half of them stand on each side
  circle.forEach((node, at) => {
    const angle = -Math.PI / 2 + (at / circle.length) * Math.PI * 2;
    node.x = 8 + width / 2 + Math.cos(angle) * ((width - NARROW.nodeWidth) / 2);
    node.y = y + highest / 2 + size / 2 + Math.sin(angle) * (size / 2);
  });
}

function placeCircle(circle, left, middle, size) {
  const across = Math.max(size * 0.85, 250);
  circle.forEach((node, at) => {
    const angle = Math.PI + (at / circle.length) * Math.PI * 2;
    node.x = left + WIDE.nodeWidth / 2 + across + Math.cos(angle) * across;
    node.y = middle + Math.sin(angle) * (size / 2);
  });
}

/** Return the nodes outside of the circle in layers: each stands left of what it waits for. */
function layerNodes(nodes, edges, circle) {
  const depth = new Map(circle.map((node) => [node, 0]));
  const depthOf = (node, seen = new Set()) => {
    if (depth.has(node) || seen.has(node)) return depth.get(node) ?? 0;
    seen.add(node);
    const below = edges.filter((edge) => edge.source === node).map((edge) => depthOf(edge.target, seen));
    depth.set(node, below.length ? Math.max(...below) + 1 : circle.length ? 1 : 0);
    return depth.get(node);
  };
  const outside = nodes.filter((node) => !circle.includes(node));
  const deepest = Math.max(0, ...outside.map((node) => depthOf(node)));
  const layers = Array.from({ length: deepest + 1 }, () => []);
  for (const node of outside) layers[deepest - depthOf(node)].push(node);
  return layers.filter((layer) => layer.length);
}

function arrowHead(id, style) {
  const head = svg("path", { d: "M0,0 L9,4.5 L0,9 z", class: style });
  return svg("marker", { id, viewBox: "0 0 9 9", refX: 8.5, refY: 4.5, markerWidth: 9, markerHeight: 9, orient: "auto", markerUnits: "userSpaceOnUse" }, head);
}

function drawEdge(edge) {
  const { source, target } = edge;
  const [x1, y1] = border(source, target.x, target.y);
  const [x2, y2] = border(target, source.x, source.y);
  const stuck = edge.tone === "stuck";
  const part = Math.abs(y2 - y1) > Math.abs(x2 - x1) ? LABEL_PART : 0.5;
  const [middleX, middleY] = [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part];
  return svg("g", { class: "edge " + edge.tone },
    svg("line", { x1, y1, x2, y2, "marker-end": `url(#waits-head${stuck ? "-stuck" : ""})` }),
    svg("text", { x: middleX, y: middleY - 6, class: "halo" }, edge.label),
    svg("text", { x: middleX, y: middleY - 6 }, edge.label));
}

/** Return where the line from a node's middle to a point leaves the node. */
function border(node, x, y) {
  const [dx, dy] = [x - node.x, y - node.y];
  const scale = Math.min(node.width / 2 / (Math.abs(dx) || 1e-9), node.height / 2 / (Math.abs(dy) || 1e-9));
  return [node.x + dx * scale, node.y + dy * scale];
}

/** Return a text as lines that fit into a node. */
function wrap(text, length) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= length) lines.push("");
    lines.push(shorten((lines.pop() + " " + word).trim(), length));
  }
  return lines;
}

function drawNode(node) {
  const { x, y, width, height } = node;
  const shape = svg("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: node.type === "process" ? 7 : height / 2.6 });
  const lines = node.wrapped.map((text, at) => svg("text", { x, y: y - height / 2 + 38 + at * LINE_HEIGHT, class: "small" }, text));
  return svg("g", { class: `node ${node.type} ${node.tone}` }, shape,
    svg("text", { x, y: y - height / 2 + 20, class: "name" }, node.name), lines,
    svg("title", {}, [node.title, ...node.lines].map(sanitize).join(" · ")));
}
