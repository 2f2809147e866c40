// Three simulated add-ons, as the reference's own tests have them: structured, without a guide, and raw.
import { join } from "node:path";

export const addon = join(import.meta.dirname, "addon.py");

/** `hours` from the last full hour, as ISO 8601 with an offset, or without any. */
export function iso(hours: number, offset = "+00:00"): string {
  const shift = offset === "" ? 0 : Number(offset.slice(0, 3));
  const at = Math.floor(Date.now() / 3_600_000) * 3_600_000 + (hours + shift) * 3_600_000;
  return new Date(at).toISOString().slice(0, 19) + offset;
}

export const xmltvTime = (hours: number) => `${iso(hours, "").replace(/[-:T]/g, "")} +0000`;

export const example = {
  channels: {
    version: 1,
    streams: [
      {
        id: "channel1.com",
        name: "Channel 1",
        preset: 11,
        stream: "http://up.example/1.ts",
        logo: "https://logos.example/1.png",
        kodiprops: { inputstream: "inputstream.ffmpegdirect", mimetype: "video/mp2t" },
      },
      { id: "channel2.com", name: "Channel 2", preset: 12, stream: "http://up.example/2.ts" },
      {
        id: "radio1.com",
        name: "Radio 1",
        preset: 901,
        stream: "http://up.example/901.ts",
        group: "VRT",
        radio: true,
      },
      {
        id: "één.be",
        name: "één",
        preset: 101,
        stream: "http://up.example/een.ts",
        group: ["Belgium", "VRT"],
        kodiprops: { inputstream: "inputstream.ffmpegdirect" },
      },
    ],
  },
  epg: {
    version: 1,
    epg: {
      "channel1.com": [
        {
          start: iso(-1, "+02:00"),
          stop: iso(1, "+02:00"),
          title: "A show & an ampersand",
          description: 'It costs € 4, "4 + 4 > 6"',
          subtitle: "Pilot",
          genre: "Quiz",
          episode: "S01E01",
          image: "https://pictures.example/1.png",
          date: "1987-06-15",
          stream: "http://up.example/vod/1.ts",
        },
        { start: iso(1, "+02:00"), stop: iso(2, "+02:00"), title: 'Named "Two"', image: null },
      ],
      "channel2.com": [{ start: `${iso(-1, "")}.123456`, stop: iso(1, ""), title: "Without a zone" }],
      "één.be": [
        {
          start: iso(-1, "+01:00"),
          stop: iso(1, "+01:00"),
          title: "Op één",
          credits: [
            { type: "director", name: "A. Director" },
            { type: "actor", name: "An Actor", role: "Somebody" },
            { type: "presenter", name: "A. Presenter" },
            { type: "wizard", name: "Nobody" },
          ],
        },
      ],
    },
  },
};

export const two = {
  version: 1,
  streams: [{ id: "channel1.com", name: "Channel 1", stream: "http://two.example/1.ts" }],
};

export const three = {
  channels:
    '#EXTM3U\n#EXTINF:-1 tvg-name="Raw 1" tvg-id="raw1.com" tvg-chno="31" group-title="Raw Addon",RAW 1\nhttp://raw.example/1.ts',
  epg: `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n<tv generator-info-name="raw">\n<channel id="raw1.com">\n <display-name>RAW 1</display-name>\n</channel>\n<programme start="${xmltvTime(-1)}" stop="${xmltvTime(1)}" channel="raw1.com">\n <title>Raw programme</title>\n</programme>\n</tv>`,
};
