// A camera of the list: its picture, what it is doing, and what can be done with it.
import { below, type Camera, Refusal, send, type Tested } from "./api.ts";
import { h, icon, setAttribute, setText } from "./dom.ts";
import { clockTime, count, describeBits, describeFacts, stateWord } from "./words.ts";

/** A camera and the instance that has it. */
export interface Place {
  readonly mount: string;
  readonly camera: Camera;
  /** Whether this visitor may change it. */
  readonly editable: boolean;
}

export interface CardActions {
  play(place: Place): void;
  edit(place: Place): void;
  remove(place: Place): void;
}

export interface Card {
  readonly element: HTMLElement;
  update(place: Place): void;
  /** Shows a picture of now, if there is one to be had without opening the camera. */
  look(): Promise<void>;
  /** Lets go of its picture; it is shown no longer. */
  close(): void;
  /** Whether it is scrolled into view. */
  seen: boolean;
}

export function createCard(first: Place, actions: CardActions): Card {
  let place = first;
  let closed = false;
  const title = h("h3", { id: `camera-${crypto.randomUUID()}` });
  const picture = h("img", { alt: "", hidden: true, decoding: "async" });
  const badge = h("span", { class: "badge" });
  const facts = h("p", { class: "facts" });
  const doing = h("p", { class: "doing" });
  const fault = h("p", { class: "fault", hidden: true });
  const outcome = h("p", { class: "outcome", role: "status" });
  const play = button("play", "Play", () => actions.play(place));
  const screen = h(
    "button",
    { class: "screen", type: "button", tabindex: -1, "aria-hidden": "true", onclick: () => actions.play(place) },
    icon("camera"),
    picture,
    h("span", { class: "play" }, icon("play")),
  );
  const edit = button("edit", "Edit", () => actions.edit(place));
  const test = button("test", "Test", () => void tryIt());
  const remove = button("delete", "Delete", () => actions.remove(place));
  const element = h(
    "article",
    { class: "card", "aria-labelledby": title.id },
    screen,
    h("div", { class: "head" }, title, badge),
    facts,
    doing,
    fault,
    outcome,
    h("div", { class: "actions" }, play, edit, test, remove),
  );

  function button(name: string, text: string, work: () => void): HTMLButtonElement {
    return h("button", { type: "button", onclick: work }, icon(name), h("span", {}, text));
  }

  async function tryIt(): Promise<void> {
    const { mount, camera } = place;
    setAttribute(test, "disabled", true);
    setAttribute(outcome, "class", "outcome");
    setText(outcome, "Opening it …");
    try {
      const tested = await send<Tested>("POST", below(mount, "cameras/test"), {
        ...camera.written,
        edits: camera.nickname,
      });
      setAttribute(outcome, "class", "outcome good");
      setText(outcome, `It works: ${describeFacts(tested)} (${tested.how}, ${(tested.took / 1000).toFixed(1)} s)`);
    } catch (thrown) {
      setAttribute(outcome, "class", "outcome bad");
      setText(outcome, thrown instanceof Refusal ? thrown.message : String(thrown));
    }
    setAttribute(test, "disabled", false);
  }

  function update(next: Place): void {
    place = next;
    const { camera, editable } = next;
    setText(title, camera.name);
    for (const each of [play, edit, test, remove]) {
      const text = `${each.textContent} ${camera.name}`;
      setAttribute(each, "aria-label", text);
    }
    for (const each of [edit, test, remove]) setAttribute(each, "hidden", !editable);
    setAttribute(element, "data-state", camera.state);
    setText(badge, stateWord(camera.state));
    setText(facts, describeFacts(camera) || (camera.state === "idle" ? "not opened yet" : " "));
    const parts = [
      camera.watching > 0 ? `${count(camera.watching, "viewer")}` : camera.always ? "always open" : "nobody watches",
      camera.bitrate ? describeBits(camera.bitrate) : "",
      camera.how ?? "",
    ];
    setText(doing, parts.filter((part) => part !== "").join(" · "));
    setAttribute(doing, "title", camera.viewers.map(({ name }) => name).join("\n") || undefined);
    const wrong = camera.fault;
    setAttribute(fault, "hidden", wrong === undefined);
    setAttribute(fault, "class", wrong?.now ? "fault now" : "fault");
    if (wrong) setText(fault, wrong.now ? wrong.sentence : `${clockTime(wrong.at)}: ${wrong.sentence}`);
    if (camera.state === "idle" || camera.state === "failing") element.dataset.picture = "old";
    else delete element.dataset.picture;
  }

  async function look(): Promise<void> {
    const { mount, camera } = place;
    if (camera.state !== "running") return;
    const url = below(mount, `snapshot/${encodeURIComponent(camera.nickname)}.jpg?open=no`);
    const response = await fetch(url).catch(() => undefined);
    if (!response?.ok) return;
    const bytes = await response.blob();
    if (closed) return;
    const before = picture.src;
    picture.src = URL.createObjectURL(bytes);
    setAttribute(picture, "hidden", false);
    if (before) URL.revokeObjectURL(before);
  }

  function close(): void {
    closed = true;
    if (picture.src) URL.revokeObjectURL(picture.src);
  }

  update(first);
  return { element, update, look, close, seen: false };
}
