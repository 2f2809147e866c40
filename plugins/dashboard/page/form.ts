// Adds or edits a camera: its link and nickname first, all else folded away; tried before it is saved, if wanted.
import { below, Refusal, send, type Tested } from "./api.ts";
import type { Place } from "./card.ts";
import { openDialog } from "./dialog.ts";
import { h, icon, setAttribute, setText } from "./dom.ts";
import { check, choice, type Field, filledIn, text } from "./fields.ts";
import { describeFacts } from "./words.ts";

export interface FormOptions {
  /** Instances that a new camera may go to. */
  readonly mounts: readonly string[];
  /** The camera that is edited; absent: a new one. */
  readonly place?: Place;
  changed(sentence: string): Promise<void>;
}

export function openForm({ mounts, place, changed }: FormOptions): void {
  const camera = place?.camera;
  const now = camera?.written ?? {};
  const named = Object.fromEntries(mounts.map((mount) => [mount.replace(/^\//, ""), mount]));
  const where = choice("mount", "Instance", mounts[0], named);
  const url = text(
    "url",
    "Link",
    now.url,
    camera
      ? "*** stands for the password that is kept."
      : "rtsp, rtsps, rtmp, http(s), srt, udp or rtp; with user and password.",
    {
      type: "text",
      inputmode: "url",
      spellcheck: "false",
      autocapitalize: "none",
      placeholder: "rtsp://user:password@10.0.0.5/stream1",
    },
  );
  const nickname = text(
    "nickname",
    "Nickname",
    camera?.nickname,
    "Stands in its addresses: letters, digits, - and _.",
    {
      spellcheck: "false",
      autocapitalize: "none",
      maxlength: 64,
    },
  );
  const more = [
    text("name", "Name", now.name, "What players show; without one, the nickname."),
    text("group", "Group", now.group, "Where players list it; without one, the instance's."),
    choice(
      "transport",
      "Carried by",
      now.transport,
      { Default: "", "Whatever works": "auto", TCP: "tcp", UDP: "udp" },
      "Of RTSP.",
    ),
    choice("audio", "Sound", now.audio, {
      Default: "",
      "AAC, made of what is none": "auto",
      "AAC, made anew": "aac",
      "As it comes": "copy",
      None: "off",
    }),
    choice("video", "Pictures", now.video, {
      Default: "",
      "As they come": "copy",
      "H.264, made of what is none": "h264",
    }),
    text("linger", "Stays open", now.linger, "After the last viewer, such as 10s.", { placeholder: "10s" }),
    choice(
      "hls",
      "HLS",
      modeOf(now.hls),
      { Default: "", "Transport stream": "ts", "Fragmented MP4": "fmp4", "Low latency": "ll" },
      "Low latency: less than a second behind, in players that know it.",
    ),
    text("segment", "Segments", now.segment, "Of HLS, such as 1s: shorter is sooner.", { placeholder: "1s" }),
    text("logo", "Logo", now.logo, "Address of a picture for lists.", { inputmode: "url", spellcheck: "false" }),
    check("always", "Always open", now.always, "Also while nobody watches."),
  ];
  const fields: readonly Field[] = [url, nickname, ...more];
  const told = h("p", { class: "outcome", role: "status" });
  const test = h("button", { type: "button", onclick: () => void tryIt() }, icon("test"), h("span", {}, "Test"));
  const save = h("button", { type: "submit", class: "primary" }, camera ? "Save" : "Add camera");
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const rest = h(
    "details",
    { class: "more" },
    h("summary", {}, "More"),
    h("div", { class: "grid" }, ...more.map(({ element }) => element)),
  );
  const form = h(
    "form",
    { novalidate: true, onsubmit: (event) => void submit(event) },
    ...(mounts.length > 1 ? [where.element] : []),
    url.element,
    nickname.element,
    rest,
    h(
      "div",
      { class: "footer" },
      told,
      h("div", { class: "buttons" }, test, h("span", { class: "gap" }), cancel, save),
    ),
  );
  const testing = new AbortController();
  let trial: AbortController | undefined;
  const dialog = openDialog(camera ? `Edit ${camera.name}` : "Add a camera", "form", [form], () => testing.abort());
  (camera ? nickname : url).input.focus();
  if (more.some(({ name }) => now[name] !== undefined && name !== "name" && name !== "group")) rest.open = true;

  /** An edit says everything, so that what is emptied goes; what is new says what there is. */
  function filled(): Record<string, unknown> {
    const entries = fields.map((field): [string, unknown] => {
      const value = filledIn(field);
      if (value === "" || value === false) return [field.name, null];
      return [field.name, field.name === "hls" ? { mode: value } : value];
    });
    return Object.fromEntries(entries.filter(([, value]) => camera !== undefined || value !== null));
  }

  const mount = () => (mounts.length > 1 ? String(filledIn(where)) : (mounts[0] ?? ""));

  function tell(sentence: string, kind: "good" | "bad" | ""): void {
    setAttribute(told, "class", `outcome ${kind}`.trim());
    setText(told, sentence);
  }

  /** Every sentence at its field; what has none, below. */
  function blame(thrown: unknown): void {
    const refusal = thrown instanceof Refusal ? thrown : new Refusal(0, String(thrown));
    let first: Field | undefined;
    for (const field of fields) {
      const sentence = refusal.fields[field.name];
      field.blame(sentence);
      if (sentence) first ??= field;
    }
    if (first && more.includes(first)) rest.open = true;
    const stray = Object.entries(refusal.fields).filter(([name]) => !fields.some((field) => field.name === name));
    const general =
      Object.keys(refusal.fields).length === 0 ? refusal.message : stray.map(([, sentence]) => sentence).join("; ");
    tell(general, "bad");
    first?.input.focus();
  }

  async function tryIt(): Promise<void> {
    if (trial) return trial.abort();
    for (const field of fields) field.blame(undefined);
    trial = new AbortController();
    setText(test.lastElementChild ?? test, "Stop the test");
    tell("Opening it …", "");
    try {
      const { nickname: _, ...keys } = filled();
      const body = { ...keys, ...(camera ? { edits: camera.nickname } : {}) };
      const signal = AbortSignal.any([testing.signal, trial.signal]);
      const tested = await send<Tested>("POST", below(mount(), "cameras/test"), body, signal);
      tell(`It works: ${describeFacts(tested)} (${tested.how}, ${(tested.took / 1000).toFixed(1)} s)`, "good");
    } catch (thrown) {
      if (trial.signal.aborted) tell("", "");
      else if (!testing.signal.aborted) blame(thrown);
    }
    trial = undefined;
    setText(test.lastElementChild ?? test, "Test");
  }

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    trial?.abort();
    for (const each of [save, test]) setAttribute(each, "disabled", true);
    try {
      const at = camera ? `cameras/${encodeURIComponent(camera.nickname)}` : "cameras";
      const saved = await send<{ nickname: string }>(camera ? "PUT" : "POST", below(mount(), at), filled());
      dialog.close();
      await changed(camera ? `${saved.nickname} is saved.` : `${saved.nickname} is added.`);
    } catch (thrown) {
      for (const each of [save, test]) setAttribute(each, "disabled", false);
      blame(thrown);
    }
  }
}

/** Of `{ mode: … }`, as the config has it. */
function modeOf(hls: unknown): unknown {
  return typeof hls === "object" && hls !== null && "mode" in hls ? hls.mode : undefined;
}
