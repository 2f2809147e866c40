// The lists of channels, byte for byte as the versions of movistar-u7d write them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatList } from "../../../providers/movistar/lists.ts";

const channels = [{ id: "2543", number: "1", name: "La 1 HD", logo: "2543.jpg" }];
const base = "http://HOST:8888";
const list = (style: "old" | "5.x" | "next", cloud = false) => formatList(channels, { style, base, cloud }).split("\n");
const kodi = [
  "#KODIPROP:inputstream=inputstream.ffmpegdirect",
  "#KODIPROP:inputstream.ffmpegdirect.stream_mode=timeshift",
  "#KODIPROP:inputstream.ffmpegdirect.is_realtime_stream=true",
];

test("formatList() writes the list of 2021", () => {
  assert.deepEqual(list("old"), [
    '#EXTM3U name="MovistarTV" catchup="flussonic" catchup-days=8 dlna_extras=mpeg_ps_pal url-tvg="http://HOST:8888/guide.xml"',
    '#EXTINF:-1 tvg-chnum="1" tvg-id="2543.movistar.tv" group-title="IPTV - TDT Movistar.es" tvg-logo="http://HOST:8888/Logos/2543.jpg" catchup-source="http://HOST:8888/2543/{utc}-{duration}.ts",La 1 HD',
    ...kodi,
    "http://HOST:8888/2543/live",
    "",
  ]);
});

test("formatList() writes the list of 5.x", () => {
  assert.deepEqual(list("5.x"), [
    '#EXTM3U name="MovistarTV" catchup="flussonic-ts" catchup-days="8" dlna_extras=mpeg_ps_pal max-conn="12" refresh="1200" url-tvg="http://HOST:8888/guide.xml.gz"',
    '#EXTINF:-1 ch-number="1" tvg-id="2543.movistar.tv" group-title="IPTV - TDT Movistar.es" tvg-logo="http://HOST:8888/Logos/2543.jpg",La 1 HD',
    "http://HOST:8888/2543/mpegts",
    "",
  ]);
});

test("formatList() writes the newest list", () => {
  assert.deepEqual(list("next"), [
    '#EXTM3U name="MovistarTV" catchup="flussonic-ts" catchup-days="8" max-conn="12" refresh="1200" url-tvg="http://HOST:8888/guide.xml.gz"',
    '#EXTINF:-1 ch-number="1" audio-track="2" tvg-id="2543.movistar.tv" group-title="U7D - TDT Movistar.es" tvg-logo="http://HOST:8888/Logos/2543.jpg",La 1 HD',
    "http://HOST:8888/2543/mpegts",
    "",
  ]);
});

test("formatList() writes the list of the cloud of 2021", () => {
  assert.deepEqual(list("old", true), [
    '#EXTM3U name="Cloud MovistarTV" catchup="flussonic" catchup-days=365 dlna_extras=mpeg_ps_pal url-tvg="http://HOST:8888/cloud.xml"',
    '#EXTINF:-1 tvg-chnum="1" tvg-id="2543.movistar.tv" group-title="Cloud - TDT Movistar.es" tvg-logo="http://HOST:8888/Logos/2543.jpg" catchup-source="http://HOST:8888/cloud/2543/{utc}-{duration}.ts",La 1 HD',
    ...kodi,
    "http://HOST:8888/cloud/2543/live",
    "",
  ]);
});
