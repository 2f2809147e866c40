// A visit to the web page of a headend of its own: what its config says, what the page shows, and that no password is told on the way.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { serving } from "../runtime/process.ts";
import { until } from "../runtime/streams/headend.ts";

/** What no page and no answer may hold. */
const secret = /pass word|pass%20word|hunter2/;

export interface Visit {
  readonly page: Page;
  readonly base: string;
  /** The config file as it is now. */
  file(): Promise<string>;
  shot(name: string): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** Lines of the config below `cameras:`. */
  readonly cameras?: readonly string[];
  readonly access?: string;
  /** Further instances, a line each. */
  readonly instances?: readonly string[];
}

/** A headend of its own, and a page that shows it. Afterwards nothing that came over the network has told a password. */
export async function visiting(
  browser: Browser,
  o: VisitOptions,
  work: (visit: Visit) => Promise<void>,
): Promise<void> {
  const { cameras = [], access = "", instances = [], ...context } = o;
  const folder = await mkdtemp(join(tmpdir(), "headend-dashboard-"));
  const path = join(folder, "headend.yaml");
  const lines = cameras.length > 0 ? ["    cameras:", ...cameras.map((line) => `      ${line}`)] : ["    cameras: {}"];
  await writeFile(
    path,
    [
      "# our house",
      access,
      "instances:",
      "  testcard: false",
      "  cams: # all",
      "    use: camera",
      "    linger: 1s",
      ...lines,
      ...instances.map((line) => `  ${line}`),
      "",
    ].join("\n"),
  );
  const visitor = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context });
  const told: string[] = [];
  const wrong: string[] = [];
  try {
    await serving(
      folder,
      async ({ base, output }) => {
        const page = await visitor.newPage();
        page.on("pageerror", (error) => wrong.push(error.message));
        page.on("console", (message) => {
          if (message.type() === "error" && /Content Security Policy|Uncaught/.test(message.text()))
            wrong.push(message.text());
        });
        page.on("response", (response) => {
          if (/json|text|javascript/.test(response.headers()["content-type"] ?? ""))
            response.text().then(
              (text) => told.push(`${response.url()}\n${text}`),
              () => {},
            );
        });
        const there = async () => (await fetch(`${base}/dashboard/`, { redirect: "manual" })).status !== 503;
        await until(there, "the page does not start");
        await page.goto(`${base}/dashboard/`);
        const shot = async (name: string) => {
          if (process.env.SCREENSHOTS)
            await page.screenshot({ path: join(process.env.SCREENSHOTS, `dashboard-${name}.png`) });
        };
        const visit = {
          page,
          base,
          file: () => readFile(path, "utf8"),
          shot,
        };
        await work(visit).catch(async (thrown: unknown) => {
          await shot("failed");
          throw thrown;
        });
        assert.doesNotMatch(output(), secret);
      },
      ["--config", path],
    );
    assert.deepEqual(wrong, []);
    for (const text of told) assert.doesNotMatch(text, secret);
  } finally {
    await visitor.close();
    await rm(folder, { recursive: true, force: true });
  }
}
