// The page: which of its views is shown, who is here, and what has just been done.
import { get, root, type Status } from "./api.ts";
import { showCameras } from "./cameras.ts";
import { find, setAttribute, setText } from "./dom.ts";
import { showOverview } from "./overview.ts";

const views = { cameras: showCameras, overview: showOverview } as const;
type View = keyof typeof views;

const status = find("said", HTMLElement);
let leave = () => {};
let shown: View | undefined;

/** For those who see it and those who hear it. */
function say(sentence: string): void {
  setText(status, sentence);
  setAttribute(status, "data-shown", true);
  window.setTimeout(() => status.textContent === sentence && setAttribute(status, "data-shown", false), 6000);
}

function show(): void {
  const wanted: View = location.hash === "#overview" ? "overview" : "cameras";
  if (wanted === shown) return;
  leave();
  for (const view of Object.keys(views)) {
    setAttribute(find(view, HTMLElement), "hidden", view !== wanted);
    setAttribute(find(`to-${view}`, HTMLElement), "aria-current", view === wanted ? "page" : undefined);
  }
  document.title = wanted === "cameras" ? "Cameras – Headend" : "Overview – Headend";
  const first = shown === undefined;
  shown = wanted;
  leave = views[wanted](say);
  // Who follows a link with the keyboard goes on there.
  if (!first) find(`${wanted}-title`, HTMLElement).focus();
}

async function greet(): Promise<void> {
  const { user } = await get<{ readonly user?: string; readonly admin: boolean }>(new URL("me", location.href).href);
  const form = find("logout", HTMLFormElement);
  form.action = `${root}logout`;
  setAttribute(form, "hidden", user === undefined);
  setText(find("user", HTMLElement), user ?? "");
}

async function sign(): Promise<void> {
  const { version } = await get<Status>(`${root}api/status`);
  setText(find("version", HTMLElement), version);
}

window.addEventListener("hashchange", show);
show();
greet().catch(() => {});
sign().catch(() => {});
