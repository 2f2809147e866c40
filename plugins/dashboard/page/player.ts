// Plays a channel in the page: by hls.js, or by the browser itself where that knows HLS.
import type HlsPlayer from "hls.js";
import { root } from "./api.ts";
import { copyButton } from "./copy.ts";
import { openDialog } from "./dialog.ts";
import { h, setAttribute, setText } from "./dom.ts";

export interface Watched {
  readonly title: string;
  /** Id in the lineup. */
  readonly channel: string;
  /** What a player elsewhere is given. */
  readonly address: string;
}

export function openPlayer({ title, channel, address }: Watched): void {
  const source = `${root}live/${encodeURIComponent(channel)}.m3u8`;
  const video = h("video", { controls: true, playsinline: true, muted: true, autoplay: true, tabindex: 0 });
  // The attribute alone does not mute what is made by a script.
  video.muted = true;
  const told = h("p", { class: "told", role: "status" }, "Opening …");
  const over = new AbortController();
  const { signal } = over;
  const screen = h("div", { class: "video" }, video, told);
  openDialog(title, "player", [screen, h("div", { class: "buttons" }, copyButton(address, "Copy address"))], () => {
    over.abort();
    video.pause();
    video.removeAttribute("src");
    video.load();
  });
  const tell = (sentence: string) => {
    setText(told, sentence);
    setAttribute(told, "hidden", sentence === "");
  };
  for (const name of ["playing", "timeupdate"])
    video.addEventListener(name, () => !video.paused && video.currentTime > 0 && tell(""), { signal });
  video.addEventListener("error", () => video.error && tell(video.error.message || "This cannot be played here."), {
    signal,
  });
  play(video, source, signal, tell).catch((thrown: unknown) =>
    tell(thrown instanceof Error ? thrown.message : String(thrown)),
  );
}

async function play(
  video: HTMLVideoElement,
  source: string,
  signal: AbortSignal,
  tell: (sentence: string) => void,
): Promise<void> {
  const folder = import.meta.url.replace(/[^/]*$/, "");
  const { default: Hls } = (await import(`${folder}hls.js`)) as { default: typeof HlsPlayer };
  if (signal.aborted) return;
  if (!Hls.isSupported()) {
    if (video.canPlayType("application/vnd.apple.mpegurl") === "") throw new Error("This browser cannot play HLS.");
    video.src = source;
    return;
  }
  const hls = new Hls({ workerPath: `${folder}hls.worker.js`, backBufferLength: 30, manifestLoadPolicy: patient });
  signal.addEventListener("abort", () => hls.destroy());
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    if (undecodable.has(data.details)) {
      // Nothing gets better by asking again.
      hls.stopLoad();
      return tell("This browser cannot decode what comes here. Another player may, by its address.");
    }
    void explain(source, signal, data.details).then((sentence) => !signal.aborted && tell(sentence));
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    // Cameras come back; so does this.
    else window.setTimeout(() => !signal.aborted && hls.loadSource(source), 3000);
  });
  hls.on(Hls.Events.MANIFEST_PARSED, () => void video.play().catch(() => tell("Press play.")));
  hls.loadSource(source);
  hls.attachMedia(video);
}

/** What hls.js calls it when the browser has no decoder. */
const undecodable: ReadonlySet<string> = new Set([
  "bufferAddCodecError",
  "bufferIncompatibleCodecsError",
  "manifestIncompatibleCodecsError",
]);

/** A camera that is opened for it may take a while. */
const patient = {
  default: {
    maxTimeToFirstByteMs: 25_000,
    maxLoadTimeMs: 30_000,
    timeoutRetry: { maxNumRetry: 1, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 },
  },
};

/** The server's own sentence, where it has one. */
async function explain(source: string, signal: AbortSignal, otherwise: string): Promise<string> {
  const response = await fetch(source, { headers: { accept: "application/json" }, signal }).catch(() => undefined);
  if (!response || response.ok) return `${otherwise}: trying again …`;
  const { error } = (await response.json().catch(() => ({}))) as { error?: { sentence?: string } };
  return error?.sentence ?? otherwise;
}
