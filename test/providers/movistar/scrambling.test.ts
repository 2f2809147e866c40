// Encrypted channels: known by their packets, left out of the lists, and listed all the same where the user says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createScrambling, createScramblingProbe } from "../../../providers/movistar/scrambling.ts";
import { openWhole, read } from "../../support/movistar/headend.ts";
import { openMovistar } from "../../support/movistar/index.ts";
import { show } from "../../support/movistar/pictures.ts";
import { multicastMissing } from "../../support/multicast.ts";

/** The beginning of some pictures. */
function pictures(scrambled: boolean): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const datagrams: Buffer[] = [];
    const showing = show({
      from: 0,
      scrambled,
      send(datagram) {
        datagrams.push(datagram);
        if (datagrams.length < 40) return;
        showing.stop();
        resolve(new Uint8Array(Buffer.concat(datagrams)));
      },
    });
  });
}

test("the bits of the video's packets tell whether a stream is encrypted, its sound's do not", async () => {
  const [clear, scrambled] = await Promise.all([pictures(false), pictures(true)]);
  assert.equal(createScramblingProbe().push(clear), false);
  assert.equal(createScramblingProbe().push(scrambled), true);
  assert.equal(createScramblingProbe().push(clear.subarray(0, 1316)), undefined);
});

test("what was found is kept, and told when it changes", async () => {
  const told: string[] = [];
  const scrambling = createScrambling('{"1":true,"2":"x"}', (text) => told.push(text));
  assert.equal(scrambling.isEncrypted("1"), true);
  assert.equal(scrambling.isEncrypted("2"), undefined);
  const bytes = await pictures(false);
  for await (const chunk of scrambling.watch(
    "1",
    (async function* () {
      yield bytes;
    })(),
  ))
    assert.equal(chunk, bytes);
  assert.equal(scrambling.isEncrypted("1"), false);
  assert.deepEqual(told, ['{"1":false}']);
  scrambling.forget();
  assert.deepEqual([scrambling.isEncrypted("1"), told.at(-1)], [undefined, "{}"]);
  assert.equal(createScrambling("no JSON", () => {}).isEncrypted("1"), undefined);
});

for (const [more, isListed] of [
  ["", false],
  ["    encrypted: show\n", true],
  ["    extra: [3000]\n", true],
] as const)
  test(`a channel that was found to be encrypted is ${isListed ? "" : "not "}listed with ${more.trim() || "no word of it"}`, async () => {
    const operator = await openMovistar({ multicast: multicastMissing === false });
    const whole = await openWhole(`${operator.config}${more}`);
    try {
      await whole.refresh();
      assert.match(await whole.text("/tv/channels.m3u"), /Movistar Plus\+/);
      operator.startLive(3000);
      // Whatever the viewer makes of it.
      await read(await whole.get("/tv/3000/live"), 40_000);
      await whole.refresh();
      assert.equal(/Movistar Plus\+/.test(await whole.text("/tv/channels.m3u")), isListed);
    } finally {
      await whole.close();
      await operator.close();
    }
  });
