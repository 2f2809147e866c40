// Makes and changes elements: text is always text, and nothing that has not changed is touched.

export type Child = Node | string | undefined | false;
type Props = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

const svg = "http://www.w3.org/2000/svg";

/** An element: `on…` listens, true and false set attributes without value, all else is an attribute. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(...present(children));
  return element;
}

/** A picture of the page's sprite; for eyes only. */
export function icon(name: string): SVGElement {
  const element = document.createElementNS(svg, "svg");
  element.setAttribute("aria-hidden", "true");
  element.setAttribute("class", "icon");
  const use = document.createElementNS(svg, "use");
  use.setAttribute("href", `#icon-${name}`);
  element.append(use);
  return element;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | number | boolean | undefined): void {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? "" : value))
    element.setAttribute(name, value === true ? "" : String(value));
}

export function setChildren(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(...present(children));
}

/** Puts elements in this order and takes all others out; those that stay where they are keep their focus. */
export function arrange(parent: Element, wanted: readonly Element[]): void {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  for (const [index, element] of wanted.entries())
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
}

/** The element with this id, of this kind. @throws Error when the page has none */
export function find<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`);
  return element;
}

function present(children: readonly Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== undefined && child !== false);
}
