// What a visitor wants to know first: addresses for players, how the instances are, who watches what, and the self-test.
import { below, type Check, get, type Instance, Refusal, root, type Status, type Stream, send } from "./api.ts";
import { copyButton } from "./copy.ts";
import { arrange, find, h, setAttribute, setChildren, setText } from "./dom.ts";
import { showKodi } from "./kodi.ts";
import { openPlayer } from "./player.ts";
import { createPoll } from "./poll.ts";
import { ago, clockTime, count, describeBits, stateWord } from "./words.ts";

/** Milliseconds between two looks, and two at what only Kodi plays. */
const every = 2000;
const kodiEvery = 30_000;

interface Row {
  readonly element: HTMLElement;
  update(value: unknown): void;
}

/** Shows it until what it gives is called. */
export function showOverview(say: (sentence: string) => void): () => void {
  const trouble = find("overview-trouble", HTMLElement);
  const addresses = find("addresses", HTMLElement);
  const instanceRows = new Map<string, Row>();
  const streamRows = new Map<string, Row>();
  let admin = false;
  let askedKodi = Number.NEGATIVE_INFINITY;

  get<{ readonly admin: boolean }>(new URL("me", location.href).href).then(
    (me) => {
      admin = me.admin;
    },
    () => {},
  );

  function drawAddresses(instances: readonly Instance[]): void {
    const rows: [string, string, string][] = [
      ["Playlist", `${root}playlist.m3u`, "TiviMate, OTT Navigator, VLC, Kodi, Jellyfin"],
      ["Guide", `${root}guide.xml.gz`, "named by the playlist; for Plex add ?style=plex"],
    ];
    const tuners = instances.filter(({ use, state }) => use === "hdhomerun" && state === "ok");
    const key = `of ${tuners.map(({ mount }) => mount).join()}`;
    if (addresses.dataset.key === key) return;
    addresses.dataset.key = key;
    setChildren(
      addresses,
      ...rows.map(([name, address, use]) =>
        h(
          "div",
          { class: "address" },
          h("dt", {}, name),
          h("dd", {}, h("a", { href: address }, address), h("span", { class: "hint" }, use)),
          copyButton(address, "Copy"),
        ),
      ),
      ...tuners.map(({ name, mount }) =>
        h(
          "div",
          { class: "address" },
          h("dt", {}, `Network tuner ${name}`),
          h(
            "dd",
            {},
            h("a", { href: below(mount, "") }, "Which address goes where"),
            h("span", { class: "hint" }, "Plex, Jellyfin, Emby, Kodi, Channels"),
          ),
        ),
      ),
    );
  }

  function keep<T>(
    rows: Map<string, Row>,
    parent: Element,
    items: readonly T[],
    key: (item: T) => string,
    make: () => Row,
  ): void {
    const wanted = items.map((item) => {
      const row = rows.get(key(item)) ?? make();
      rows.set(key(item), row);
      row.update(item);
      return row.element;
    });
    for (const name of rows.keys()) if (!items.some((item) => key(item) === name)) rows.delete(name);
    arrange(parent, wanted);
  }

  function makeInstance(): Row {
    const name = h("th", { scope: "row" });
    const badge = h("span", { class: "badge" });
    const sentence = h("span", { class: "sentence" });
    const channels = h("td", { class: "number" });
    const refresh = h("button", { type: "button", onclick: () => void renew() }, "Refresh");
    const element = h("tr", {}, name, h("td", {}, badge, " ", sentence), channels, h("td", {}, refresh));
    let now: Instance | undefined;
    async function renew(): Promise<void> {
      if (!now) return;
      await attempt(
        () => send("POST", `${root}api/instances/${encodeURIComponent(now?.name ?? "")}/refresh`),
        `${now.name} is being refreshed.`,
      );
    }
    return {
      element,
      update(value) {
        now = value as Instance;
        setText(name, now.name);
        setAttribute(element, "data-state", now.state);
        setText(badge, now.state);
        const since = now.lastSuccess && now.state === "ok" ? `${ago(now.lastSuccess)} ago` : "";
        setText(sentence, [now.sentence === now.state ? "" : now.sentence, since].filter(Boolean).join(", "));
        setText(channels, now.channels > 0 ? now.channels.toLocaleString() : "");
        setAttribute(refresh, "hidden", !admin || now.nextRefresh === undefined);
        setAttribute(refresh, "aria-label", `Refresh ${now.name}`);
      },
    };
  }

  function makeStream(): Row {
    const name = h("h3");
    const badge = h("span", { class: "badge" });
    const what = h("p", { class: "doing" });
    const fault = h("p", { class: "fault now" });
    const viewers = h("ul", { class: "viewers" });
    const play = h(
      "button",
      {
        type: "button",
        onclick: () =>
          now &&
          openPlayer({
            title: now.name,
            channel: now.channel,
            address: `${root}live/${encodeURIComponent(now.channel)}.m3u8`,
          }),
      },
      "Play",
    );
    const end = h("button", { type: "button", onclick: () => void stop() }, "End");
    const element = h(
      "li",
      { class: "stream" },
      h("div", { class: "head" }, name, badge),
      what,
      fault,
      viewers,
      h("div", { class: "actions" }, play, end),
    );
    let now: Stream | undefined;
    async function stop(): Promise<void> {
      if (now)
        await attempt(
          () => send("DELETE", `${root}api/streams/${encodeURIComponent(now?.id ?? "")}`),
          `${now.name} is ended.`,
        );
    }
    return {
      element,
      update(value) {
        now = value as Stream;
        setText(name, now.name);
        setAttribute(element, "data-state", now.state);
        setText(badge, stateWord(now.state));
        const past = now.at ? `from ${clockTime(now.at)}` : "live";
        const rate = now.bitrate > 0 ? describeBits(now.bitrate) : "";
        setText(what, [now.instance, past, now.how, rate, `since ${clockTime(now.since)}`].filter(Boolean).join(" · "));
        setText(fault, now.error ?? "");
        setAttribute(fault, "hidden", now.error === undefined);
        const names = now.viewers.map(({ name, since }) => `${name}, ${ago(since)}`);
        if (viewers.dataset.key !== names.join("\n")) {
          viewers.dataset.key = names.join("\n");
          setChildren(viewers, ...names.map((each) => h("li", {}, each)));
        }
        setAttribute(end, "hidden", !admin);
        setAttribute(play, "hidden", now.at !== undefined);
        setAttribute(play, "aria-label", `Play ${now.name}`);
        setAttribute(end, "aria-label", `End ${now.name}`);
      },
    };
  }

  async function attempt(work: () => Promise<unknown>, done: string): Promise<void> {
    try {
      await work();
      say(done);
    } catch (thrown) {
      say(thrown instanceof Error ? thrown.message : String(thrown));
    }
    await poll.now();
  }

  const poll = createPoll(every, async (signal) => {
    try {
      const [status, { streams }] = await Promise.all([
        get<Status>(`${root}api/status`, signal),
        get<{ readonly streams: readonly Stream[] }>(`${root}api/streams`, signal),
      ]);
      drawAddresses(status.instances);
      if (performance.now() - askedKodi > kodiEvery) {
        askedKodi = performance.now();
        showKodi(status.instances, admin, say, signal).catch(() => {});
      }
      keep(instanceRows, find("instances", HTMLElement), status.instances, ({ name }) => name, makeInstance);
      keep(streamRows, find("streams", HTMLElement), streams, ({ id }) => id, makeStream);
      setText(
        find("stream-summary", HTMLElement),
        streams.length === 0 ? "Nobody watches anything." : count(streams.length, "stream"),
      );
      setText(
        find("guide-summary", HTMLElement),
        `${count(status.guide.channels, "channel")} with ${count(status.guide.programmes, "programme")} in the guide.`,
      );
      const refused = status.config?.sentence;
      setText(trouble, refused ? `The config file is refused, and the one before stays in force: ${refused}` : "");
      setAttribute(trouble, "hidden", refused === undefined);
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof Refusal && thrown.status === 401) location.reload();
      setText(trouble, thrown instanceof Error ? thrown.message : String(thrown));
      setAttribute(trouble, "hidden", false);
    }
  });

  const over = new AbortController();
  find("doctor-run", HTMLButtonElement).addEventListener("click", () => void examine(over.signal), {
    signal: over.signal,
  });
  return () => {
    over.abort();
    poll.stop();
  };
}

