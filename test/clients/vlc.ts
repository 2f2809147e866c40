// VLC as a camera: it answers 461 to whoever wants pictures in the connection, and everything that it sends still becomes HLS.
// Run by `npm run test:clients`, not by `npm test`. It needs VLC (Debian: vlc-bin vlc-plugin-base) and ffmpeg.
import assert from "node:assert/strict";
import { openStreaming, play, type Streaming, until } from "../runtime/streams/headend.ts";
import { createSuite, declareSuites } from "../runtime/streams/suite.ts";
import { convertClip, makeClip, mediaMissing } from "../support/media.ts";
import { openVlc, type VlcServer, vlcMissing } from "../support/rtsp-vlc.ts";

const suite = createSuite();
const { after, before, test } = suite;
const options = { skip: mediaMissing || vlcMissing, timeout: 120_000 } as const;
const password = "pass word";

/** Name of the file, how it is made, what comes of it, and how. */
const kinds: Readonly<Record<string, { file: string; args: readonly string[]; sound?: "aac"; how: RegExp }>> = {
  plain: { file: "vlc.ts", args: ["-c:v", "copy", "-an"], how: /^rtsp over udp, H\.264$/ },
  mp2: {
    file: "vlc-mp2.ts",
    args: ["-c:v", "copy", "-c:a", "mp2"],
    sound: "aac",
    how: /^ffmpeg.* of rtsp with H264 and MPA$/,
  },
  aac: { file: "vlc-aac.ts", args: ["-c", "copy"], sound: "aac", how: /^rtsp over udp, H\.264, AAC$/ },
  telephone: {
    file: "vlc-g711.mkv",
    args: ["-c:v", "copy", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"],
    sound: "aac",
    how: /^ffmpeg.* of rtsp with H264 and PCMU$/,
  },
  guarded: { file: "vlc.ts", args: ["-c:v", "copy", "-an"], how: /^rtsp over udp, H\.264$/ },
};
const servers: VlcServer[] = [];
let headend: Streaming;

before(async () => {
  // Longer than all of this takes: where VLC begins again, it has nothing for a moment.
  const clip = await makeClip("h264", { seconds: 120, gop: 25 });
  const lines: string[] = [];
  for (const [name, { file, args }] of Object.entries(kinds)) {
    const guarded = name === "guarded";
    const server = await openVlc(await convertClip(clip, file, args), guarded ? { password } : {});
    servers.push(server);
    lines.push(`      ${name}: "rtsp://${guarded ? "user:pass%20word@" : ""}${server.place}"`);
    if (guarded) lines.push(`      wrong: "rtsp://user:hunter2@${server.place}"`);
  }
  const config = `streams:\n  slate: 0s\ninstances:\n  testcard: false\n  cams:\n    use: camera\n    linger: 2s\n    cameras:\n${lines.join("\n")}\n`;
  headend = await openStreaming(config, lines.length);
});
after(async () => {
  await headend?.close();
  await Promise.all(servers.map((server) => server.close()));
});

for (const [name, { sound, how }] of Object.entries(kinds))
  test(`ffmpeg plays VLC's ${name} camera`, options, async () => {
    const { streams } = await play(`${headend.base}/watch/${name}`, 3);
    const [stream] = (await headend.streams()).filter(({ channel }) => channel === `cams:${name}`);
    assert.match(stream?.how ?? "", how);
    assert.deepEqual(streams.map(({ codec }) => codec).sort(), [...(sound ? [sound] : []), "h264"]);
    assert.ok(streams.every(({ frames }) => frames > 25));
    await until(async () => (await headend.streams()).length === 0, "it stays open");
  });

test("a wrong password for VLC is said, without it", options, async () => {
  const answer = await fetch(`${headend.base}/watch/wrong`, { headers: { accept: "text/plain" } });
  assert.equal(answer.status, 502);
  assert.match(await answer.text(), /wants a user and a password that it knows/);
  assert.doesNotMatch(headend.output(), /hunter2|pass word|pass%20word/);
});

declareSuites(suite);
