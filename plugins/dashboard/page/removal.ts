// Asks before a camera is deleted.
import { below, send } from "./api.ts";
import type { Place } from "./card.ts";
import { openDialog } from "./dialog.ts";
import { h, setAttribute, setText } from "./dom.ts";

export function openRemoval({ mount, camera }: Place, done: (sentence: string) => Promise<void>): void {
  const trouble = h("p", { class: "trouble", role: "alert" });
  const cancel = h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Keep it");
  const confirm = h("button", { type: "button", class: "danger", onclick: () => void remove() }, "Delete");
  const dialog = openDialog(`Delete ${camera.name}?`, "small", [
    h("p", {}, "It goes out of the config file, and whoever watches it is cut off. Its addresses lead nowhere then."),
    trouble,
    h("div", { class: "buttons" }, cancel, confirm),
  ]);

  async function remove(): Promise<void> {
    setAttribute(confirm, "disabled", true);
    try {
      await send("DELETE", below(mount, `cameras/${encodeURIComponent(camera.nickname)}`));
      dialog.close();
      await done(`${camera.name} is deleted.`);
    } catch (thrown) {
      setText(trouble, thrown instanceof Error ? thrown.message : String(thrown));
      setAttribute(confirm, "disabled", false);
    }
  }
}
