// The admin API of a camera instance, over its own routes: what is listed, added, edited, tested, deleted and imported.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadendError, type Source } from "../../../core/plugin.ts";
import { createRouter } from "../../../core/server/router.ts";
import camera from "../../../providers/camera/index.ts";
import { createTestHost, lineupChannel, type TestHost, until } from "../../support/host.ts";
import { mediaMissing, readClip } from "../../support/media.ts";

const file = `# my house
instances:
  cams: # all of them
    use: camera
    cameras:
      # by the street
      door: rtsp://admin:hunter2@10.0.0.5/live # the front
      yard:
        url: "rtsp://admin:\${YARD}@10.0.0.6/live"
        name: Back yard # not the front
        linger: 30s
`;
const filled = {
  door: "rtsp://admin:hunter2@10.0.0.5/live",
  yard: { url: "rtsp://admin:s3cret@10.0.0.6/live", name: "Back yard", linger: "30s" },
};

interface Answer {
  readonly status: number;
  readonly body: {
    readonly [key: string]: unknown;
    readonly error?: { readonly code: string; readonly sentence: string; readonly fields?: Record<string, string> };
    readonly cameras?: readonly Record<string, unknown>[];
    readonly lines?: readonly Record<string, unknown>[];
  };
  readonly headers: Headers;
}

interface Stage {
  readonly host: TestHost;
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  listed(): Promise<readonly Record<string, unknown>[]>;
  /** Who asks from now on. */
  admin: boolean;
  /** Every answer's text. */
  readonly said: readonly string[];
}

async function withApi(work: (stage: Stage) => Promise<void>): Promise<void> {
  const host = await createTestHost("cams");
  const said: string[] = [];
  try {
    host.config.text = file;
    const given = await camera.setup(host, camera.config.parse({ cameras: filled }));
    const publish = (names: readonly string[]) =>
      host.publish(names.map((name) => lineupChannel({ name, instance: "cams", id: `cams:${name}`, ownId: name })));
    publish(Object.keys(filled));
    host.config.changed = async (now) => {
      const { use: _, ...config } = JSON.parse(JSON.stringify(now).replaceAll("${YARD}", "s3cret"));
      const parsed = camera.config.parse(config);
      assert.equal(await given.reconfigure?.(parsed), true);
      publish(Object.keys(parsed.cameras));
    };
    const router = createRouter({ log: host.log, derive: (request, init) => new Request(request, init) });
    const app = router.createApp("/cams");
    router.mount("cams", "/cams", given.routes?.(app) ?? app);
    const stage: Stage = {
      host,
      admin: true,
      said,
      async ask(method, path, body, headers = {}) {
        const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
        const type = body === undefined ? {} : { "content-type": "application/json" };
        const request = new Request(`http://tv.example/cams/cameras${path}`, {
          method,
          headers: { ...type, ...headers },
          ...sent,
        });
        const response = await router.handle(request, `/cams/cameras${path}`);
        const text = await response.text();
        said.push(text);
        return {
          status: response.status,
          body: text.startsWith("{") ? JSON.parse(text) : {},
          headers: response.headers,
        };
      },
      async listed() {
        return (await stage.ask("GET", "")).body.cameras ?? [];
      },
    };
    host.viewer = () => ({ name: "somebody", address: "10.0.0.9", admin: stage.admin });
    await work(stage);
    for (const text of [...said, ...host.logged.map(({ sentence }) => sentence)])
      assert.doesNotMatch(text, /hunter2|s3cret/);
  } finally {
    await host.close();
  }
}

