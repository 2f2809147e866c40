// What is wrong with a page for those who use a small screen, a keyboard, a screen reader, or weak eyes: run inside the page.

/** A sentence for each fault. It reaches nothing outside itself, as it is sent to the browser. */
export function findFaults(): string[] {
  const faults: string[] = [];
  const isShown = (element: Element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const tell = (element: Element, what: string) => faults.push(`${element.outerHTML.slice(0, 120)}: ${what}`);
  const open = document.querySelector("dialog[open]");
  const scope = open ?? document.body;

  if (document.documentElement.scrollWidth > innerWidth)
    faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const element of scope.querySelectorAll("*")) {
    const { left, right } = element.getBoundingClientRect();
    const scrolls = element.closest(".scroll, pre, textarea, svg") !== null;
    if (isShown(element) && !scrolls && (left < -1 || right > innerWidth + 1))
      tell(element, `reaches from ${left} to ${right}`);
  }

  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`two elements are called ${id}`);
  for (const name of ["aria-labelledby", "aria-describedby", "for"])
    for (const element of document.querySelectorAll(`[${name}]`))
      for (const id of (element.getAttribute(name) ?? "").split(/\s+/))
        if (!document.getElementById(id)) tell(element, `${name} leads nowhere`);

  for (const element of scope.querySelectorAll("button, a, input, select, textarea, dialog, video")) {
    if (!isShown(element) || element.getAttribute("aria-hidden") === "true") continue;
    const labels = "labels" in element ? [...((element.labels as NodeListOf<HTMLLabelElement> | null) ?? [])] : [];
    const named = element.getAttribute("aria-label") || element.getAttribute("aria-labelledby");
    const text = element.matches("button, a") ? (element.textContent ?? "") : "";
    if (!named && !text.trim() && labels.length === 0 && !element.matches("video")) tell(element, "has no name");
    const { width, height } = element.getBoundingClientRect();
    if (element.matches("button, select, input:not([type=checkbox])") && (height < 32 || width < 32))
      tell(element, `is ${width} by ${height}: too small for a finger`);
  }
  for (const image of scope.querySelectorAll("img")) if (!image.hasAttribute("alt")) tell(image, "has no alt");

  /** Of sRGB, 0 to 1 each. */
  type Colour = readonly [red: number, green: number, blue: number, alpha: number];
  const colourOf = (text: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red / 255, green / 255, blue / 255, alpha];
  };
  const over = (top: Colour, under: Colour): Colour => {
    const mix = (a: number, b: number) => a * top[3] + b * (1 - top[3]);
    return [mix(top[0], under[0]), mix(top[1], under[1]), mix(top[2], under[2]), 1];
  };
  const luminance = ([red, green, blue]: Colour) => {
    const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const groundOf = (element: Element): Colour => {
    const own = colourOf(getComputedStyle(element).backgroundColor);
    if (own[3] === 1 || !element.parentElement) return own;
    return over(own, groundOf(element.parentElement));
  };
  for (const element of scope.querySelectorAll("*")) {
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    // What cannot be used need not be read (WCAG 2.2, 1.4.3).
    if (!text || !isShown(element) || element.closest(":disabled, option, .screen, noscript")) continue;
    const ground = groundOf(element);
    const ink = over(colourOf(getComputedStyle(element).color), ground);
    const [light, dark] = [luminance(ink), luminance(ground)].sort((a, b) => b - a) as [number, number];
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) tell(element, `has a contrast of ${contrast.toFixed(2)}`);
  }
  return faults;
}
