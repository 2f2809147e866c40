// How the lines of one entry become a channel: title, attributes, headers, properties.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readEntry, readPlaylist } from "../../../support/m3u.ts";

const url = "http://h/1";
const read = (extinf: string, ...rest: string[]) => readEntry(extinf, ...rest, url);

test("Entry takes the title after the first comma outside double quotes", async () => {
  const cases: Record<string, string> = {
    "#EXTINF:-1,Plain": "Plain",
    "#EXTINF: -1, name,with comma": "name,with comma",
    '#EXTINF:-1 tvg-logo="http://x/a,b.png",After': "After",
    '#EXTINF:-1 user-agent="M (KHTML, like Gecko)" tvg-id="i",X, Y': "X, Y",
    "#EXTINF:-0 radio=true,R": "R",
    '#EXTINF:-1 tvg-name="The "Best" of, it" tvg-id="i",T': "T",
    '#EXTINF:-1 "stray, text" tvg-id="i",T': "T",
    "#EXTINF:-1 tvg-name='single, quoted',T": "T",
    '#EXTINF:-1 tvg-id="a"tvg-name="b",T': "T",
    '#extinf:-1 tvg-id="a",T': "T",
    "#EXTINF:-1  Video1": "Video1",
    '#EXTINF:-1 tvg-id="a" No Comma': "No Comma",
    '#EXTINF:-1 tvg-id="a" tvg-name="Named"': "Named",
    '#EXTINF:-1 tvg-id="a.it",': "a.it",
  };
  for (const [line, name] of Object.entries(cases)) assert.equal((await read(line)).name, name, line);
  assert.equal((await readEntry("#EXTINF:-1,", "http://h/live/rai1.m3u8?x=1")).name, "rai1");
  assert.equal((await readEntry("#EXTINF:-1,", "rtp://239.0.0.1:5000")).name, "239.0.0.1:5000");
});

test("Entry reads attributes bare, in single quotes, glued together, or with a quote missing", async () => {
  const cases: Record<string, object> = {
    "#EXTINF:-1 tvg-id=a radio=true,N": { guideId: "a", radio: true },
    "#EXTINF:-1 tvg-id='a b',N": { guideId: "a b" },
    '#EXTINF:-1 tvg-id="a"tvg-logo="http://l",N': { guideId: "a", logo: "http://l" },
    '#EXTINF:-1 tvg-id="a b tvg-logo="http://l" group-title="G",N': { guideId: "a b", logo: "http://l", groups: ["G"] },
    '#EXTINF:-1 tvg-logo="http://l tvg-id="a",N': { guideId: "a", logo: "http://l" },
    '#EXTINF:-1 tvg-id="a,N': { guideId: "a" },
    '#EXTINF:-1 tvg-name="The "Best" one" tvg-id="a",N': { guideName: 'The "Best" one', guideId: "a" },
    '#EXTINF:-1 tvg-logo="data:image/png;base64,AA==" tvg-id="a",N': {
      logo: "data:image/png;base64,AA==",
      guideId: "a",
    },
    "#EXTINF:-1 tvg-id=a=b,N": { guideId: "a=b" },
  };
  for (const [line, more] of Object.entries(cases))
    assert.deepEqual(await read(line), { name: "N", url, ...more }, line);
});

test("Entry keeps the last of two tvg-ids, whatever their case, and takes an empty one for none", async () => {
  assert.equal((await read('#EXTINF:-1 tvg-id="a" TVG-ID="b" tvg-id="",N')).guideId, "b");
  assert.equal((await read('#EXTINF:-1 tvg-ID="x",N')).guideId, "x");
  assert.deepEqual(await read('#EXTINF:-1 tvg-id="" tvg-logo="" group-title="",N'), { name: "N", url });
});

test("Entry knows every name of the number, and keeps what cannot be dialled", async () => {
  for (const name of ["tvg-chno", "channel-number", "ch-number", "tvh-chnum"]) {
    assert.equal((await read(`#EXTINF:-1 ${name}="12.1",N`)).number, "12.1", name);
  }
  for (const none of ["0", "-1", "0.0", ""])
    assert.deepEqual(await read(`#EXTINF:-1 tvg-chno="${none}",N`), { name: "N", url });
  assert.deepEqual((await read('#EXTINF:-1 tvg-chno="A7",N')).attributes, { "tvg-chno": "A7" });
  // A channel-id is a name, even if it looks like a number; it says nothing of what to dial.
  assert.deepEqual(await read('#EXTINF:-1 channel-id="12",N'), { name: "N", url, attributes: { "channel-id": "12" } });
});

