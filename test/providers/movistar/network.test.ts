// Channels and guide by way of the whole headend: what the operator sends is what viewers get, whatever its network does to it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProgramme } from "../../../core/formats/xmltv/index.ts";
import type { Programme } from "../../../core/plugin.ts";
import { openNameServer } from "../../support/movistar/dns.ts";
import { openWhole, type Whole } from "../../support/movistar/headend.ts";
import { type Movistar, type MovistarOptions, openMovistar } from "../../support/movistar/index.ts";
import { multicastMissing } from "../../support/multicast.ts";

const multicast = multicastMissing === false;

async function using(
  options: Partial<MovistarOptions>,
  work: (operator: Movistar, whole: Whole) => Promise<void>,
  more = "",
): Promise<void> {
  const operator = await openMovistar({ multicast, ...options });
  const whole = await openWhole(`${operator.config}${more}`);
  try {
    await work(operator, whole);
  } finally {
    await whole.close();
    await operator.close();
  }
}

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly number: string;
  readonly logo: string;
}

async function channelsOf(whole: Whole): Promise<Listed[]> {
  const { channels } = JSON.parse(await whole.text("/api/lineup")) as { channels: Listed[] };
  return channels;
}

/** Programmes of a channel, as the guide that players get has them. */
async function programmesOf(whole: Whole, id: string): Promise<Programme[]> {
  const guide = await whole.text("/tv/guide.xml");
  return [...guide.matchAll(/<programme .*?<\/programme>/gs)]
    .map(([element]) => parseProgramme(element))
    .filter((programme) => programme?.channel === id) as Programme[];
}

async function expectSchedule(operator: Movistar, whole: Whole): Promise<void> {
  for (const channel of [2543, 1825, 4714, 4715]) {
    const programmes = await programmesOf(whole, `${channel}.movistar.tv`);
    assert.deepEqual(
      programmes.map(({ start, stop, catchupId }) => [start, stop, catchupId]),
      operator.eventsOf(channel).map((each) => [each.start * 1000, (each.start + each.duration) * 1000, `${each.pid}`]),
      `channel ${channel}`,
    );
  }
}

test("channels have their numbers, names and groups; those that are not paid for or elsewhere are left out", async () => {
  await using({}, async (_, whole) => {
    await whole.refresh();
    const channels = await channelsOf(whole);
    assert.deepEqual(
      channels.map(({ id, number, name }) => [id, number, name]),
      [
        ["tv:2543", "1", "La 1 HD"],
        ["tv:1825", "4", "Cuatro"],
        ["tv:4714", "7", "Neox HD"],
        ["tv:4715", "8", "Neox"],
        ["tv:3000", "10", "Movistar Plus+"],
        ["tv:4901", "12", "Boing"],
        // Number 0 is the last.
        ["tv:4900", "999", "Portada"],
      ],
    );
  });
});

test("extra channels are listed though no package has them", async () => {
  await using(
    {},
    async (_, whole) => {
      await whole.refresh();
      assert.ok((await channelsOf(whole)).some(({ id }) => id === "tv:5000"));
    },
    "    extra: [5000]\n",
  );
});

test("every programme is in the guide with its times, its series and its age; channels of one replacement both have it", async () => {
  await using({}, async (operator, whole) => {
    await whole.refresh();
    await expectSchedule(operator, whole);
    const programmes = await programmesOf(whole, "2543.movistar.tv");
    const simpsons = programmes.find(({ titles }) => titles[0]?.value === "Los Simpson");
    assert.equal(simpsons?.subtitles?.[0]?.value, "El título");
    assert.deepEqual(simpsons?.episodes, { xmltv_ns: "23.4." });
    assert.equal(simpsons?.categories?.[1]?.value, "Documentales");
    const alien = programmes.find(({ titles }) => titles[0]?.value === "Alien: el octavo pasajero");
    assert.deepEqual(alien?.rating, { value: "18", system: "ES" });
    assert.equal(alien?.date, "2012");
    assert.ok(programmes.some(({ titles }) => titles[0]?.value === '"Noche" de Tom & Jerry'));
  });
});

test("what the web service knows of programmes that are on soon is in the guide, and asked for once", async () => {
  await using({}, async (operator, whole) => {
    await whole.refresh();
    const now = Date.now();
    const on = (await programmesOf(whole, "1825.movistar.tv")).find(
      ({ start, stop = 0 }) => start <= now && stop > now,
    );
    assert.equal(on?.descriptions?.[0]?.value, `Sobre ${on?.catchupId}`);
    assert.deepEqual(on?.credits, [
      { role: "director", name: "Ana Uno" },
      { role: "actor", name: "Eva Dos" },
      { role: "actor", name: "Luis Tres" },
    ]);
    const covers = `${operator.app.url}/appclientv/nux/incoming/covers/programmeImages/portrait/290x429`;
    assert.equal(on?.icon, `${covers}/${on?.catchupId?.slice(0, 4)}/${on?.catchupId}.jpg`);
    const asked = () => operator.app.requests.filter((url) => url.includes(`productID=${on?.catchupId}&`)).length;
    await whole.refresh();
    assert.equal(asked(), 1);
  });
});

