/* Words: values as Python writes them, unfit characters made visible, numbers and times made short. */

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/** Return `text` with control characters, bidirectional controls and lone surrogates made visible. */
function sanitize(text) {
  return String(text).replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0);
    if (code === 10) return "\\n";
    if (code === 13) return "\\r";
    if (code < 0x100) return "\\x" + code.toString(16).padStart(2, "0");
    return "\\u" + code.toString(16).padStart(4, "0");
  });
}

/** Return `text`, cut to `limit` characters with an ellipsis as the last. */
function shorten(text, limit) {
  return text.length <= limit ? text : text.slice(0, limit - 1) + "…";
}

/** Return a value of the log as Python writes it, on one line. */
function show(value, limit = 60) {
  return shorten(sanitize(asPython(value, limit + 1)), limit);
}

function asPython(value, limit) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return "'" + value.slice(0, limit).replace(/[\\']/g, "\\$&") + "'";
  if (typeof value !== "object") return String(value);
  if (typeof value.$integer === "string") return value.$integer;
  const elements = elementsOf(value);
  if (elements !== null) return collection(Object.keys(value)[0], elements, limit);
  if (isObject(value)) return object(value, limit);
  const parts = [];
  let length = 0;
  for (const [key, each] of Array.isArray(value) ? value.map((item) => [null, item]) : Object.entries(value)) {
    if (length > limit) {
      parts.push("…");
      break;
    }
    const part = (key === null ? "" : asPython(key, limit) + ": ") + asPython(each, limit);
    length += part.length + 2;
    parts.push(part);
  }
  return Array.isArray(value) ? "[" + parts.join(", ") + "]" : "{" + parts.join(", ") + "}";
}

// Forms of what JSON has no word for, as scenario/forms.py has them.

/** Return the elements of `{"tuple": […]}` and the like; null of anything else. */
function elementsOf(value) {
  const [key, ...others] = Object.keys(value);
  const is = others.length === 0 && ["tuple", "set", "frozenset"].includes(key) && Array.isArray(value[key]);
  return is ? value[key] : null;
}

function collection(kind, elements, limit) {
  const listed = asPython(elements, limit).slice(1, -1);
  if (kind === "tuple") return elements.length === 1 ? `(${listed},)` : `(${listed})`;
  if (elements.length === 0) return `${kind}()`;
  return kind === "set" ? `{${listed}}` : `frozenset({${listed}})`;
}

function isObject(value) {
  return typeof value.object === "string" && value.object.includes(":") && Object.keys(value).length > 1;
}

function object(value, limit) {
  const { object: reference, ...parts } = value;
  const [module, ...rest] = reference.split(":");
  const name = module === "builtins" ? rest.join(":") : `${module}.${rest.join(":")}`;
  const keys = Object.keys(parts).join(" ");
  if (keys === "text" && module === "datetime") return String(parts.text);
  if (keys === "name value" && typeof parts.name === "string") return `${name}.${parts.name}`;
  const { text, value: content, elements, fields, ...others } = parts;
  const listed = [text, content, elements].filter((each) => each !== undefined).map((each) => asPython(each, limit));
  const named = Object.entries({ ...fields, ...others }).map(([key, each]) => `${key}=${asPython(each, limit)}`);
  return `${name}(${[...listed, ...named].join(", ")})`;
}

/** Return a whole number with commas. */
function count(number) {
  return number.toLocaleString("en-GB");
}

/** Return `1 item`, `2 items`, `2 processes`. */
function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`;
}

/** Return seconds as the log has them: to the microsecond. */
function exactly(seconds) {
  return seconds.toFixed(6) + " s";
}

/** Return seconds as a person says them; `digits` behind the point. */
function seconds(number, digits = 3) {
  return number.toFixed(digits) + " s";
}

/** Return a duration in the unit that suits it. */
function duration(number) {
  if (number < 0.001) return (number * 1e6).toFixed(0) + " µs";
  if (number < 1) return (number * 1e3).toPrecision(3) + " ms";
  return number.toPrecision(3) + " s";
}