test("Entry keeps unknown attributes as spelled, empty ones too", async () => {
  const channel = await read('#EXTINF:-1 tvg-Country="IT" $ExtFilter="x" channelID="1" zz="" catch-up="y",N');
  assert.deepEqual(channel.attributes, {
    "tvg-Country": "IT",
    $ExtFilter: "x",
    channelID: "1",
    zz: "",
    "catch-up": "y",
  });
});

test("Entry splits groups at semicolons, and drops empty and repeated ones", async () => {
  assert.deepEqual((await read('#EXTINF:-1 group-title=" A ; B;;A;C",N')).groups, ["A", "B", "C"]);
});

test("Entry reads tvg-name where it differs, radio where it is true, tvg-shift in hours", async () => {
  assert.equal((await read('#EXTINF:-1 tvg-name="N",N')).guideName, undefined);
  assert.equal((await read('#EXTINF:-1 tvg-name="Other",N')).guideName, "Other");
  for (const [text, radio] of [
    ["true", true],
    ["TRUE", true],
    ["1", true],
    ["false", undefined],
    ["0", undefined],
  ] as const) {
    assert.equal((await read(`#EXTINF:-1 radio="${text}",N`)).radio, radio, text);
  }
  for (const [text, shift] of [
    ["+3", 10_800_000],
    ["-4.5", -16_200_000],
    ["0", undefined],
    ["x", undefined],
  ] as const) {
    assert.equal((await read(`#EXTINF:-1 tvg-shift="${text}",N`)).guideShift, shift, text);
  }
});

test("Entry moves attributes from behind the title to where they belong", async () => {
  const channel = await read('#EXTINF:-1 tvg-id="a",Rai 1 (576p) tvg-logo="https://i/l.png" group-title="G"');
  assert.deepEqual(channel, { name: "Rai 1 (576p)", url, guideId: "a", logo: "https://i/l.png", groups: ["G"] });
  assert.equal((await read('#EXTINF:-1,What x="y" means')).name, 'What x="y" means');
});

test("Entry collects headers from attributes, EXTVLCOPT, EXTHTTP, KODIPROP and the address; the last one counts", async () => {
  const channel = await readEntry(
    '#EXTINF:-1 http-user-agent="A" referer="http://r1" http-header="X-One=1",N',
    "#EXTVLCOPT:http-user-agent=B",
    "#EXTVLCOPT--http-referrer=http://r2",
    "#EXTVLCOPT:http-referrer=",
    '#EXTHTTP:{"cookie":"k=v","X-Two":2,"bad name":"x","x-three":"a\\nb"}',
    "#KODIPROP:inputstream.adaptive.stream_headers=X-Four=4&X-Five=a%20b",
    "http://h/1|user-agent=C%2F1&X-Six=6",
  );
  assert.deepEqual(channel, {
    name: "N",
    url: "http://h/1",
    headers: {
      "User-Agent": "C/1",
      Referer: "http://r2",
      "X-One": "1",
      cookie: "k=v",
      "X-Two": "2",
      "X-Four": "4",
      "X-Five": "a b",
      "X-Six": "6",
    },
    properties: { "inputstream.adaptive.stream_headers": "X-Four=4&X-Five=a%20b" },
    attributes: { "|": "user-agent=C%2F1&X-Six=6" },
  });
});

test("Entry leaves an #EXTHTTP that is no JSON object, and a #KODIPROP that is no pair, as they are", async () => {
  const channel = await read("#EXTINF:-1,N", "#EXTHTTP:{broken", '#EXTHTTP:["a"]', "#KODIPROP:alone");
  assert.deepEqual(channel.directives, ["#EXTHTTP:{broken", '#EXTHTTP:["a"]', "#KODIPROP:alone"]);
});

test("Entry leaves a | alone that is no list of headers", async () => {
  for (const address of ["pipe://ffmpeg -i x | y=z", "plugin://p/?a|b=c", "http://h/a|b", "http://h/{utc|fmt}"]) {
    assert.deepEqual(await readEntry("#EXTINF:-1,N", address), { name: "N", url: address });
  }
});

test("Entry shares one list among channels of the same groups", async () => {
  const entry = '#EXTINF:-1 group-title="A;B",N\nhttp://h/1\n';
  const { channels } = await readPlaylist(entry + entry);
  assert.equal(channels[0]?.groups, channels[1]?.groups);
});
