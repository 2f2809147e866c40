// Pasted lines of cameras: what spreadsheets and people make of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mostLines, readLines } from "../../../providers/camera/admin-import.ts";

const read = (text: string) => readLines(text).map(({ nickname, url, fault }) => fault ?? `${nickname} ${url}`);

test("readLines() takes commas, semicolons and tabs, quotes, headings, and what surrounds them", () => {
  assert.deepEqual(read("\ufeffNickname;Link\r\ndoor;rtsp://h/1\r\n\r\n# out of order\r\nyard;rtsp://h/2;;\r\n"), [
    "door rtsp://h/1",
    "yard rtsp://h/2",
  ]);
  assert.deepEqual(read("door , rtsp://h/1?a=1,b=2;c\ngate\trtsp://h/3"), [
    "door rtsp://h/1?a=1,b=2;c",
    "gate rtsp://h/3",
  ]);
  assert.deepEqual(read('"door","rtsp://u:a,""b""@h/1"\n"gate";"rtsp://h/2";"a third"'), [
    'door rtsp://u:a,"b"@h/1',
    "gate rtsp://h/2",
  ]);
});

test("readLines() says what is wrong with a line, and where it is", () => {
  assert.deepEqual(readLines("door, rtsp://h/1\n\nrtsp://h/2\nyard\ngate, rtsp://h/3 the gate"), [
    { line: 1, nickname: "door", url: "rtsp://h/1" },
    { line: 3, nickname: "", url: "rtsp://h/2", fault: "a nickname goes before the link: nickname, link" },
    { line: 4, nickname: "yard", url: "", fault: "a link is missing: nickname, link" },
    {
      line: 5,
      nickname: "gate",
      url: "rtsp://h/3 the gate",
      fault: "nothing may follow the link; a space in it is written %20",
    },
  ]);
  // A link is told as one, wherever it stands, so that its password is struck.
  const [turned] = readLines('"rtsp://a:b,c@h/1", door');
  assert.deepEqual([turned?.nickname, turned?.url], ["", "rtsp://a:b,c@h/1, door"]);
  // A heading comes first, or it is a camera without a link.
  assert.equal(readLines("door, rtsp://h/1\nname, link").length, 2);
  const many = readLines("a, rtsp://h/1\n".repeat(mostLines + 5));
  assert.equal(many.length, mostLines + 1);
  assert.match(many.at(-1)?.fault ?? "", /more than/);
});

test("readLines() takes no further columns for the end of a link where headings tell of them", () => {
  const table = readLines("nickname;link;group\ndoor;rtsp://h/1;Garden\nyard;rtsp://h/2?a=1,b;\n");
  assert.deepEqual(table, [
    {
      line: 2,
      nickname: "door",
      url: "rtsp://h/1;Garden",
      fault: "more than a nickname and a link: leave the other columns out",
    },
    { line: 3, nickname: "yard", url: "rtsp://h/2?a=1,b" },
  ]);
  assert.equal(readLines("nickname;link\ndoor;rtsp://h/1;x=2")[0]?.fault, undefined);
  assert.equal(readLines("cameras\ndoor;rtsp://h/1;x=2")[0]?.fault, undefined);
});

test("readLines() takes any text", () => {
  fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => void readLines(text)));
});