test("cameras that run by themselves are in the file with the first that is added", async () => {
  await withApi(async (stage) => {
    stage.host.config.text = "# mine\n";
    assert.equal((await stage.ask("POST", "", { nickname: "hall", url: "rtsp://10.0.0.7/x" })).status, 201);
    assert.match(stage.host.config.text, /^# mine\n[\s\S]*use: camera\n\s*cameras:\n\s*hall: rtsp:/);
  });
});

test("the list tells admins what is written, and viewers what is to be seen", async () => {
  await withApi(async (stage) => {
    const [door, yard] = await stage.listed();
    assert.deepEqual(door?.written, { url: "rtsp://admin:***@10.0.0.5/live" });
    assert.deepEqual(yard?.written, { url: "rtsp://admin:${YARD}@10.0.0.6/live", name: "Back yard", linger: "30s" });
    assert.equal(yard?.state, "idle");
    assert.equal(yard?.playlist, "http://tv.example/live/cams%3Ayard.m3u8");
    assert.equal(yard?.snapshot, "http://tv.example/cams/snapshot/yard.jpg");
    const { headers } = await stage.ask("GET", "");
    const again = await stage.ask("GET", "", undefined, { "if-none-match": headers.get("etag") ?? "" });
    assert.equal(again.status, 304);
    stage.admin = false;
    const { body } = await stage.ask("GET", "");
    assert.deepEqual([body.admin, body.editable, body.cameras?.[0]?.written], [false, false, undefined]);
    assert.doesNotMatch(JSON.stringify(body), /10\.0\.0\.5/);
  });
});

test("only admins change or try anything, and only by JSON of a sound size", async () => {
  await withApi(async (stage) => {
    stage.admin = false;
    for (const [method, path] of [
      ["POST", ""],
      ["POST", "/test"],
      ["POST", "/import"],
      ["PUT", "/door"],
      ["DELETE", "/door"],
    ] as const) {
      const { status, body } = await stage.ask(method, path, method === "DELETE" ? undefined : {});
      assert.deepEqual([status, body.error?.code], [403, "access.admin"], `${method} ${path}`);
    }
    stage.admin = true;
    const camera = { nickname: "gate", url: "rtsp://10.0.0.7/live" };
    assert.equal((await stage.ask("POST", "", camera, { "content-type": "text/plain" })).status, 400);
    assert.equal((await stage.ask("POST", "", "{")).status, 400);
    const large = await stage.ask("POST", "", { ...camera, name: "x".repeat(20_000) });
    assert.match(large.body.error?.sentence ?? "", /larger than 16 KiB/);
    assert.equal(stage.host.config.text, file);
  });
});

test("a camera is added as briefly as it can be said, and is there at once", async () => {
  await withApi(async (stage) => {
    const added = await stage.ask("POST", "", { nickname: "gate", url: " rtsp://u:p@10.0.0.7/live " });
    assert.deepEqual([added.status, added.body], [201, { nickname: "gate" }]);
    await stage.ask("POST", "", {
      nickname: "shed",
      url: "http://10.0.0.8/v.mjpg",
      name: "Shed",
      always: true,
      group: "",
    });
    const text = stage.host.config.text ?? "";
    assert.ok(text.startsWith(file), "what was there is as it was");
    assert.match(text, /^ {6}gate: "?rtsp:\/\/u:p@10\.0\.0\.7\/live"?$/m);
    assert.match(text, /shed:\s+url: http:\/\/10\.0\.0\.8\/v\.mjpg\s+name: Shed\s+always: true\s*$/);
    assert.deepEqual(
      (await stage.listed()).map(({ nickname }) => nickname),
      ["door", "yard", "gate", "shed"],
    );
  });
});

test("what is wrong is said of each field, and nothing is written", async () => {
  await withApi(async (stage) => {
    const faults = async (form: object) => (await stage.ask("POST", "", form)).body.error?.fields;
    assert.match((await faults({ nickname: "front door", url: "rtsp://h/" }))?.nickname ?? "", /letters, digits/);
    assert.match((await faults({ nickname: "__proto__", url: "rtsp://h/" }))?.nickname ?? "", /letters, digits/);
    assert.match((await faults({ nickname: "door", url: "rtsp://h/" }))?.nickname ?? "", /called door already/);
    assert.deepEqual(Object.keys((await faults({})) ?? {}), ["nickname", "url"]);
    assert.match((await faults({ nickname: "a", url: "file:///etc/passwd" }))?.url ?? "", /address of a camera/);
    assert.match((await faults({ nickname: "a", url: "rtsp://u:***@h/" }))?.url ?? "", /not known here/);
    assert.match((await faults({ nickname: "a", url: "rtsp://u:${HOME}@h/" }))?.url ?? "", /by hand/);
    assert.match(
      (await faults({ nickname: "a", url: "rtsp://h/", name: "${file:/etc/passwd}" }))?.name ?? "",
      /by hand/,
    );
    assert.match((await faults({ nickname: "a", url: "rtsp://h/", linger: "soon" }))?.linger ?? "", /duration/);
    assert.deepEqual(await faults({ nickname: "a", url: "rtsp://h/", colour: "red" }), { colour: "unknown key" });
    assert.equal(stage.host.config.text, file);
    // What the file's own check refuses is said as it says it.
    stage.host.config.refusal = new HeadendError("config.broken", { reason: "line 3 is not YAML" });
    const refused = await stage.ask("POST", "", { nickname: "gate", url: "rtsp://10.0.0.7/" });
    assert.deepEqual([refused.status, refused.body.error?.code], [409, "config.broken"]);
  });
});

test("an edit keeps passwords, placeholders and comments, and empties what is emptied", async () => {
  await withApi(async (stage) => {
    await stage.ask("PUT", "/yard", { url: "rtsp://admin:${YARD}@10.0.0.66/live", linger: null, transport: "udp" });
    const text = stage.host.config.text ?? "";
    assert.match(text, /url: "?rtsp:\/\/admin:\$\{YARD\}@10\.0\.0\.66\/live"?$/m);
    assert.match(text, /name: Back yard # not the front/);
    assert.doesNotMatch(text, /linger/);
    assert.match(text, /transport: udp/);
    await stage.ask("PUT", "/door", { url: "rtsp://admin:***@10.0.0.55/live" });
    assert.match(
      stage.host.config.text ?? "",
      /# by the street\n {6}door: rtsp:\/\/admin:hunter2@10\.0\.0\.55\/live # the front/,
    );
    const same = await stage.ask("PUT", "/door", { url: "rtsp://admin:***@10.0.0.55/live", name: "" });
    assert.deepEqual(same.body, { nickname: "door", changed: false });
    await stage.ask("PUT", "/door", { nickname: "street", name: "Street" });
    assert.deepEqual(
      (await stage.listed()).map(({ nickname, written }) => [nickname, (written as { url: string }).url]),
      [
        ["yard", "rtsp://admin:${YARD}@10.0.0.66/live"],
        ["street", "rtsp://admin:***@10.0.0.55/live"],
      ],
    );
    assert.match(stage.host.config.text ?? "", /hunter2@10\.0\.0\.55/);
    assert.equal((await stage.ask("PUT", "/nobody", {})).status, 404);
    assert.equal(
      (await stage.ask("PUT", "/street", { nickname: "yard" })).body.error?.fields?.nickname,
      "a camera is called yard already",
    );
  });
});

test("a deleted camera is gone from the file and the list, and the last one may go", async () => {
  await withApi(async (stage) => {
    assert.equal((await stage.ask("DELETE", "/door")).status, 204);
    assert.doesNotMatch(stage.host.config.text ?? "", /hunter2/);
    assert.equal((await stage.ask("DELETE", "/door")).status, 404);
    assert.equal((await stage.ask("DELETE", "/yard")).status, 204);
    assert.deepEqual(await stage.listed(), []);
    await stage.ask("POST", "", { nickname: "gate", url: "rtsp://10.0.0.7/live" });
    assert.deepEqual(
      (await stage.listed()).map(({ nickname }) => nickname),
      ["gate"],
    );
  });
});

test("an import judges every line, and writes all or what is good as it is told", async () => {
  await withApi(async (stage) => {
    const twenty = Array.from({ length: 20 }, (_, index) => `hall${index};rtsp://u:hunter2@10.0.1.${index}/live`);
    const text = ["name;link", ...twenty, "bad name;rtsp://h/", "door;rtsp://h/", "hall3;rtsp://h/", "x;ftp://h/"].join(
      "\n",
    );
    const look = await stage.ask("POST", "/import", { text });
    assert.deepEqual([look.body.good, look.body.bad, look.body.added], [20, 4, 0]);
    assert.deepEqual(look.body.lines?.[0], { line: 2, nickname: "hall0", url: "rtsp://u:***@10.0.1.0/live", ok: true });
    assert.match(String(look.body.lines?.[22]?.fault), /called hall3 already/);
    assert.equal((await stage.ask("POST", "/import", { text, write: "all" })).body.added, 0);
    assert.equal(stage.host.config.text, file);
    let changes = 0;
    const { changed } = stage.host.config;
    stage.host.config.changed = async (now) => {
      changes++;
      await changed?.(now);
    };
    assert.equal((await stage.ask("POST", "/import", { text, write: "good" })).body.added, 20);
    assert.equal(changes, 1);
    assert.equal((await stage.listed()).length, 22);
    assert.ok(stage.host.config.text?.includes("# by the street"));
  });
});

test("a test opens the link as it would be opened, says what comes, and closes it", {
  skip: mediaMissing,
}, async () => {
  await withApi(async (stage) => {
    const clip = await readClip("h264");
    let closed = 0;
    const source = (): Source => ({
      kind: "ts",
      how: "by hand",
      chunks: (async function* () {
        try {
          for (let at = 0; ; at = (at + 18_800) % clip.length) yield clip.slice(at, at + 18_800);
        } finally {
          closed++;
        }
      })(),
    });
    stage.host.answerMedia(`${filled.door}#transport=udp`, source);
    stage.host.answerMedia("rtsp://admin:s3cret@10.0.0.6/sub", source);
    const known = await stage.ask("POST", "/test", { edits: "door", transport: "udp" });
    assert.deepEqual(known.body.video, { codec: "H.264", width: 320, height: 180, fps: 25 });
    assert.deepEqual([known.body.how, (known.body.audio as { codec: string }).codec], ["by hand", "AAC"]);
    const typed = await stage.ask("POST", "/test", { edits: "yard", url: "rtsp://admin:${YARD}@10.0.0.6/sub" });
    assert.equal(typed.status, 200);
    await until(() => closed === 2, "both are closed");
    stage.host.answerMedia("rtsp://u:hunter2@10.0.0.9/", () => {
      throw new HeadendError("dial.refused", { url: "rtsp://10.0.0.9/", reason: "nobody listens there" });
    });
    const silent = await stage.ask("POST", "/test", { url: "rtsp://u:hunter2@10.0.0.9/" });
    assert.deepEqual([silent.status, silent.body.error?.code], [502, "dial.refused"]);
    assert.equal(stage.host.config.text, file);
  });
});
