// Bodies of requests to the admin API: JSON, and not too much of it.
import { HeadendError } from "../../core/plugin.ts";

/** @param most bytes. @throws HeadendError `request.invalid` */
export async function readBody(request: Request, most: number): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  // Forms of other sites cannot send this type.
  if (!/^application\/json\b/i.test(type)) throw invalid("expected a body of type application/json");
  const tooLarge = () => invalid(`the body is larger than ${most >> 10} KiB`);
  if (Number(request.headers.get("content-length") ?? 0) > most) throw tooLarge();
  const reader = request.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      bytes += next.value.length;
      if (bytes > most) throw tooLarge();
      text += decoder.decode(next.value, { stream: true });
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
  try {
    return JSON.parse(text + decoder.decode());
  } catch {
    throw invalid("the body is not JSON");
  }
}

function invalid(reason: string): HeadendError {
  return new HeadendError("request.invalid", { reason });
}
