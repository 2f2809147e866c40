// Strikes out secrets (passwords, tokens, paid accounts in addresses) in any text that people will read.

const struck = "***";

/**
 * Strikes out what looks secret: userinfo, telling query values, account names in paths, authorization and cookie
 * lines, long opaque tokens. Scheme, host and file name stay. Rather too much is struck than too little.
 * Redacting twice changes nothing, and the time grows with the length of the text only.
 */
export function redact(text: string): string {
  // What is struck out can make an address of what was none before it.
  let before = text;
  for (let pass = 0; pass < mostPasses; pass++) {
    const after = redactOnce(before);
    if (after === before) break;
    before = after;
  }
  return before;
}

/** Two are enough for nearly everything; each strikes out more, so that it comes to an end. */
const mostPasses = 6;

function redactOnce(text: string): string {
  return text
    .replace(headerLine, (_, name: string, mark: string) => name + mark + struck)
    .replace(address, (run) => run.split(nextAddress).map(redactAddress).join(""))
    .replace(assignment, (whole, key: string, mark: string, value: string) => {
      const quote = /^["']/.exec(value)?.[0] ?? "";
      return isSecretKey(key) ? key + mark + quote + struck + quote : whole;
    })
    .replace(credential, (whole, scheme: string, value: string) =>
      /\d|[a-z][A-Z]|=$/.test(value) ? `${scheme} ${struck}` : whole,
    )
    .replace(barePath, redactPath);
}

/** An address for errors and status: without secrets and fragment, shortened in the middle when it is very long. */
export function describeUrl(url: string): string {
  const text = redact(url.trim().replace(/#.*$/s, "")).replace(/\p{Cc}/gu, " ");
  return text.length <= 200 ? text : `${text.slice(0, 130)}…${text.slice(-69)}`;
}

// No pattern has two places to grow at once and each is bounded in front, or else long texts take quadratic time.
const headerLine =
  /((?<![\w-])(?:(?:proxy-)?authorization|(?:set-)?cookie2?|x-[\w-]{0,40}(?:token|key|auth|secret)[\w-]{0,20}))(["']?[ \t]*[:=][ \t]*["']?)[^\r\n"]+/gi;
const address = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"<>]+/gi;
const nextAddress = /(?<=[^a-z0-9+.-])(?=[a-z][a-z0-9+.-]{0,30}:\/\/)/i;
const assignment =
  /(?<![\w.%-])([\w.%-]+)(["']?\s?:\s?(?=["'])|=)("(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'|["']?[^\s&;,"'<>|]+)/g;
const credential = /(?<![a-z])(bearer|basic|digest|token)[ \t]([\w+/=.~:-]{8,})/gi;
const barePath = /(?<=^|[\s"'(=,])\/[^\s"<>?#|]+/g;

const secretWord =
  /token|pass|secret|user(?!-?agent)|login|auth(?!ors?$)|signature|api[_-]?key|session|cookie|credential|hmac|jwt|account|email|hdn[et]/i;
const secretName = /^(?:key|tok|tkn|pwd|pw|sig|sid|mac|pin|otp|hash|code|u|p|st|[\w-]*[_-](?:key|sig|hash|sid|pwd))$/i;

function isSecretKey(key: string): boolean {
  return secretWord.test(key) || secretName.test(key);
}

/** True for what no person would write: a long run of letters and digits mixed, or a run longer than words are. */
function isOpaque(text: string): boolean {
  if (/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i.test(text)) return true;
  return text.split(/[^A-Za-z0-9]/).some((run) => run.length >= 24 || (run.length >= 16 && /\d/.test(run)));
}

function redactAddress(whole: string): string {
  let end = whole.length;
  while (end > 0 && ".,:;)]'".includes(whole.charAt(end - 1))) end--;
  const text = whole.slice(0, end);
  const start = text.indexOf("://") + 3;
  let host = endOf(text, start, /[/?#]/);
  const early = text.slice(start, host);
  // A password with a slash in it: what looks like a port is none, and the `@` comes later.
  const late = early.includes("@") || !/:[^\d\]]/.test(early) ? -1 : text.lastIndexOf("@");
  if (late > host) host = endOf(text, late, /[/?#]/);
  const at = text.slice(start, host).lastIndexOf("@");
  const path = endOf(text, host, /[?#]/);
  return [
    text.slice(0, start),
    at < 0 ? text.slice(start, host) : struck + text.slice(start + at, host),
    redactPath(text.slice(host, path)),
    redactQuery(text.slice(path)),
    whole.slice(end),
  ].join("");
}

function endOf(text: string, from: number, mark: RegExp): number {
  const length = text.slice(from).search(mark);
  return length < 0 ? text.length : from + length;
}

// The ways in which Xtream panels write an account into a path. What is played comes last and is a number.
const panelWord = /^(?:live|movies?|series|timeshift|streaming|hlsr?|play)$/i;
const panelItem = /^\d+(?:\.(?:ts|m3u8|mp4|mkv|avi|mpe?g|flv|mp3|aac))?$/i;
const panelList = /^(?:m3u|m3u_plus|m3u8|ts|hls|simple|gigablue|enigma\w*|dreambox)$/i;

function redactPath(path: string): string {
  const parts = path.split("/");
  const last = parts.at(-1) ?? "";
  const word = parts.findIndex((part) => panelWord.test(part));
  const list = parts.findIndex((part) => /^(?:playlist|p)$/i.test(part));
  if (word > 0 && parts.length - word >= 4) parts.fill(struck, word + 1, word + 3);
  else if (panelItem.test(last) && parts.length === 4) parts.fill(struck, 1, 3);
  else if (panelList.test(last) && list > 0 && parts.length - list === 4) parts.fill(struck, list + 1, list + 3);
  // Our own access tokens: `/t/<token>/…`.
  else if (parts[1] === "t" && parts.length > 3) parts[2] = struck;
  return parts.map(redactSegment).join("/");
}

/** Path parameters (`;token=…`, Akamai's `hdnts=…~hmac=…`), then opaque names; a file's extension stays. */
function redactSegment(segment: string): string {
  const named = segment.replace(/(?<![\w.%-])([\w.%-]+)=([^;,&~]*)/g, (whole, key: string) =>
    isSecretKey(key) ? `${key}=${struck}` : whole,
  );
  if (!isOpaque(named)) return named;
  return struck + (/\.[a-z][a-z0-9]{1,4}(?:\.(?:gz|xz|zst))?$/i.exec(named)?.[0] ?? "");
}

function redactQuery(query: string): string {
  return query
    .split(/([?#&;])/)
    .map((part) => {
      const sign = part.indexOf("=");
      const key = part.slice(0, sign + 1);
      const value = part.slice(sign + 1);
      return value !== "" && (isSecretKey(key.slice(0, -1)) || isTelling(value)) ? key + struck : part;
    })
    .join("");
}

/** Opaque itself, or it hides, behind percent signs, something that would be struck if it were written plainly. */
function isTelling(value: string, depth = 0): boolean {
  if (isOpaque(value)) return true;
  if (depth === 3 || !value.includes("%")) return false;
  try {
    const plain = decodeURIComponent(value);
    return redact(plain) !== plain || isTelling(plain, depth + 1);
  } catch {
    return false;
  }
}