test("the same comes by unicast, where there is no multicast", async () => {
  await using({ multicast: false }, async (operator, whole) => {
    await whole.refresh();
    await expectSchedule(operator, whole);
  });
});

test("one datagram in twenty lost, the rest out of order: nothing is missing", async () => {
  await using({ rate: 3000, padding: 60_000 }, async (operator, whole) => {
    for (const { faults } of [operator.entry, operator.provider, ...operator.days]) {
      faults.loss = 0.05;
      faults.reorder = 6;
    }
    await whole.refresh();
    assert.equal((await channelsOf(whole)).length, 7);
    await expectSchedule(operator, whole);
  });
});

test("more than 255 sections, private headers and reserved bits do no harm", async () => {
  await using({ rate: 4000, padding: 600_000 }, async (operator, whole) => {
    assert.ok(operator.provider.round > 400);
    for (const { faults } of [operator.entry, operator.provider, ...operator.days]) {
      faults.header = true;
      faults.reserved = true;
    }
    await whole.refresh();
    assert.equal((await channelsOf(whole)).length, 7);
  });
});

test("a version that changes while it is received gives the new one", async () => {
  await using({ rate: 400, padding: 100_000 }, async (operator, whole) => {
    const refreshing = whole.refresh();
    const [channels] = operator.provider.segments;
    assert.ok(channels);
    // It takes some 200 ms to be sent.
    setTimeout(() => {
      channels.bytes = Buffer.from(channels.bytes.toString().replace("La 1 HD", "La Uno"));
      channels.version++;
    }, 120);
    await refreshing;
    if ((await channelsOf(whole))[0]?.name !== "La Uno") await whole.refresh();
    assert.deepEqual((await channelsOf(whole)).map(({ name }) => name).slice(0, 2), ["La Uno", "Cuatro"]);
  });
});

test("wrong checksums are waited out", async () => {
  await using({}, async (operator, whole) => {
    operator.provider.faults.crc = true;
    setTimeout(() => {
      operator.provider.faults.crc = false;
    }, 1000);
    await whole.refresh();
    assert.equal((await channelsOf(whole)).length, 7);
  });
});

test("a silent group of one day costs that day, and the guide of the others is there", {
  timeout: 40_000,
}, async () => {
  await using({}, async (operator, whole) => {
    for (const day of operator.days.slice(1)) day.faults.silent = true;
    await whole.refresh();
    const first = operator.eventsOf(2543).filter(({ day }) => day === 0);
    assert.equal((await programmesOf(whole, "2543.movistar.tv")).length, first.length);
  });
});

test("a silent entry point is an error that says so, and the last good channels stay", {
  timeout: 60_000,
}, async () => {
  await using({}, async (operator, whole) => {
    await whole.refresh();
    operator.entry.faults.silent = true;
    await whole.refresh();
    assert.equal((await channelsOf(whole)).length, 7);
    const status = await whole.text("/api/status");
    assert.match(status, /udp:\/\/[\d.]+:\d+: no data within 10s/);
  });
});

test("the next end point is asked when one is down; with all down, what is usual serves", {
  timeout: 60_000,
}, async () => {
  const operator = await openMovistar({ multicast, before: ["http://127.0.0.1:9"] });
  const { address, port } = operator.entry;
  const whole = await openWhole(
    `use: movistar\n    interface: 127.0.0.1\n    appserver: ["http://127.0.0.1:9", "${operator.app.url}"]\n    entryPoint: ${address}:${port}\n    demarcation: 19\n`,
  );
  try {
    await whole.refresh();
    assert.equal((await channelsOf(whole)).length, 7);
    operator.app.faults.fault = "down";
    await whole.refresh();
    // What is paid for is not known then: every package counts.
    assert.ok((await channelsOf(whole)).length >= 7);
  } finally {
    await whole.close();
    await operator.close();
  }
});

test("fields that are renamed or missing are found all the same", async () => {
  await using({}, async (operator, whole) => {
    operator.app.faults.renamed = true;
    await whole.refresh();
    assert.equal((await channelsOf(whole)).length, 7);
    assert.equal(
      (await channelsOf(whole))[0]?.logo,
      `${operator.app.url}/appclientv/nux/incoming/epg/channelLogo/2543.jpg`,
    );
  });
});

test("names of the operator's network are asked of its own name server", async () => {
  const operator = await openMovistar({ multicast });
  const names = await openNameServer();
  const { port } = new URL(operator.app.url);
  const whole = await openWhole(
    `use: movistar\n    interface: 127.0.0.1\n    dns: ${names.address}\n    appserver: ["http://app.operator.test:${port}"]\n`,
  );
  try {
    await whole.refresh();
    assert.equal((await channelsOf(whole)).length, 7);
    // Once, though it was asked for many things.
    assert.deepEqual(names.asked, ["app.operator.test"]);
  } finally {
    await whole.close();
    await names.close();
    await operator.close();
  }
});
