// Generated HLS playlists and hostile texts, for tests of the codec.
import fc from "fast-check";
import type { Key, MediaMap, MediaPlaylist, Multivariant, Segment } from "../../../../core/formats/hls.ts";

const word = fc.stringMatching(/^[\w./:?=&% -]{0,20}[\w]$/).map((text) => text.trim());
const uri = fc.stringMatching(/^[\w./?=&%-]{1,24}$/).filter((text) => !text.startsWith("#"));
/** Milliseconds to the microsecond, as playlists can write them. */
const duration = fc.integer({ min: 0, max: 20_000_000 }).map((micro) => micro / 1000);
const maybe = <T>(name: string, value: fc.Arbitrary<T>) =>
  fc.option(value).map((v) => (v === null ? {} : { [name]: v }));
const record = (...parts: fc.Arbitrary<object>[]) =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all) as object);

const key = (formats: readonly string[]): fc.Arbitrary<Key> =>
  record(
    fc.record({ method: fc.constantFrom("AES-128", "SAMPLE-AES"), format: fc.constantFrom(...formats) }),
    maybe("uri", uri),
    maybe("iv", fc.uint8Array({ minLength: 16, maxLength: 16 })),
  ) as fc.Arbitrary<Key>;
const keys: fc.Arbitrary<readonly Key[]> = fc.oneof(
  fc.constant([]),
  key(["identity", "com.apple.streamingkeydelivery"]).map((one) => [one]),
  fc.tuple(key(["identity"]), key(["com.widevine"])).map((both) => [...both]),
);
const range = fc.record({ length: fc.nat(1e9), offset: fc.nat(1e9) }, { noNullPrototype: true });
const map: fc.Arbitrary<MediaMap> = record(fc.record({ uri, keys }), maybe("range", range)) as fc.Arbitrary<MediaMap>;

const segment = record(
  fc.record({ uri, duration, keys, jump: fc.integer({ min: 0, max: 5 }).map((n) => (n > 3 ? n - 3 : 0)) }),
  maybe("title", word),
  maybe("range", range),
  maybe("date", fc.integer({ min: 0, max: 4e12 })),
  maybe("gap", fc.constant(true)),
) as fc.Arbitrary<Omit<Segment, "sequence" | "discontinuity" | "map"> & { jump: number }>;

/** Any media playlist that can be written. */
export const mediaPlaylist: fc.Arbitrary<MediaPlaylist> = fc
  .record({
    head: record(
      fc.record({
        targetDuration: fc.integer({ min: 1, max: 20 }).map((seconds) => seconds * 1000),
        sequence: fc.nat(1e9),
        discontinuity: fc.nat(1000),
        ended: fc.boolean(),
        iFramesOnly: fc.boolean(),
        independent: fc.boolean(),
      }),
      maybe("version", fc.integer({ min: 1, max: 12 })),
      maybe("type", fc.constantFrom("VOD", "EVENT")),
      maybe(
        "start",
        fc.integer({ min: -1e9, max: 1e9 }).map((micro) => micro / 1000),
      ),
    ),
    // A map stays in effect: it comes from some segment on.
    maps: fc.array(fc.tuple(fc.nat(10), map), { maxLength: 3 }),
    segments: fc.array(segment, { maxLength: 12 }),
  })
  .map(({ head, maps, segments }): MediaPlaylist => {
    const whole = head as Omit<MediaPlaylist, "kind" | "segments">;
    let { discontinuity } = whole;
    let inEffect: MediaMap | undefined;
    return {
      kind: "media",
      ...whole,
      segments: segments.map(({ jump, ...each }, index) => {
        discontinuity += jump;
        inEffect = maps.find(([at]) => at === index)?.[1] ?? inEffect;
        return { ...each, sequence: whole.sequence + index, discontinuity, ...(inEffect && { map: inEffect }) };
      }),
    };
  });

const variant = record(
  fc.record({ uri, bandwidth: fc.nat(1e8) }),
  maybe("averageBandwidth", fc.nat(1e8)),
  maybe(
    "codecs",
    fc.array(fc.constantFrom("avc1.64001f", "mp4a.40.2", "hvc1.1.6.L93"), { minLength: 1, maxLength: 2 }),
  ),
  maybe("resolution", fc.record({ width: fc.nat(9999), height: fc.nat(9999) }, { noNullPrototype: true })),
  maybe("frameRate", fc.constantFrom(25, 29.97, 50)),
  ...["audio", "video", "subtitles", "name"].map((name) => maybe(name, word)),
);

/** Any multivariant playlist that can be written. */
export const multivariantPlaylist = record(
  fc.record({
    kind: fc.constant("multivariant"),
    independent: fc.boolean(),
    variants: fc.array(variant, { minLength: 1, maxLength: 4 }),
    iFrames: fc.array(variant, { maxLength: 2 }),
    renditions: fc.array(
      record(
        fc.record({
          type: fc.constantFrom("AUDIO", "SUBTITLES", "VIDEO", "CLOSED-CAPTIONS"),
          group: word,
          name: word,
          default: fc.boolean(),
          autoselect: fc.boolean(),
          forced: fc.boolean(),
        }),
        maybe("uri", uri),
        maybe("language", word),
        maybe("channels", word),
      ),
      { maxLength: 3 },
    ),
    sessionKeys: fc.array(key(["identity", "x"]), { maxLength: 2 }),
    sessionData: fc.array(record(fc.record({ id: word }), maybe("value", word), maybe("uri", uri)), { maxLength: 2 }),
  }),
  maybe("version", fc.integer({ min: 1, max: 12 })),
).map((playlist) => structuredClone(playlist)) as fc.Arbitrary<Multivariant>;

const tags =
  "#EXTM3U #EXTINF #EXT-X-KEY #EXT-X-MAP #EXT-X-BYTERANGE #EXT-X-STREAM-INF #EXT-X-MEDIA #EXT-X-TARGETDURATION #EXT-X-DEFINE #EXT-X-START #EXT-X-SERVER-CONTROL #EXT-X-SKIP #EXT-X-DISCONTINUITY #EXT-X-PROGRAM-DATE-TIME #EXT-X-I-FRAME-STREAM-INF".split(
    " ",
  );
const junk = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'URI="',
    'URI="a"',
    "METHOD=AES-128,URI=",
    "{$x}",
    'NAME="x",VALUE="{$x}"',
    '=,=,"',
    "IV=0x12",
    "-1",
    "1e309",
    "99999999999999999999",
    "\ufeff",
    "\0",
  ),
);

/** Texts that look like playlists and are none, or nearly none. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom("", ...tags), fc.constantFrom("", ":"), junk, fc.constantFrom("\n", "\r\n", "\r")), {
    maxLength: 30,
  })
  .map((lines) => lines.map((line) => line.join("")).join(""))
  .chain((text) => fc.constantFrom(text, `#EXTM3U\n${text}`, `#EXTM3U\n#EXT-X-TARGETDURATION:4\n${text}`));
