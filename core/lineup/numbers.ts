// Gives channels their numbers: once given, a number stays with its channel and is never given to another.
import type { Pause } from "../clock.ts";
import { paced } from "./paced.ts";

/** A range of numbers, both ends included. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** A channel that asks for a number. */
export interface NumberRequest {
  /** `<instance>:<id>`. */
  readonly id: string;
  /** The number it has; empty when it is new. */
  readonly has: string;
  /** What upstream or the user wishes. */
  readonly wish: string | undefined;
  /** The user's own wish: it moves a channel that already has a number. */
  readonly pinned: boolean;
}

/** All numbers ever given, and to whom. */
export class NumberBook {
  /** By `sortKey()`: whole numbers are looked up sooner than texts. */
  readonly #owner = new Map<number, string>();
  readonly #next = new Map<number, number>();

  /** Remembers a number that was given before. */
  enter(number: string, id: string): void {
    this.#owner.set(sortKey(number), id);
  }

  /** True when nobody else ever had it. */
  free(number: string, id: string): boolean {
    const owner = this.#owner.get(sortKey(number));
    return owner === undefined || owner === id;
  }

  /**
   * Numbers for `count` channels, in their order; wishes come before allocation. `refused` hears of user wishes that
   * cannot be met; `pause` is awaited now and then.
   */
  async give(
    requestAt: (place: number) => NumberRequest,
    count: number,
    range: NumberRange | undefined,
    refused: (request: NumberRequest) => void,
    pause: Pause,
  ): Promise<string[]> {
    const numbers: string[] = [];
    await paced(count, pause, (place) => {
      numbers.push(this.#grant(requestAt(place), range, refused));
    });
    await paced(count, pause, (place) => {
      numbers[place] ||= this.#allocate(requestAt(place).id, range);
    });
    return numbers;
  }

  /** The number it has, or the wish that can be met; empty when one must be allocated. */
  #grant(request: NumberRequest, range: NumberRange | undefined, refused: (request: NumberRequest) => void): string {
    const { pinned, has } = request;
    const wish = request.wish === undefined ? undefined : parseNumber(request.wish);
    if (!request.wish || (has && !pinned)) return has;
    if (wish && this.free(wish, request.id) && (pinned || within(wish, range))) {
      this.enter(wish, request.id);
      return wish;
    }
    if (pinned) refused(request);
    return has;
  }

  /** The lowest number of the range that was never given; past its end when the range is full, so that nobody goes without. */
  #allocate(id: string, range: NumberRange | undefined): string {
    const from = range?.from ?? 1;
    let number = this.#next.get(from) ?? from;
    while (this.#owner.has(number * 1000)) number++;
    this.#next.set(from, number + 1);
    this.#owner.set(number * 1000, id);
    return String(number);
  }
}

/**
 * A number in the one form in which it is given: digits, or digits.digits (a sub-channel), without zeros that say nothing;
 * undefined for what cannot be dialled. `007` is 7, and so is `7.0`.
 */
export function parseNumber(text: string): string | undefined {
  const [, major, minor = "0"] = /^(\d{1,7})(?:\.(\d{1,3}))?$/.exec(text) ?? [];
  if (major === undefined || (Number(major) === 0 && Number(minor) === 0)) return undefined;
  return Number(minor) === 0 ? String(Number(major)) : `${Number(major)}.${Number(minor)}`;
}

function within(number: string, range: NumberRange | undefined): boolean {
  return !range || (Number(number) >= range.from && Number(number) < range.to + 1);
}

/** An integer that sorts as the number does: `5.2` before `5.10`, both before `6`. */
export function sortKey(number: string): number {
  const dot = number.indexOf(".");
  return dot === -1 ? Number(number) * 1000 : Number(number.slice(0, dot)) * 1000 + Number(number.slice(dot + 1));
}
