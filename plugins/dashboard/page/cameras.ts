// The list of cameras: kept up to date while it is seen, a picture of those that run, and the ways to change it.
import { below, type CameraList, get, type Instance, Refusal, root, type Status } from "./api.ts";
import { type Card, createCard, type Place } from "./card.ts";
import { arrange, find, setAttribute, setText } from "./dom.ts";
import { openForm } from "./form.ts";
import { openImport } from "./import.ts";
import { openPlayer } from "./player.ts";
import { createPoll, type Poll } from "./poll.ts";
import { openRemoval } from "./removal.ts";
import { count } from "./words.ts";

/** Milliseconds between two looks at the list, and at a camera's picture; and after which instances are asked for anew. */
const listEvery = 2000;
const pictureEvery = 15_000;
const instancesEvery = 20_000;

/** Shows it until what it gives is called. */
export function showCameras(say: (sentence: string) => void): () => void {
  const list = find("camera-list", HTMLElement);
  const summary = find("camera-summary", HTMLElement);
  const empty = find("camera-empty", HTMLElement);
  const none = find("camera-none", HTMLElement);
  const trouble = find("camera-trouble", HTMLElement);
  const note = find("camera-note", HTMLElement);
  const add = find("camera-add", HTMLButtonElement);
  const addMany = find("camera-import", HTMLButtonElement);
  const search = find("camera-search", HTMLInputElement);
  const cards = new Map<string, Card>();
  const looked = new WeakMap<Card, number>();
  const over = new AbortController();
  let instances: readonly Instance[] = [];
  let asked = Number.NEGATIVE_INFINITY;
  let mounts: readonly string[] = [];
  let places: readonly Place[] = [];

  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries)
      for (const card of cards.values()) if (card.element === target) card.seen = isIntersecting;
  });

  const changed = async (sentence: string) => {
    say(sentence);
    await poll.now();
  };
  const actions = {
    play: (place: Place) =>
      openPlayer({ title: place.camera.name, channel: place.camera.channel, address: place.camera.playlist }),
    edit: (place: Place) => openForm({ mounts: [place.mount], place, changed }),
    remove: (place: Place) =>
      openRemoval(place, async (sentence) => {
        await changed(sentence);
        add.focus();
      }),
  };

  function draw(): void {
    const words = search.value.trim().toLowerCase().split(/\s+/);
    const shown = places.filter(({ camera }) => {
      const text = `${camera.name} ${camera.nickname} ${camera.group} ${camera.state}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const wanted = shown.map((place) => {
      const key = `${place.mount} ${place.camera.nickname}`;
      const known = cards.get(key);
      known?.update(place);
      const card = known ?? createCard(place, actions);
      if (!known) {
        cards.set(key, card);
        watcher.observe(card.element);
      }
      return card.element;
    });
    arrange(list, wanted);
    for (const [key, card] of cards)
      if (!places.some(({ mount, camera }) => key === `${mount} ${camera.nickname}`)) {
        watcher.unobserve(card.element);
        card.close();
        cards.delete(key);
      }
    const running = places.filter(({ camera }) => camera.state === "running").length;
    const failing = places.filter(({ camera }) => camera.state === "failing").length;
    const parts = [
      count(places.length, "camera"),
      running > 0 ? `${running} running` : "",
      failing > 0 ? `${failing} failing` : "",
    ];
    setText(
      summary,
      shown.length < places.length
        ? `${shown.length} of ${count(places.length, "camera")}`
        : places.length > 0
          ? parts.filter(Boolean).join(", ")
          : "",
    );
  }

  async function ask(signal: AbortSignal): Promise<void> {
    if (performance.now() - asked > instancesEvery || instances.length === 0) {
      const status = await get<Status>(`${root}api/status`, signal);
      instances = status.instances.filter(({ use, state }) => use === "camera" && state !== "invalid");
      asked = performance.now();
    }
    const lists = await Promise.all(
      instances.map(async ({ mount }) => ({ mount, ...(await get<CameraList>(below(mount, "cameras"), signal)) })),
    );
    places = lists.flatMap(({ mount, cameras, editable }) => cameras.map((camera) => ({ mount, camera, editable })));
    mounts = lists.filter(({ editable }) => editable).map(({ mount }) => mount);
    const fixed = lists.flatMap(({ uneditable }) => uneditable ?? []).join("; ");
    setText(note, fixed && `Nothing can be changed now: ${fixed}`);
    setAttribute(note, "hidden", fixed === "");
    setAttribute(none, "hidden", lists.length > 0);
    setAttribute(empty, "hidden", lists.length === 0 || places.length > 0);
    for (const button of [add, addMany]) setAttribute(button, "hidden", mounts.length === 0);
    setAttribute(search, "hidden", places.length < 7);
    draw();
  }

  /** One after the other, so that a page with many cameras asks for one picture at a time. */
  async function lookAtSome(): Promise<void> {
    for (const card of cards.values()) {
      if (over.signal.aborted || document.hidden) return;
      const now = performance.now();
      if (!card.seen || now - (looked.get(card) ?? Number.NEGATIVE_INFINITY) < pictureEvery) continue;
      if (card.element.dataset.state !== "running") continue;
      looked.set(card, now);
      await card.look();
    }
  }

  const poll: Poll = createPoll(listEvery, async (signal) => {
    try {
      await ask(signal);
      setAttribute(trouble, "hidden", true);
      setAttribute(list, "aria-busy", "false");
    } catch (thrown) {
      if (signal.aborted) return;
      // A login has run out: the server leads to the form.
      if (thrown instanceof Refusal && thrown.status === 401) location.reload();
      setText(trouble, thrown instanceof Error ? thrown.message : String(thrown));
      setAttribute(trouble, "hidden", false);
      asked = Number.NEGATIVE_INFINITY;
    }
    void looking();
  });
  let under = false;
  async function looking(): Promise<void> {
    if (under) return;
    under = true;
    await lookAtSome().finally(() => {
      under = false;
    });
  }

  const { signal } = over;
  add.addEventListener("click", () => openForm({ mounts, changed }), { signal });
  addMany.addEventListener("click", () => openImport(mounts, changed), { signal });
  search.addEventListener("input", draw, { signal });
  return () => {
    over.abort();
    poll.stop();
    watcher.disconnect();
    for (const card of cards.values()) card.close();
    list.replaceChildren();
  };
}
