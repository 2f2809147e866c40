// The line of progress on a terminal, and the lines of the log above it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createProgress } from "../../core/progress.ts";
import { createTestClock } from "../support/clock.ts";

/** What a terminal shows after `text`: carriage returns go back, `ESC [ K` clears to the end of the line. */
const esc = String.fromCharCode(27);

function screen(text: string): string[] {
  const lines = [""];
  let column = 0;
  for (const [sign] of text.matchAll(new RegExp(`${esc}\\[K|[\\s\\S]`, "g"))) {
    const line = lines.at(-1) ?? "";
    if (sign === "\r") column = 0;
    else if (sign === "\n") {
      lines.push("");
      column = 0;
    } else if (sign === `${esc}[K`) lines[lines.length - 1] = line.slice(0, column);
    else {
      lines[lines.length - 1] = line.slice(0, column) + sign + line.slice(column + 1);
      column++;
    }
  }
  return lines;
}

function open(isTTY: boolean) {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const terminal = { isTTY, write };
  return { progress: createProgress(terminal, createTestClock()), shown: () => screen(written) };
}

describe("createProgress()", () => {
  const merging = { source: "guide", bytes: 3_000_000, programmes: 7, kept: 5 };

  it("keeps its line below those of the log, whole and unmixed", () => {
    const { progress, shown } = open(true);
    progress.write("before");
    progress.merge(merging);
    progress.write("a");
    progress.write("a line that is longer than that of the progress");
    assert.deepEqual(shown(), [
      "before",
      "a",
      "a line that is longer than that of the progress",
      "guide: 3 MB, 7 programmes",
    ]);
    progress.merge({ ...merging, programmes: 8 });
    progress.end();
    progress.write("after");
    assert.deepEqual(shown().slice(3), ["after", ""]);
  });

  it("leaves the log alone where there is no terminal", () => {
    const { progress, shown } = open(false);
    progress.merge(merging);
    progress.write("a");
    progress.end();
    assert.deepEqual(shown(), ["a", ""]);
  });
});
