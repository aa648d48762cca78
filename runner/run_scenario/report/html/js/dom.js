/* The document: elements are made here, and what the log says only ever becomes text in them. */

const SVG = "http://www.w3.org/2000/svg";

/** Return the element with that id. */
function byId(id) {
  return document.getElementById(id);
}

/** Return a new element; children are elements or text, properties beginning with `on` are listeners. */
function el(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Return a new element of SVG. */
function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Replace what `element` holds. */
function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
}

/** Return what a table has under a name that comes from a log: `constructor` is nothing special there. */
function lookUp(table, name) {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Return the first place in the sorted `numbers` whose value is not below `wanted`. */
function lowerBound(numbers, wanted, low = 0, high = numbers.length) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return the first place in the sorted `numbers` whose value is above `wanted`. */
function upperBound(numbers, wanted, low = 0, high = numbers.length) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
