// A problem of the config: where it stands, which key, and a sentence for the person who wrote it.

/** Where something stands. Line and column count from 1; 0 where there are none (environment, command line). */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What is wrong, and where. `key` is a path such as `instances.italia.guides[1]`, or empty for the whole file. */
export interface Problem extends Place {
  readonly key: string;
  readonly reason: string;
}

/** The way from the top of the file to a value. */
export type KeyPath = readonly (string | number)[];

/** One line: `headend.yaml:7:5 instances.italia.playlst: unknown key; did you mean playlist?` */
export function formatProblem({ file, line, column, key, reason }: Problem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return printable(key ? `${place} ${key}: ${reason}` : `${place}: ${reason}`);
}

/** Writes a path of keys: `instances.italia.map["Italia 1.it"]`. */
export function formatKey(path: KeyPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\w-]{1,80}$/.test(part)) text += text ? `.${part}` : part;
    else text += `[${JSON.stringify(part.length > 80 ? `${part.slice(0, 79)}…` : part)}]`;
  }
  return text;
}

/** Problems in the order of the file. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** The text with characters that would steer a terminal or fake a line made visible. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}
