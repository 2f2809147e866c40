// Channels that nothing but Kodi can play, and a button that makes it do so.
import { below, get, type Instance, root, send } from "./api.ts";
import { find, h, setAttribute, setChildren, setText } from "./dom.ts";
import { count } from "./words.ts";

/** Channels that are listed. */
const most = 200;

interface Listed {
  readonly total: number;
  readonly channels: readonly { readonly id: string; readonly name: string; readonly number: string }[];
}

/** Shows them where there are some, and an instance that plays them. */
export async function showKodi(
  instances: readonly Instance[],
  admin: boolean,
  say: (sentence: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const panel = find("kodi", HTMLElement);
  const player = instances.find(({ use, state }) => use === "iptv-manager" && state !== "invalid");
  const { total, channels }: Listed = player
    ? await get<Listed>(`${root}api/lineup?only=kodi&limit=${most}`, signal)
    : { total: 0, channels: [] };
  setAttribute(panel, "hidden", total === 0);
  setText(find("kodi-summary", HTMLElement), count(total, "channel"));
  if (!player) return;
  const list = find("kodi-list", HTMLElement);
  const key = `${admin} ${channels.map(({ id, name }) => id + name).join()}`;
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  const play = async (id: string, name: string) => {
    try {
      await send("POST", below(player.mount, `play/${encodeURIComponent(id)}`));
      say(`Kodi plays ${name}.`);
    } catch (thrown) {
      say(thrown instanceof Error ? thrown.message : String(thrown));
    }
  };
  setChildren(
    list,
    ...channels.map(({ id, name, number }) => {
      const label = `Play ${name} on Kodi`;
      const button = h(
        "button",
        { type: "button", "aria-label": label, onclick: () => void play(id, name) },
        "Play on Kodi",
      );
      return h("li", {}, h("span", {}, `${number} ${name}`), admin && button);
    }),
  );
}
