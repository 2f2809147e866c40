// The provider by the contract, against the operator's real datagrams and what its web service answers.
import { after } from "node:test";
import movistar from "../../../providers/movistar/index.ts";
import { openMovistar } from "../../support/movistar/index.ts";
import { multicastMissing } from "../../support/multicast.ts";
import { testPlugin } from "../../support/plugin.ts";

// The host of these tests has noon of 1 January 2026.
const operator = await openMovistar({
  multicast: multicastMissing === false,
  now: Date.UTC(2026, 0, 1, 12),
  rate: 4000,
});
after(() => operator.close());
const actions = ["getClientProfile", "getPlatformProfile", "getConfigurationParams"];

testPlugin(movistar, {
  config: { interface: "127.0.0.1", appserver: [operator.app.url], extra: [5000], style: "old", continuous: false },
  invalid: [
    { appserver: [] },
    { appserver: ["ftp://x"] },
    { entryPoint: "239.0.2.129" },
    { demarcation: "Madrid" },
    { dns: "dns.example" },
    { dns: "172.26.23.300" },
    { style: "6" },
    { encrypted: "maybe" },
    { extra: ["La 1"] },
  ],
  async prepare(host) {
    for (const action of actions) {
      const url = `${operator.app.url}/appserver/mvtv.do?action=${action}`;
      host.answer(url, await (await fetch(url)).text());
    }
  },
});
