// Imports cameras from pasted lines or a file: every line is judged before anything is written.
import { below, type Imported, send } from "./api.ts";
import { openDialog } from "./dialog.ts";
import { h, setAttribute, setChildren, setText } from "./dom.ts";
import { choice, createField, filledIn } from "./fields.ts";
import { count } from "./words.ts";

/** Milliseconds without a key after which the lines are judged. */
const calm = 400;

export function openImport(mounts: readonly string[], changed: (sentence: string) => Promise<void>): void {
  const named = Object.fromEntries(mounts.map((mount) => [mount.replace(/^\//, ""), mount]));
  const where = choice("mount", "Instance", mounts[0], named);
  const area = h("textarea", {
    rows: 8,
    spellcheck: "false",
    autocapitalize: "none",
    wrap: "off",
    placeholder: "door, rtsp://user:password@10.0.0.5/stream1\nyard, rtsp://user:password@10.0.0.6/stream1",
  });
  const lines = createField(
    "text",
    "Lines",
    area,
    "A nickname and a link each, separated by a comma, a semicolon or a tab.",
  );
  const file = h("input", {
    type: "file",
    accept: ".csv,.txt,.tsv,text/csv,text/plain",
    onchange: () => void readFile(),
  });
  const picked = createField("file", "Or a file", file);
  const summary = h("p", { class: "outcome", role: "status" });
  const body = h("tbody");
  const table = h(
    "table",
    { hidden: true },
    h("thead", {}, h("tr", {}, ...["Line", "Nickname", "Link", ""].map((word) => h("th", { scope: "col" }, word)))),
    body,
  );
  const all = h(
    "button",
    { type: "button", class: "primary", disabled: true, onclick: () => void write("all") },
    "Import all",
  );
  const good = h("button", { type: "button", hidden: true, onclick: () => void write("good") });
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const over = new AbortController();
  let timer: number | undefined;
  let serial = 0;
  const dialog = openDialog(
    "Import cameras",
    "wide",
    [
      ...(mounts.length > 1 ? [where.element] : []),
      lines.element,
      picked.element,
      summary,
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "What becomes of each line" }, table),
      h("div", { class: "buttons" }, h("span", { class: "gap" }), cancel, good, all),
    ],
    () => {
      window.clearTimeout(timer);
      over.abort();
    },
  );
  area.focus();
  area.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void judge(), calm);
  });
  where.input.addEventListener("change", () => void judge());

  const post = (text: string, how: "none" | "all" | "good") =>
    send<Imported>(
      "POST",
      below(mounts.length > 1 ? String(filledIn(where)) : (mounts[0] ?? ""), "cameras/import"),
      { text, write: how },
      over.signal,
    );

  async function readFile(): Promise<void> {
    const text = await file.files?.[0]?.text();
    if (text === undefined) return;
    area.value = text;
    await judge();
  }

  async function judge(): Promise<void> {
    const own = ++serial;
    try {
      const report = await post(area.value, "none");
      // A later one is under way.
      if (own === serial) show(report);
    } catch (thrown) {
      if (own === serial && !over.signal.aborted) tell(thrown);
    }
  }

  function tell(thrown: unknown): void {
    setAttribute(summary, "class", "outcome bad");
    setText(summary, thrown instanceof Error ? thrown.message : String(thrown));
  }

  function show({ lines: found, good: fine, bad }: Imported): void {
    setAttribute(summary, "class", bad > 0 ? "outcome bad" : "outcome good");
    const words = [
      fine > 0 ? `${count(fine, "line")} can be imported` : "",
      bad > 0 ? `${count(bad, "line")} cannot` : "",
    ];
    setText(summary, words.filter((word) => word !== "").join(", "));
    setAttribute(table, "hidden", found.length === 0);
    setChildren(
      body,
      ...found
        .toSorted((a, b) => Number(a.ok) - Number(b.ok) || a.line - b.line)
        .map((each) =>
          h(
            "tr",
            { class: each.ok ? "good" : "bad" },
            h("td", {}, String(each.line)),
            h("td", {}, each.nickname),
            h("td", { class: "link" }, each.url),
            h("td", {}, each.ok ? "good" : (each.fault ?? "")),
          ),
        ),
    );
    setText(all, fine > 1 ? `Import all ${fine}` : "Import");
    setAttribute(all, "disabled", fine === 0 || bad > 0);
    setText(good, fine === 1 ? "Import the good one" : `Import the ${fine} good ones`);
    setAttribute(good, "hidden", fine === 0 || bad === 0);
  }

  async function write(how: "all" | "good"): Promise<void> {
    for (const button of [all, good]) setAttribute(button, "disabled", true);
    try {
      const report = await post(area.value, how);
      if (report.added > 0) {
        dialog.close();
        return await changed(`${count(report.added, "camera is", "cameras are")} imported.`);
      }
      show(report);
    } catch (thrown) {
      tell(thrown);
      setAttribute(all, "disabled", false);
    }
    setAttribute(good, "disabled", false);
  }
}
