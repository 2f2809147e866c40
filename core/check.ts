// The self-test's part of the contract: what a check is given, and what it gives.

/** A client whose ways are known well enough to be tried. */
export type Client = "Plex" | "Jellyfin" | "Emby" | `Kodi pvr.${"hdhomerun" | "iptvsimple"}` | "Channels" | "TiviMate";

/** What one check of the self-test found. Secrets are struck out of what is shown. */
export interface Check {
  /** What was tried, in a few words. */
  readonly name: string;
  /** Whom it matters to; absent: everybody. */
  readonly clients?: readonly Client[];
  /** False: it does not work. `note`: no fault, but something to know. */
  readonly ok: boolean | "note";
  readonly sentence: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** How checks reach this headend: over the network, as its clients do. What they watch gives way to every viewer. */
export interface Probe {
  /** The IPv4 address or the name by which others reach this machine; `127.0.0.1` where only this machine can. */
  readonly address: string;
  /** Where the instance's routes are, without a slash at its end; carries an access token. */
  readonly base: string;
  /** An answer of any status, redirects not followed. @throws HeadendError `fetch.*` */
  ask(url: string, method?: "GET" | "HEAD"): Promise<Response>;
  /** Watches until the first packets are there, and says what they hold; all tuners in use is no fault. */
  watch(url: string): Promise<Pick<Check, "ok" | "sentence">>;
}
