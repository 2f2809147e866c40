// Puts an address on the clipboard, also where the page is not served securely and has no clipboard of its own.
import { h, icon, setText } from "./dom.ts";

export function copyButton(text: string, label: string): HTMLButtonElement {
  const word = h("span", {}, label);
  const button = h("button", { type: "button", onclick: () => void copy() }, icon("copy"), word);

  async function copy(): Promise<void> {
    const done = await write(text, button);
    setText(word, done ? "Copied" : "Press Ctrl+C");
    window.setTimeout(() => setText(word, label), 2000);
  }
  return button;
}

async function write(text: string, near: HTMLElement): Promise<boolean> {
  if (isSecureContext) {
    const written = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    if (written) return true;
  }
  // Inside the dialog, if there is one: what lies outside it cannot be selected.
  const field = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: -1 });
  field.value = text;
  near.after(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  near.focus();
  return done;
}
