// What a device keeps of the documents that it has sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSentDocuments, mostKept } from "../../../plugins/hdhomerun/sent-documents.ts";

test("a document is made once, and anew when what it is made of has changed", async () => {
  let version = 1;
  let made = 0;
  const documents = createSentDocuments(() => version);
  const get = async () => await documents.get("/lineup.json", "application/json", () => `${++made}`).text();
  assert.deepEqual([await get(), await get()], ["1", "1"]);
  version++;
  assert.deepEqual([await get(), await get()], ["2", "2"]);
  assert.equal(documents.size, "/lineup.json".length + 1);
});

test("however many hosts are made up, no more is kept than fits", () => {
  const documents = createSentDocuments(() => 1);
  const lineup = "x".repeat(2 ** 21);
  for (let host = 0; host < 64; host++) {
    documents.get(`/lineup.json http://h${host}.example`, "application/json", () => lineup);
    assert.ok(documents.size <= mostKept, `${documents.size} bytes after ${host + 1} hosts`);
  }
  documents.get("/lineup.json http://large.example", "application/json", () => "y".repeat(mostKept + 1));
  documents.get("/lineup.json http://next.example", "application/json", () => lineup);
  assert.ok(documents.size <= mostKept);
});
