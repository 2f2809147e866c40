// Where the number of the callback's port goes: into an add-on's address, and into the words of a command.

/**
 * An add-on's address that names the port: in place of `$PORT` or `{port}` where it has them, else as the parameter `port` of
 * its query. What else it says stays as it is, but for another `port`.
 *
 * @example setPort("plugin://plugin.video.example/?action=iptv&port=1#x", 4711)
 * // "plugin://plugin.video.example/?action=iptv&port=4711#x"
 */
export function setPort(address: string, port: number): string {
  const filled = fillPort(address, port);
  if (filled !== address) return filled;
  const [, start = "", query, fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(address) ?? [];
  const others = (query ?? "").split("&").filter((pair) => pair !== "" && !/^port(=|$)/.test(pair));
  return `${start}?${[...others, `port=${port}`].join("&")}${fragment}`;
}

/** The words of a command with the port in them: `$PORT` and `{port}` replaced, `plugin://` addresses completed. */
export function fillCommand(words: readonly string[], port: number): string[] {
  return words.map((word) => (/^plugin:\/\//i.test(word) ? setPort(word, port) : fillPort(word, port)));
}

function fillPort(text: string, port: number): string {
  return text.replaceAll(/\$PORT\b|\$\{PORT\}|\{port\}/g, String(port));
}
