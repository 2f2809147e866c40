// Pieces of a text that are put in place of others.

/** What goes in place of `[from, to)`. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The last goes first; of two that begin at one place, the one that was noted last comes last. */
export function applied(source: string, splices: readonly Splice[]): string {
  const windows = source.includes("\r\n");
  let text = source;
  for (const splice of splices.toReversed().sort((a, b) => b.from - a.from || b.to - a.to)) {
    const coming = windows ? splice.text.replace(/\r?\n/g, "\r\n") : splice.text;
    text = text.slice(0, splice.from) + coming + text.slice(splice.to);
  }
  return text;
}