/** Runs the self-test, and shows what it found. */
async function examine(signal: AbortSignal): Promise<void> {
  const run = find("doctor-run", HTMLButtonElement);
  const told = find("doctor-told", HTMLElement);
  const list = find("doctor-list", HTMLElement);
  setAttribute(run, "disabled", true);
  setText(told, "Playing what each client does; this takes up to 20 seconds …");
  try {
    const { checks } = await get<{ readonly checks: readonly Check[] }>(`${root}api/doctor`, signal);
    const failed = checks.filter(({ ok }) => ok === false).length;
    setText(
      told,
      failed === 0 ? `All ${checks.length} checks are well.` : `${failed} of ${count(checks.length, "check")} failed.`,
    );
    const worst = checks.toSorted((a, b) => weight(a) - weight(b));
    setChildren(list, ...worst.map(describeCheck));
  } catch (thrown) {
    if (!signal.aborted) setText(told, thrown instanceof Error ? thrown.message : String(thrown));
  }
  setAttribute(run, "disabled", false);
}

const weight = ({ ok }: Check): number => (ok === false ? 0 : ok === "note" ? 1 : 2);

function describeCheck({ ok, name, sentence, fix, clients }: Check): HTMLElement {
  const [kind, word] = ok === true ? ["ok", "works"] : ok === "note" ? ["note", "note"] : ["failing", "fails"];
  return h(
    "li",
    { "data-state": kind },
    h("span", { class: "badge" }, word),
    " ",
    h("strong", {}, name),
    `: ${sentence}`,
    fix ? h("p", { class: "hint" }, fix) : undefined,
    clients ? h("p", { class: "hint" }, clients.join(", ")) : undefined,
  );
}
