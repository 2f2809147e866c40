// The contract as tests: `testPlugin(plugin, { config })` declares them for any plugin, ours or a third party's.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Elysia } from "elysia";
import { z } from "zod";
import { instanceKeys, instanceSchema } from "../../core/config/schema.ts";
import type { Channel, Contribution, GuideSource, Job, Plugin, Programme } from "../../core/plugin.ts";
import { createTestHost, type TestHost } from "./host.ts";

export { createTestClock, type TestClock } from "./clock.ts";
export { createTestHost, type TestHost } from "./host.ts";

/** What the suite needs to know of a plugin. */
export interface PluginTest {
  /** A config that it accepts. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Configs that it must refuse. */
  readonly invalid?: readonly unknown[];
  /** Passwords and tokens of `config`: none may reach a log. */
  readonly secrets?: readonly string[];
  /** Makes the world that the plugin meets, before `setup()`: `host.answer(url, content)`. */
  readonly prepare?: (host: TestHost) => void | Promise<void>;
}

/** Milliseconds of real time for what must end; a little less than a test may take by default. */
const limit = 4000;
const day = 24 * 3_600_000;

/**
 * Declares the conformance suite of a plugin with `node:test`; run it by `bun test`.
 *
 * @example testPlugin(acme, { config: { playlist: "http://up.example/list.m3u" } })
 */
export function testPlugin<Schema extends z.ZodType>(plugin: Plugin<Schema>, options: PluginTest): void {
  describe(`plugin ${plugin.name}`, () => {
    test("has a name for `use:` and speaks contract version 1", () => {
      assert.match(plugin.name, /^[a-z0-9][a-z0-9-]*$/);
      assert.equal(plugin.api, 1);
    });

    test("config accepts the example", () => {
      assertShape(plugin.config, options.config, "config");
    });

    test("config names a key that it does not know", () => {
      const { error } = plugin.config.safeParse({ ...options.config, nonsenseKey: 1 });
      assert.ok(error, "it accepts unknown keys: use z.strictObject(), so that a misspelt key is found");
      assert.match(JSON.stringify(error.issues), /nonsenseKey/);
    });

    test("config refuses what is invalid, and says where", () => {
      for (const invalid of options.invalid ?? []) {
        const { error } = plugin.config.safeParse(invalid);
        assert.ok(error, `it accepts ${JSON.stringify(invalid)}`);
        assert.ok(error.issues.every(({ message }) => message.length > 0));
      }
    });

    test("config can be described as JSON Schema", () => {
      const schema = z.toJSONSchema(plugin.config, { io: "input", unrepresentable: "any" });
      assert.equal(schema.type, "object", "a config is an object of keys");
      // Core reads these too, by its own schema: what a plugin takes, core must take.
      for (const key of Object.keys(schema.properties ?? {}).filter((each) => instanceKeys.includes(each))) {
        const value = options.config[key];
        if (value !== undefined) assertShape(instanceSchema.shape[key as never], value, key);
      }
    });

    test("channels() gives whole channels, and the same ones again", async (t) => {
      await running(plugin, options, async (contribution) => {
        if (!contribution.channels) return t.skip("contributes no channels");
        const first = await listChannels(contribution);
        for (const channel of first) assertShape(channelShape, channel, "channel");
        const ids = first.map(({ id }) => id).filter((id) => id !== undefined);
        assert.equal(new Set(ids).size, ids.length, "two channels have one id");
        const identities = (channels: readonly Channel[]) => channels.map(({ id, name }) => [id, name]);
        assert.deepEqual(identities(await listChannels(contribution)), identities(first));
      });
    });

    test("version() names what channels() gives: the same while that is the same", async (t) => {
      await running(plugin, options, async (contribution) => {
        if (!contribution.version) return t.skip("names no version");
        const { signal } = new AbortController();
        const versions: (string | undefined)[] = [];
        for (let time = 0; time < 3; time++) {
          versions.push(await contribution.version(signal));
          await listChannels(contribution);
        }
        for (const version of versions) assert.ok(version === undefined || typeof version === "string");
        assert.equal(versions[2], versions[1]);
      });
    });

    test("channels() ends when its signal aborts", async (t) => {
      await running(plugin, options, async (contribution) => {
        if (!contribution.channels) return t.skip("contributes no channels");
        const controller = new AbortController();
        const reading = (async () => {
          for await (const _ of contribution.channels?.(controller.signal) ?? []) controller.abort();
        })();
        controller.abort();
        // It may end by an error, and it may have been faster than the signal.
        await withinLimit(
          reading.catch(() => {}),
          "channels() went on after its signal aborted",
        );
      });
    });

    test("guide() gives sources that core can read", async (t) => {
      await running(plugin, options, async (contribution, host) => {
        if (!contribution.guide) return t.skip("contributes no guide");
        if (contribution.channels) await listChannels(contribution);
        const now = host.clock.now();
        const span = { from: now - day, to: now + 2 * day };
        const sources = await contribution.guide(span, new AbortController().signal);
        assert.ok(Array.isArray(sources));
        for (const source of sources) await checkSource(source);
      });
    });

    test("routes() stays under its prefix and answers a strange path like any other server", async (t) => {
      await running(plugin, options, async (contribution, host) => {
        if (!contribution.routes) return t.skip("contributes no routes");
        const prefix = `/${host.name}`;
        const handler = { standardHostname: false };
        // The prefix is not known to the types: a plugin writes its paths without.
        const scope = new Elysia({ prefix: prefix as "", handler });
        const app = new Elysia({ handler }).use(contribution.routes(scope));
        assert.ok(app.routes.length > 0, "routes() declares none: leave it out");
        for (const { path } of app.routes) assert.ok(path === prefix || path.startsWith(`${prefix}/`), path);
        const { status } = await app.handle(new Request(`http://tv${prefix}/no/such/path?at=all`));
        assert.ok(status >= 400 && status < 500, `it answered ${status}`);
      });
    });

    test("jobs and health have their shapes", async () => {
      await running(plugin, options, (contribution) => {
        for (const [name, job] of Object.entries<Job>(contribution.jobs ?? {})) {
          assert.ok(Number.isFinite(job.every) && job.every > 0, `job ${name} has no interval`);
          assert.equal(typeof job.run, "function");
        }
        if (contribution.health) assertShape(healthShape, contribution.health(), "health");
      });
    });

    test("setup() works twice at once: instances share nothing", async () => {
      await running(plugin, options, (one) =>
        running(plugin, options, async (other) => {
          if (one.channels && other.channels) assert.deepEqual(await listChannels(one), await listChannels(other));
        }),
      );
    });

    test("nothing goes on after the instance has stopped", async () => {
      const host = await running(plugin, options, () => {});
      assert.equal(host.clock.sleeping, 0, "a sleep is left: pass host.signal to clock.sleep()");
    });

    test("no log holds a secret of the config", async () => {
      const host = await running(plugin, options, async (contribution) => {
        if (contribution.channels) await listChannels(contribution);
      });
      const written = JSON.stringify(host.logged);
      for (const secret of options.secrets ?? []) assert.ok(!written.includes(secret), "a secret reached the log");
    });
  });
}

