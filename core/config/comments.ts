// The comments of a config file's text, which stay when what they stand in goes.
import { Lexer } from "yaml";

function commentsOf(source: string): string[] {
  return Array.from(new Lexer().lex(source)).flatMap((lexeme) => (lexeme.startsWith("#") ? lexeme.trimEnd() : []));
}

/** Comments of a text that are not in what comes in its place. */
export function lostComments(source: string, next: string): readonly string[] {
  const left = commentsOf(next);
  return commentsOf(source).filter((comment) => {
    const kept = left.indexOf(comment);
    if (kept >= 0) left.splice(kept, 1);
    return kept < 0;
  });
}

/** A text of whole lines with a comment behind its first. */
export function withComment(text: string, comment: string): string {
  return comment === "" ? text : text.replace(/(\r?\n|$)/, () => `${comment}\n`);
}

/** The start of the line after. */
export function nextLine(source: string, offset: number): number {
  const at = source.indexOf("\n", offset);
  return at < 0 ? source.length : at + 1;
}

/** The end of the comments that follow and stand further in. */
export function afterComments(source: string, from: number, column: number): number {
  let to = from;
  for (;;) {
    const [line = "", spaces = ""] = /^( *)#[^\n]*/.exec(source.slice(to, nextLine(source, to))) ?? [];
    if (line === "" || spaces.length <= column) return to;
    to = nextLine(source, to);
  }
}
