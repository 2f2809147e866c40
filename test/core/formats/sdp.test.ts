// SDP: what is written is read again, what cameras and head-ends really send is understood, any text is survived.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { attributeOf, formatSdp, parseSdp, payloadsOf, type SessionDescription } from "../../../core/formats/sdp.ts";

const token = fc.stringMatching(/^[a-zA-Z0-9-]{1,12}$/);
const text = fc.stringMatching(/^[!-~](?:[ -~]{0,20}[!-~])?$/);
const part = {
  title: text,
  connection: text,
  bandwidths: fc.array(text, { maxLength: 2 }),
  attributes: fc.array(fc.record({ name: token, value: text }, { requiredKeys: ["name"], noNullPrototype: true }), {
    maxLength: 5,
  }),
};
const description: fc.Arbitrary<SessionDescription> = fc.record(
  {
    origin: text,
    name: fc.oneof(text, fc.constant("")),
    times: fc.array(text, { maxLength: 2 }),
    ...part,
    media: fc.array(
      fc.record(
        {
          kind: token,
          port: fc.nat({ max: 65_535 }),
          ports: fc.integer({ min: 1, max: 9 }),
          protocol: fc.constantFrom("RTP/AVP", "udp", "RTP/AVP/TCP"),
          formats: fc.array(fc.nat({ max: 127 }).map(String), { maxLength: 3 }),
          ...part,
        },
        { requiredKeys: ["kind", "port", "protocol", "formats", "bandwidths", "attributes"], noNullPrototype: true },
      ),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ["name", "times", "bandwidths", "attributes", "media"], noNullPrototype: true },
);

test("parseSdp() reads what formatSdp() writes", () => {
  fc.assert(fc.property(description, (value) => assert.deepEqual(parseSdp(formatSdp(value)), value)));
});

test("parseSdp() survives any text", () => {
  const lines = fc
    .array(
      fc.tuple(fc.constantFrom("v=", "m=", "a=", "a=rtpmap:", "a=fmtp:96 ", "c=", "m=video 0 RTP/AVP 33"), fc.string()),
    )
    .map((all) => all.map(([key, value]) => key + value).join("\n"));
  fc.assert(
    fc.property(fc.oneof(fc.string(), lines), (any) => {
      for (const medium of parseSdp(any).media) payloadsOf(medium);
    }),
  );
});

test("payloadsOf() reads what a camera says of its video and audio", () => {
  const { media, ...session } = parseSdp(
    [
      "v=0",
      "o=- 1 1 IN IP4 192.0.2.9",
      "s=Media Presentation",
      "c=IN IP4 0.0.0.0",
      "t=0 0",
      "a=control:*",
      "a=range:npt=0-",
      "m=video 0 RTP/AVP 96",
      "b=AS:4000",
      "a=recvonly",
      "a=control:trackID=1",
      "a=rtpmap:96 H264/90000",
      "a=fmtp:96 packetization-mode=1; profile-level-id=640028;sprop-parameter-sets=Z2QAKKwbGqBkAzQ=,aO48sA==",
      "m=audio 0 RTP/AVP 0 97",
      "a=control:rtsp://192.0.2.9/track2",
      "a=rtpmap:97 MPEG4-GENERIC/16000/2",
      "a=fmtp:97 mode=AAC-hbr;config=1408;SizeLength=13",
    ].join("\r\n"),
  );
  assert.equal(attributeOf(session, "control"), "*");
  assert.equal(attributeOf(session, "range"), "npt=0-");
  const [video, audio] = media;
  assert.ok(video && audio);
  assert.equal(attributeOf(video, "recvonly"), "");
  assert.equal(attributeOf(audio, "control"), "rtsp://192.0.2.9/track2");
  assert.deepEqual(payloadsOf(video), [
    {
      type: 96,
      encoding: "H264",
      clockRate: 90_000,
      parameters: {
        "packetization-mode": "1",
        "profile-level-id": "640028",
        "sprop-parameter-sets": "Z2QAKKwbGqBkAzQ=,aO48sA==",
      },
    },
  ]);
  assert.deepEqual(payloadsOf(audio), [
    { type: 0, encoding: "PCMU", clockRate: 8000, parameters: {} },
    {
      type: 97,
      encoding: "MPEG4-GENERIC",
      clockRate: 16_000,
      channels: 2,
      parameters: { mode: "AAC-hbr", config: "1408", sizelength: "13" },
    },
  ]);
});

test("payloadsOf() knows payload type 33 without being told", () => {
  const [medium] = parseSdp("m=video 0 RTP/AVP 33\n").media;
  assert.equal(medium && payloadsOf(medium)[0]?.encoding, "MP2T");
});

test("parseSdp() keeps to itself what follows a medium that cannot be read", () => {
  const { media, attributes } = parseSdp("s=x\na=one\nm=nonsense\na=two\nm=video 0 RTP/AVP 33\na=three\n");
  assert.deepEqual(attributes, [{ name: "one" }]);
  assert.deepEqual(
    media.map((medium) => medium.attributes),
    [[{ name: "three" }]],
  );
});