/** Sets an instance up, lets `work` use it, and stops it as core does. */
async function running<Schema extends z.ZodType>(
  plugin: Plugin<Schema>,
  options: PluginTest,
  work: (contribution: Contribution, host: TestHost) => unknown,
): Promise<TestHost> {
  const host = await createTestHost(plugin.name);
  try {
    await options.prepare?.(host);
    const contribution = await plugin.setup(host, plugin.config.parse(options.config));
    try {
      await work(contribution, host);
    } finally {
      host.stop();
      await withinLimit(Promise.resolve(contribution.stop?.()), "stop() did not end");
      // What a sleep's rejection wakes runs in the turns after it.
      await host.clock.advance(0);
    }
  } finally {
    await host.close();
  }
  return host;
}

/** All that a plugin's `channels()` gives, one by one or in lists. */
export async function listChannels(
  contribution: Contribution,
  signal: AbortSignal = new AbortController().signal,
): Promise<Channel[]> {
  const list: Channel[] = [];
  const listing = async () => {
    for await (const some of contribution.channels?.(signal) ?? [])
      list.push(...(Array.isArray(some) ? (some as readonly Channel[]) : [some as Channel]));
  };
  await withinLimit(listing(), "channels() did not end");
  return list;
}

async function checkSource(source: GuideSource): Promise<void> {
  const kinds = ["url", "bytes", "programmes"].filter((kind) => kind in source);
  assert.equal(kinds.length, 1, `a guide source has one of url, bytes and programmes, not ${kinds.join(" and ")}`);
  if ("url" in source) assert.ok(source.url.length > 0, "a guide source has an empty address");
  if (!("programmes" in source)) return;
  for await (const programme of source.programmes(new AbortController().signal)) {
    assertShape(programmeShape, programme, "programme");
    assert.ok((programme.stop ?? programme.start) >= programme.start, "a programme stops before it starts");
  }
}

/** One line, with something in it. */
const line = z.string().regex(/^[^\r\n]*\S[^\r\n]*$/, "expected one line of text");
const texts = z.array(z.strictObject({ value: z.string(), lang: z.string().optional() }));
const lines = z.record(line, z.string());

const channelShape: z.ZodType<Channel> = z.strictObject({
  name: line,
  id: line.exactOptional(),
  url: line.exactOptional(),
  headers: lines.exactOptional(),
  guideId: z.string().exactOptional(),
  guideName: z.string().exactOptional(),
  guideShift: z.number().exactOptional(),
  account: line.exactOptional(),
  segment: z.number().positive().exactOptional(),
  linger: z.number().nonnegative().exactOptional(),
  timeshift: z.number().nonnegative().exactOptional(),
  timeshiftSize: z.number().positive().exactOptional(),
  timeshiftWhen: z.enum(["watched", "always"]).exactOptional(),
  number: z
    .string()
    .regex(/^\d+(\.\d+)?$/, "expected digits, or digits.digits")
    .exactOptional(),
  groups: z.array(line).exactOptional(),
  logo: z.string().exactOptional(),
  radio: z.boolean().exactOptional(),
  catchup: z.object({ mode: line }).loose().exactOptional() as z.ZodType<NonNullable<Channel["catchup"]>>,
  properties: lines.exactOptional(),
  attributes: lines.exactOptional(),
  directives: z.array(line.startsWith("#")).exactOptional(),
}) as z.ZodType<Channel>;

const programmeShape = z.looseObject({
  channel: line,
  start: z.number().int(),
  stop: z.number().int().exactOptional(),
  titles: texts,
}) as unknown as z.ZodType<Programme>;

const healthShape = z.strictObject({
  state: z.enum(["ok", "degraded", "down"]),
  sentence: line,
  /** Plain values: what JSON makes of it is all of it. */
  details: z.record(z.string(), z.json()).optional(),
});

function assertShape(shape: z.ZodType, value: unknown, what: string): void {
  const { error } = shape.safeParse(value);
  if (error) assert.fail(`${what} ${JSON.stringify(value)}: ${z.prettifyError(error)}`);
}

/** Real time, because a plugin that hangs does not look at a clock that stands still. */
async function withinLimit(work: Promise<unknown>, sentence: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${sentence} within ${limit / 1000} s`)), limit);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
