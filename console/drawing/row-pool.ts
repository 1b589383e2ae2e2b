/**
 * Draws a long list whose rows have one height. Only the rows in view have elements, and an element that scrolls out of
 * view is filled with the row that comes into view. Scrolling makes no element and moves none in the document, and the
 * browser lays out only the rows that are filled: a list of thousands scrolls as one of ten, also on a slow computer.
 */

/** An element of a row, which can be filled with any row. */
export interface Line<T> {
  readonly element: HTMLElement;
  fill(row: T): void;
}

interface Place<T> extends Line<T> {
  row?: T;
  /** -1: it is hidden. */
  index: number;
}

const ROW_HEIGHT = 44;
/** Rows above and below those in view, once scrolling rests or is slow: a wheel does not outrun them. */
const SPARE = 4;
const REST_MS = 120;
/** New elements of one frame: a slow computer lays out so many in time. */
const NEW_AT_ONCE = 8;
/** As in the style sheet: before the box is there to be measured. */
const SHARE_OF_WINDOW = 0.7;

const linesOf = (height: number): number => Math.ceil(height / ROW_HEIGHT) + 1;

export class RowPool<T> {
  #rows: readonly T[] = [];
  /** Those that no row has been in are undefined. */
  #places: (Place<T> | undefined)[] = [];
  #inView = linesOf(window.innerHeight * SHARE_OF_WINDOW);
  #top = 0;
  #spare = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #more = 0;
  readonly #measured: ResizeObserver;

  /**
   * @param box scrolls
   * @param body holds the rows and nothing else; its height becomes that of the whole list
   */
  constructor(
    readonly box: HTMLElement,
    readonly body: HTMLElement,
    readonly make: () => Line<T>,
  ) {
    this.#measured = new ResizeObserver(() => this.#resize());
    this.#measured.observe(box);
    box.addEventListener("scroll", this.#scrolled, { passive: true });
  }

  /** @param anew fills each row again: what the rows say has changed without them, such as how long ago */
  show(rows: readonly T[], anew = false): void {
    if (rows.length !== this.#rows.length) this.body.style.height = `${rows.length * ROW_HEIGHT}px`;
    this.#rows = rows;
    // What lies below the end of the list would make it longer.
    this.#hideBut(0, rows.length);
    this.#draw(anew);
    this.#restSoon();
  }

  stop(): void {
    clearTimeout(this.#rest);
    cancelAnimationFrame(this.#more);
    this.#measured.disconnect();
    this.box.removeEventListener("scroll", this.#scrolled);
  }

  readonly #scrolled = (): void => {
    const to = Math.floor(this.box.scrollTop / ROW_HEIGHT);
    // A jump: the rows in view come first, the spare ones when the jumps are over.
    if (Math.abs(to - this.#top) > SPARE) this.#spare = 0;
    this.#top = to;
    this.#draw(false);
    this.#restSoon();
  };

  #resize(): void {
    const inView = linesOf(this.box.clientHeight);
    if (inView === this.#inView) return;
    this.#inView = inView;
    this.body.replaceChildren();
    this.#places = [];
    this.#draw(false);
    this.#restSoon();
  }

  get #range(): readonly [from: number, to: number] {
    const first = Math.max(0, Math.min(this.#top, this.#rows.length - this.#inView));
    const from = Math.max(0, first - this.#spare);
    return [from, Math.min(this.#rows.length, first + this.#inView + this.#spare)];
  }

  #draw(anew: boolean): void {
    const [from, to] = this.#range;
    let made = 0;
    for (let index = from; index < to; index += 1) {
      if (this.#places[this.#placeOf(index)] === undefined) made += 1;
      if (made > NEW_AT_ONCE) {
        cancelAnimationFrame(this.#more);
        this.#more = requestAnimationFrame(() => this.#draw(false));
        return;
      }
      this.#put(index, anew);
    }
  }

  /** A row has the same element wherever the list is scrolled to, so that slow scrolling fills few. */
  #placeOf(index: number): number {
    return index % (this.#inView + 2 * SPARE);
  }

  #put(index: number, anew: boolean): void {
    const at = this.#placeOf(index);
    this.#places[at] ??= this.#newPlace();
    const place = this.#places[at];
    const row = this.#rows[index] as T;
    if (place.index !== index) {
      if (place.index < 0) place.element.hidden = false;
      place.index = index;
      place.element.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
      // The first row is that of the headings.
      place.element.setAttribute("aria-rowindex", String(index + 2));
    } else if (place.row === row && !anew) return;
    place.row = row;
    place.fill(row);
  }

  #newPlace(): Place<T> {
    const { element, fill } = this.make();
    this.body.append(element);
    return { element, fill, index: -1 };
  }

  #hideBut(from: number, to: number): void {
    for (const place of this.#places) {
      if (place === undefined || (place.index >= from && place.index < to) || place.index < 0) continue;
      place.index = -1;
      place.element.hidden = true;
    }
  }

  #restSoon(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#spare = SPARE;
      this.#draw(false);
      this.#hideBut(...this.#range);
      this.#order();
    }, REST_MS);
  }

  /** For the keyboard and for readers of the screen: the order of the document is that of the list. */
  #order(): void {
    const elements = this.#places
      .flatMap((place) => (place === undefined || place.index < 0 ? [] : [place]))
      .sort((a, b) => a.index - b.index)
      .map(({ element }) => element);
    // An element that is moved loses the focus: the others are moved around it.
    const fixed = Math.max(
      0,
      elements.findIndex((element) => element.contains(document.activeElement)),
    );
    for (let at = fixed - 1; at >= 0; at -= 1) {
      const [element, next] = [elements[at] as HTMLElement, elements[at + 1] as HTMLElement];
      if (element.nextElementSibling !== next) next.before(element);
    }
    for (let at = fixed + 1; at < elements.length; at += 1) {
      const [before, element] = [elements[at - 1] as HTMLElement, elements[at] as HTMLElement];
      if (before.nextElementSibling !== element) before.after(element);
    }
  }
}
