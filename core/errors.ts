// One table of every error a user can meet: code, sentence, HTTP status.

/** `{name}` parts are filled from the details. Sentences say what was expected and what happens now. */
const table = {
  "config.unreadable": ["{file}: {reason}", 500],
  "config.syntax": ["{file}:{line}:{column}: {reason}", 500],
  "config.invalid": ["{file}:{line}: {key}: {reason}", 500],
  "config.usage": ["{reason}", 400],
  "config.broken": ["the config file is not right as it is, so nothing was changed: {reason}", 409],
  "config.fileless": ["there is no config file to change: {reason}", 409],
  "config.overtaken": ["the config file is being changed by somebody else; nothing was changed here, try again", 409],
  "plugin.unknown": ["no plugin is called {use}{hint}", 500],
  "plugin.load": ["{use} could not be loaded: {reason}", 500],
  "plugin.shape": ["{use} is not a Headend plugin: {reason}", 500],
  "plugin.api": ["{use} is written for contract version {api}; this headend speaks version {ours}", 500],
  "instance.setup": ["{reason}", 503],
  "instance.starting": ["{instance} is still starting", 503],
  "instance.deadline": ["{what} did not finish within {limit}", 504],
  "instance.stopped": ["{instance} has stopped", 503],
  "instance.channelless": ["no instance called {instance} has channels", 404],
  "instance.unknown": ["no instance is called {instance}", 404],
  "instance.empty": ["upstream gave no channels; the last good ones stay", 502],
  "instance.endless": ["upstream gave more than {limit} channels; the last good ones stay", 502],
  "instance.shrunk": [
    "upstream gave {count} channels where {before} were; believed after {left} more refreshes that say so",
    502,
  ],
  "instance.overtaken": ["another refresh of {instance} came first", 503],
  "fetch.refused": ["{url}: {reason}", 502],
  "fetch.timeout": ["{url}: no answer within {limit}", 504],
  "fetch.stalled": ["{url}: no data for {limit}", 504],
  "fetch.status": ["{url}: answered {status}", 502],
  "fetch.redirects": ["{url}: more than {limit} redirects", 502],
  "fetch.truncated": ["{url}: {received} of {expected} bytes came", 502],
  "fetch.empty": ["{url}: the answer is empty", 502],
  "fetch.size": ["{url}: larger than the limit of {limit}", 502],
  "fetch.ratio": ["{url}: expands more than {limit} times; refused as a decompression bomb", 502],
  "fetch.encoding": ["{url}: {reason}", 502],
  "fetch.local": ["{url}: only an address that the config file names may be a file", 403],
  "fetch.scheme": ["{url}: scheme {scheme} cannot be fetched", 400],
  "playlist.not": ["{url}: not a playlist: {reason}", 502],
  "guide.not": ["{source}: not an XMLTV guide: {reason}", 502],
  "guide.merge": ["the guide could not be merged: {reason}; the last good one stays", 500],
  "cache.write": ["{path}: cannot be written: {reason}; what was there stays", 507],
  "data.locked": ["another headend is using {path}; stop it, or name another folder with --data", 500],
  "data.unwritable": ["the data folder {path} cannot be written: {reason}", 507],
  "server.listen": ["cannot listen on {address}: {reason}", 500],
  "dial.scheme": ["{url}: nothing here opens {scheme}: addresses", 502],
  "dial.refused": ["{url}: {reason}", 502],
  "dial.forbidden": ["{url}: an address of this kind is never opened: {reason}", 403],
  "dial.timeout": ["{url}: no data within {limit}", 504],
  "dial.stalled": ["{url}: no data for {limit}", 504],
  "dial.content": ["{url}: {reason}", 502],
  "dial.ended": ["{url}: upstream ended", 502],
  "dial.ffmpeg": ["{url}: ffmpeg failed: {reason}", 502],
  "dial.ffmpegless": [
    "{url}: this needs ffmpeg, which was not found; install it, or say where it is with streams.ffmpeg or FFMPEG_PATH",
    501,
  ],
  "tune.unknown": ["no channel is called {channel}", 404],
  "tune.output": ["{extension}: nothing here makes this; {known} can be had", 404],
  "tune.past": ["{channel}: {reason}", 404],
  "tune.busy": ["{instance}: all {limit} tuners are in use", 503],
  "tune.taken": ["{instance}: tuner {tuner} is in use", 503],
  "tune.bandwidth": ["{instance}: the line is full: {used} of {limit} in use, {channel} needs {needed}", 503],
  "tune.failed": ["{channel}: {reason}", 502],
  "tune.late": ["{channel}: no picture came within {limit}; ask again", 503],
  "tune.stopped": ["{channel}: ended by {who}", 503],
  "tune.closed": ["{channel}: {reason}; ask again later", 503],
  "feature.missing": ["{what}: not made yet", 501],
  "doctor.ended": ["ended by {signal}", 503],
  "access.required": ["this needs a user and a password", 401],
  "access.wrong": ["this user and password do not go together", 403],
  "access.limited": ["too many wrong passwords came from here; try again in {limit}", 429],
  "access.busy": ["too many passwords are being checked; try again in a moment", 429],
  "access.token": ["this access token is not known", 403],
  "access.network": [
    "only clients in private networks are answered here, and {address} is in none; allow: all lets everybody in",
    403,
  ],
  "access.admin": ["only an admin may do this", 403],
  "access.origin": ["a page of another site asked for this; it was refused", 403],
  "request.invalid": ["{reason}", 400],
  "not.found": ["nothing is here", 404],
  "not.allowed": ["this address answers {methods} only", 405],
  "not.ready": ["not there yet: no refresh has succeeded so far; /api/status says how each instance is", 503],
  internal: ["something went wrong here; the log says what", 500],
} as const satisfies Record<string, readonly [sentence: string, status: number]>;

/** The code of an error: what programs test; the sentence is for people. */
export type ErrorCode = keyof typeof table;

/** An error with a code, a sentence made from the table, and the HTTP status it answers with. */
export class HeadendError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  /** Seconds after which to try again, where that is known. */
  readonly seconds: number | undefined;

  constructor(code: ErrorCode, details: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    const [sentence, status] = table[code];
    super(
      sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? "")),
      cause === undefined ? {} : { cause },
    );
    this.name = "HeadendError";
    this.code = code;
    this.status = status;
    this.seconds = typeof details.seconds === "number" ? details.seconds : undefined;
  }
}
