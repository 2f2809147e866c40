// Cameras added, changed and deleted while the headend runs: in the file and in force at once, and no other camera's viewers notice.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLiveCamera } from "../../support/live-camera.ts";
import { mediaMissing } from "../../support/media.ts";
import { fetchUntil, serving } from "../process.ts";
import { until, watch } from "../streams/headend.ts";

const options = { skip: mediaMissing, timeout: 60_000 };

interface Listed {
  readonly cameras: readonly {
    readonly nickname: string;
    readonly state: string;
    readonly video?: { codec: string };
  }[];
}

test("cameras come, change and go while another one is watched without a break", options, async () => {
  const folder = await mkdtemp(join(tmpdir(), "headend-cameras-"));
  const [one, two] = await Promise.all([openLiveCamera(), openLiveCamera()]);
  const file = join(folder, "headend.yaml");
  const cameras = `      door: ${one.url} # by the street\n`;
  await writeFile(
    file,
    `# ours\ninstances:\n  testcard: false\n  cams:\n    use: camera\n    linger: 0s\n    cameras:\n${cameras}`,
  );
  try {
    await serving(
      folder,
      async ({ base, output }) => {
        await fetchUntil(200, `${base}/readyz`);
        await fetchUntil(200, `${base}/watch/door`);
        const api = `${base}/cams/cameras`;
        const send = (method: string, path: string, body?: object) =>
          fetch(api + path, {
            method,
            ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
          });
        const list = async () => ((await (await fetch(api)).json()) as Listed).cameras;
        const viewer = await watch(`${base}/live/cams:door.ts`);
        await viewer.more(50_000);

        const tested = await send("POST", "/test", { url: two.url });
        assert.equal(((await tested.json()) as { video: { codec: string } }).video.codec, "H.264");
        await until(() => two.server.sessions.size === 0, "the test keeps its session");
        const refused = await send("POST", "/test", { url: two.url.replace("pass%20word", "hunter2") });
        const reason = await refused.text();
        assert.equal(refused.status, 502);
        assert.match(reason, /wants a user and a password/);
        assert.doesNotMatch(reason, /hunter2/);

        assert.equal((await send("POST", "", { nickname: "yard", url: two.url })).status, 201);
        assert.equal((await fetch(`${base}/watch/yard`)).status, 200);
        // Another address ends what is watched of it; another name does not.
        const other = await watch(`${base}/live/cams:yard.ts`);
        await other.more(20_000);
        assert.equal((await send("PUT", "/yard", { name: "Yard" })).status, 200);
        await other.more(20_000);
        assert.equal((await send("PUT", "/yard", { url: `${two.url}?other=1` })).status, 200);
        await until(() => other.ended || other.broken, "the old address is still watched");
        assert.equal((await send("DELETE", "/yard")).status, 204);
        await until(async () => (await fetch(`${base}/watch/yard`)).status === 404, "it is still there");

        await until(async () => (await list())[0]?.video?.codec === "H.264", "nobody has looked at what it sends");
        assert.deepEqual(
          (await list()).map(({ nickname, state }) => [nickname, state]),
          [["door", "running"]],
        );
        const { length } = viewer;
        await viewer.more(50_000);
        assert.ok(viewer.length > length && !viewer.ended && !viewer.broken);
        assert.equal(one.server.methods.filter((method) => method === "PLAY").length, 1);
        await viewer.close();
        const text = await readFile(file, "utf8");
        assert.ok(text.startsWith("# ours\n") && text.includes(cameras), text);
        assert.doesNotMatch(text, /yard/);
        assert.doesNotMatch(output(), /pass word|pass%20word|hunter2/);
      },
      ["--config", file],
    );
  } finally {
    await Promise.all([one.close(), two.close()]);
    await rm(folder, { recursive: true, force: true });
  }
});
