// One form for every error that goes over HTTP.
import { HeadendError } from "../errors.ts";
import type { Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { prefersText } from "./accept.ts";
import { cookieName } from "./sessions.ts";

/** Answers with an error: JSON, or its sentence for a person. */
export function replyError(headers: Headers, error: HeadendError, more: Record<string, string> = {}): Response {
  const text = prefersText(headers.get("accept"));
  const body = text
    ? `${error.message}\n`
    : `${JSON.stringify({ error: { code: error.code, sentence: error.message } })}\n`;
  const init: Record<string, string> = {
    "content-type": text ? "text/plain; charset=utf-8" : "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...more,
  };
  if (error.status === 503) init["retry-after"] = "30";
  if (error.status === 429) init["retry-after"] = String(error.seconds ?? 1);
  if (error.code === "access.required" && !isOfPage(headers))
    init["www-authenticate"] = 'Basic realm="headend", charset="UTF-8"';
  return new Response(body, { status: error.status, headers: init });
}

/** True for what a page of ours asked for: the browser's own question for a password would come in between. */
function isOfPage(headers: Headers): boolean {
  const mode = headers.get("sec-fetch-mode");
  return (mode !== null && mode !== "navigate") || new RegExp(`\\b${cookieName}=`).test(headers.get("cookie") ?? "");
}

/** What went wrong, in terms that a client may know; the rest goes to the log only. */
export function errorOf(thrown: unknown, what: string, log: Logger): HeadendError {
  if (thrown instanceof HeadendError) return thrown;
  log.error(`${what} failed: ${reasonOf(thrown)}`, thrown instanceof Error ? { stack: thrown.stack } : undefined);
  return new HeadendError("internal", {}, thrown);
}
