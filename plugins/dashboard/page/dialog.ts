// Dialogs: one at a time, closed by Escape or a button, gone from the page afterwards.
import { type Child, h, icon } from "./dom.ts";

export interface Dialog {
  readonly element: HTMLDialogElement;
  close(): void;
}

/** @param closed once, however it is closed */
export function openDialog(title: string, kind: string, body: readonly Child[], closed: () => void = () => {}): Dialog {
  const heading = h("h2", { id: `dialog-${crypto.randomUUID()}` }, title);
  const dismiss = h(
    "button",
    { type: "button", class: "plain", "aria-label": "Close", onclick: () => element.close() },
    icon("close"),
  );
  const element = h(
    "dialog",
    { class: kind, "aria-labelledby": heading.id },
    h("div", { class: "titled" }, heading, dismiss),
    ...body,
  );
  const before = document.activeElement;
  element.addEventListener("close", () => {
    closed();
    element.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  // A click beside it closes what has nothing to lose.
  if (kind === "player")
    element.addEventListener("click", (event) => {
      if (event.target === element) element.close();
    });
  document.body.append(element);
  element.showModal();
  return { element, close: () => element.close() };
}
