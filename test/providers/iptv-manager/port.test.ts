// The port's number in add-ons' addresses and in the words of commands.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fillCommand, setPort } from "../../../providers/iptv-manager/port.ts";

const cases = [
  ["path style", "plugin://plugin.video.x/iptv/channels", "plugin://plugin.video.x/iptv/channels?port=9"],
  ["query style", "plugin://x/?action=iptv&request=epg", "plugin://x/?action=iptv&request=epg&port=9"],
  ["port parameter already present", "plugin://x/?port=1&a=b&port=2", "plugin://x/?a=b&port=9"],
  ["a parameter that only begins so", "plugin://x/?portal=1", "plugin://x/?portal=1&port=9"],
  ["$PORT in the address", "plugin://x/iptv?port=$PORT", "plugin://x/iptv?port=9"],
  ["$PORT in the path", "plugin://x/iptv/$PORT/channels", "plugin://x/iptv/9/channels"],
  ["fragment in the address", "plugin://x/iptv?a=b#part", "plugin://x/iptv?a=b&port=9#part"],
  ["encoded values stay", "plugin://x/?u=a%20b%26c", "plugin://x/?u=a%20b%26c&port=9"],
  ["blank values stay", "plugin://x/?mode=iptv&a=", "plugin://x/?mode=iptv&a=&port=9"],
] as const;

for (const [what, address, expected] of cases)
  test(`setPort() sets the port: ${what}`, () => {
    assert.equal(setPort(address, 9), expected);
  });

test("fillCommand() knows $PORT, with braces or without, {port} and plugin:// addresses, and leaves other words alone", () => {
  const braced = `${"$"}{PORT}`;
  const words = ["a.py", "--at={port}", "$PORT", braced, "$PORTS", "plugin://x/iptv", "http://x/?a=b"];
  const filled = ["a.py", "--at=9", "9", "9", "$PORTS", "plugin://x/iptv?port=9", "http://x/?a=b"];
  assert.deepEqual(fillCommand(words, 9), filled);
});
