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
  if (typeof value === "string") return quoted(value.slice(0, limit));
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

/** Return a text in quotes, of the kind that Python chooses. */
function quoted(text) {
  return text.includes("'") && !text.includes('"') ? '"' + text.replaceAll("\\", "\\\\") + '"' : "'" + text.replace(/[\\']/g, "\\$&") + "'";
}

// Forms of what JSON has no word for, as scenario/data.py has them.

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

/** Return a float as Python writes it: `1.0`, `1e-05`. */
function float(number) {
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return number.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  return Number.isInteger(number) ? number + ".0" : String(number);
}

/** Return a number with so many digits behind the point. As Python does, what is just between two is rounded to the even one. */
function rounded(number, digits) {
  const isBetween = (number * 2 ** (digits + 1)) % 2 === 1;
  return (isBetween ? (Math.round((number * 10 ** digits) / 2) * 2) / 10 ** digits : number).toFixed(digits);
}

/** Return a duration as the sentences say it: `0.004 s`, `2.5 s`, `61 s`. */
function seconds(number) {
  if (number >= 100) return rounded(number, 0) + " s";
  return rounded(number, number >= 0.1 ? 2 : 3).replace(/0+$/, "").replace(/\.$/, "") + " s";
}

/** Return a duration in the unit that suits it. */
function duration(number) {
  if (number < 0.001) return (number * 1e6).toFixed(0) + " µs";
  if (number < 1) return (number * 1e3).toPrecision(3) + " ms";
  return number.toPrecision(3) + " s";
}

/** How a value may be written in a sentence, as phrases.py has it. */
const FORMS = {
  value: (value) => show(value), float: (value) => float(value), text: (value) => (typeof value === "string" ? sanitize(value) : show(value)),
  count: (value) => count(value), seconds: (value) => seconds(value), each: (values) => values.map((each) => show(each)).join(", "),
};
