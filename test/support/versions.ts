// An upstream that gives another content at every request, and the check that what Headend serves of it is whole.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import sax from "sax";
import { openUpstream, type Upstream } from "./upstream.ts";

/** Versions of the artefacts; each only grows. */
export interface Versions {
  readonly playlist: number;
  readonly guide: number;
}

export interface VersionedUpstream {
  /** Config of a headend with two instances that read from here. */
  readonly config: string;
  /** What was given last. */
  readonly given: Versions;
  /** While true every request is refused, so that only what was kept can be served. */
  down: boolean;
  close(): Promise<void>;
}

/** Every content names its version in every entry, so that a mixture of two shows. */
export async function openVersions(channels: number, programmes: number): Promise<VersionedUpstream> {
  const upstream: Upstream = await openUpstream();
  const given = { playlist: 0, guide: 0 };
  let down = false;
  const answer = (path: string, make: () => string | Buffer) =>
    upstream.answers.set(path, (response) => {
      if (down) response.writeHead(503).end();
      else response.end(make());
    });
  answer("/list.m3u", () => playlistOf(channels, ++given.playlist));
  answer("/guide.xml.gz", () => gzipSync(guideOf(channels, programmes, ++given.guide), { level: 1 }));
  return {
    config: `instances:\n  one: { use: m3u, playlist: "${upstream.base}/list.m3u", refresh: 1s, deliver: direct }\n  two: { use: xmltv, guides: ["${upstream.base}/guide.xml.gz"], refresh: 1s }\n`,
    given,
    get down() {
      return down;
    },
    set down(value) {
      down = value;
    },
    close: upstream.close,
  };
}

const hour = 3_600_000;
/** Far enough ahead that nothing is of the past before the test is over, and kept as history. */
const firstHour = () => (Math.floor(Date.now() / hour) + 2) * hour;

function playlistOf(channels: number, version: number): string {
  const entries = Array.from(
    { length: channels },
    (_, i) => `#EXTINF:-1 tvg-id="c${i}",Channel ${i}\nhttp://cdn.example/v${version}/${i}.ts\n`,
  );
  return `#EXTM3U\n${entries.join("")}`;
}

function guideOf(channels: number, programmes: number, version: number): string {
  const from = firstHour();
  const stamp = (at: number) => `${new Date(at).toISOString().replace(/[-:T]/g, "").slice(0, 14)} +0000`;
  const lines = ["<tv>"];
  for (let i = 0; i < channels; i++)
    lines.push(`<channel id="c${i}"><display-name>Channel ${i}</display-name></channel>`);
  for (let i = 0; i < channels; i++)
    for (let p = 0; p < programmes; p++) {
      const [start, stop] = [stamp(from + p * hour), stamp(from + (p + 1) * hour)];
      lines.push(`<programme start="${start}" stop="${stop}" channel="c${i}"><title>v${version}</title></programme>`);
    }
  return `${lines.join("\n")}\n</tv>\n`;
}

/**
 * Reads everything that is served and checks that each is whole, of one version, and not older than `floor`.
 * Undefined while nothing is there yet.
 */
export async function readServed(base: string, channels: number, floor: Versions): Promise<Versions | undefined> {
  const paths = ["/playlist.m3u", "/one/playlist.m3u", "/guide.xml", "/guide.xml.gz", "/one/guide.xml"];
  const bodies: Buffer[] = [];
  for (const path of paths) {
    const answer = await fetch(base + path);
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.status === 503 && floor.playlist === 0) return undefined;
    assert.equal(answer.status, 200, `${path}: ${body}`);
    bodies.push(body);
  }
  const [merged, own, guide, packed, part] = bodies as [Buffer, Buffer, Buffer, Buffer, Buffer];
  const playlist = versionOfPlaylist(own.toString(), channels);
  const versions = {
    playlist: Math.min(playlist, versionOfPlaylist(merged.toString(), channels)),
    guide: Math.min(...[guide, gunzipSync(packed), part].map((xml) => versionOfGuide(xml.toString(), channels))),
  };
  const { channels: listed } = (await (await fetch(`${base}/api/lineup?limit=1`)).json()) as {
    channels: { id: string }[];
  };
  const at = new Date(firstHour()).toISOString();
  const answer = await fetch(`${base}/api/guide/${encodeURIComponent(listed[0]?.id ?? "")}?from=${at}`);
  const { programmes } = (await answer.json()) as { programmes: { titles: { value: string }[] }[] };
  assert.ok(programmes.length > 0, "the index finds nothing");
  const queried = Math.min(...programmes.map(({ titles }) => Number(titles[0]?.value.slice(1))));
  const oldest = { playlist: versions.playlist, guide: Math.min(versions.guide, queried) };
  assert.ok(
    oldest.playlist >= floor.playlist,
    `the playlist is of version ${oldest.playlist}; ${floor.playlist} was served before`,
  );
  assert.ok(oldest.guide >= floor.guide, `the guide is of version ${oldest.guide}; ${floor.guide} was served before`);
  return oldest;
}

function versionOfPlaylist(text: string, channels: number): number {
  const versions = new Set(
    [...text.matchAll(/^http:\/\/cdn\.example\/v(\d+)\/\d+\.ts$/gm)].map(([, version]) => version),
  );
  assert.equal(versions.size, 1, `a playlist of versions ${[...versions]}`);
  assert.equal(text.match(/^#EXTINF/gm)?.length, channels, "a playlist that is cut short");
  return Number([...versions][0]);
}

function versionOfGuide(xml: string, channels: number): number {
  const parser = sax.parser(true);
  const versions = new Set<string>();
  let ids = 0;
  parser.onerror = (error) => {
    throw error;
  };
  parser.onopentag = ({ name }) => {
    if (name === "channel") ids++;
  };
  parser.ontext = (text) => {
    if (/^v\d+$/.test(text)) versions.add(text.slice(1));
  };
  parser.write(xml).close();
  assert.equal(ids, channels, "a guide that lacks channels");
  assert.equal(versions.size, 1, `a guide of versions ${[...versions]}`);
  return Number([...versions][0]);
}
