// openRtsp() against GStreamer's RTSP server: both ways to carry, both ways to say who one is, and real pictures.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openRtsp, RtspRemuxError } from "../../../../core/transport/rtsp.ts";
import type { TransportSource } from "../../../../core/types.ts";
import { countContinuityErrors, makeClip, mediaMissing, probe } from "../../../support/media.ts";
import { gstreamerMissing, openGstreamer } from "../../../support/rtsp-gstreamer.ts";
import { openDialling } from "../dialing.ts";
import { readUntil } from "../udp/sending.ts";

const skip = gstreamerMissing || mediaMissing;
const dialling = await openDialling();
after(() => dialling.close());
const open = async (url: string) =>
  (await openRtsp(url, { signal: new AbortController().signal }, dialling.context)) as TransportSource;
const leave = (source: TransportSource) => source.chunks[Symbol.asyncIterator]().return?.();

for (const [carrier, wants] of [
  ["tcp", "digest"],
  ["udp", "basic"],
] as const)
  test(`openRtsp() plays a transport stream of GStreamer over ${carrier}, ${wants}`, {
    skip,
    timeout: 60_000,
  }, async () => {
    const clip = await makeClip();
    const pipeline = `( filesrc location=${clip} ! tsparse set-timestamps=true alignment=7 ! rtpmp2tpay pt=33 name=pay0 )`;
    const server = await openGstreamer(pipeline, { carrier, wants });
    try {
      const source = await open(`rtsp://user:pass%20word@${server.place}`);
      const read = await readUntil(source.chunks, 150_000);
      await leave(source);
      assert.equal(source.how, `rtsp over ${carrier}`);
      assert.equal(countContinuityErrors(read), 0);
      const { streams } = await probe(read);
      assert.deepEqual(streams.map(({ codec }) => codec).sort(), ["aac", "h264"]);
      assert.ok(streams.every(({ frames }) => frames > 10));
      await assert.rejects(open(`rtsp://user:wrong@${server.place}`), /wants a user and a password/);
    } finally {
      await server.close();
    }
  });

test("openRtsp() names what it does not read of a camera of GStreamer", { skip, timeout: 60_000 }, async () => {
  const server = await openGstreamer("( audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0 )", {
    carrier: "tcp",
  });
  try {
    await assert.rejects(open(`rtsp://${server.place}`), (error) => {
      assert.ok(error instanceof RtspRemuxError);
      assert.deepEqual(error.codecs, ["PCMU"]);
      return true;
    });
  } finally {
    await server.close();
  }
});
