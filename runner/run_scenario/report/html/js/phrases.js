/* Phrases: the sentences of the events, as phrases.py has written them; one with holes is filled from the event. */

class Phrases {
  constructor(kinds) {
    this.kinds = kinds;
  }

  /** Return the phrase of a kind's event by its row: a text, or texts and pairs of a field and how it is written; undefined if it has none. */
  of(kind, row) {
    const known = lookUp(this.kinds, kind);
    if (known === undefined) return undefined;
    if (known.numbers) return known.phrases[known.numbers[row]];
    const at = lowerBound(known.places, row);
    return known.phrases[known.places[at] === row ? known.others[at] : known.most];
  }

  /** Return the sentence of a kind's event by its row, of which `field(name)` gives the fields; undefined if it has none. */
  sentence(kind, row, field) {
    const phrase = this.of(kind, row);
    if (phrase === undefined || typeof phrase === "string") return phrase;
    return phrase.map((part) => (typeof part === "string" ? part : FORMS[part[1]](field(part[0])))).join("");
  }
}
