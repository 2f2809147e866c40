// Inputs with their labels, hints and errors: each error stands at its field, and is read out with it.
import { type Child, h, setAttribute, setText } from "./dom.ts";

export type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

export interface Field {
  readonly name: string;
  readonly input: Input;
  readonly element: HTMLElement;
  /** Says what is wrong with it; undefined: nothing. */
  blame(sentence: string | undefined): void;
}

export function createField(name: string, label: string, input: Input, hint?: string): Field {
  const id = `field-${crypto.randomUUID()}`;
  input.id = id;
  input.name = name;
  const fault = h("p", { class: "blame", id: `${id}-fault` });
  const hints = hint ? [h("p", { class: "hint", id: `${id}-hint` }, hint)] : [];
  const described = () =>
    [...(hint ? [`${id}-hint`] : []), ...(fault.textContent ? [`${id}-fault`] : [])].join(" ") || undefined;
  setAttribute(input, "aria-describedby", described());
  const checkbox = input instanceof HTMLInputElement && input.type === "checkbox";
  const text = h("label", { for: id }, label);
  const first: Child[] = checkbox ? [input, text] : [text, input];
  const field = h("div", { class: checkbox ? "field check" : "field" }, ...first, ...hints, fault);
  input.addEventListener("input", () => blame(undefined));

  function blame(sentence: string | undefined): void {
    setText(fault, sentence ?? "");
    setAttribute(input, "aria-invalid", sentence === undefined ? undefined : "true");
    setAttribute(input, "aria-describedby", described());
  }
  return { name, input, element: field, blame };
}

export function text(
  name: string,
  label: string,
  value: unknown,
  hint?: string,
  more: Parameters<typeof h>[1] = {},
): Field {
  const input = h("input", { type: "text", autocomplete: "off", ...more });
  input.value = typeof value === "string" ? value : "";
  return createField(name, label, input, hint);
}

/** @param options values by what they are called */
export function choice(
  name: string,
  label: string,
  value: unknown,
  options: Readonly<Record<string, string>>,
  hint?: string,
): Field {
  const choices = Object.entries(options).map(([called, each]) => h("option", { value: each }, called));
  const input = h("select", {}, ...choices);
  input.value = typeof value === "string" ? value : "";
  return createField(name, label, input, hint);
}

export function check(name: string, label: string, value: unknown, hint?: string): Field {
  const input = h("input", { type: "checkbox" });
  input.checked = value === true;
  return createField(name, label, input, hint);
}

/** What is filled in: texts, and true or nothing of a box. */
export function filledIn({ input }: Field): string | boolean {
  return input instanceof HTMLInputElement && input.type === "checkbox" ? input.checked : input.value;
}
