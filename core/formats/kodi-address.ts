// Addresses that only Kodi can open: an add-on of it finds the pictures when it is run.

/**
 * Whether an address is an add-on's of Kodi (`plugin://<id>/…`): nothing here or elsewhere opens it.
 *
 * @example isKodiAddress("plugin://plugin.video.example/play/1") // true
 */
export function isKodiAddress(url: string | undefined): boolean {
  return url !== undefined && /^plugin:\/\//i.test(url);
}
