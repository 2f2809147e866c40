// The self-test over HTTP: a run, and what it found.
import type { AnyElysia, Elysia } from "elysia";
import { HeadendError } from "../errors.ts";
import type { Doctor } from "./headend.ts";
import { isCrossSite } from "./origin.ts";

const headers = { "content-type": "application/json", "cache-control": "no-store" } as const;

/** Fills an app that stands at the root. */
export function fillDoctor(app: Elysia, doctor: Doctor, baseUrl: (request: Request) => string): AnyElysia {
  // A HEAD must not run it.
  return app
    .head("/api/doctor", () => new Response(null, { headers }))
    .get(
      "/api/doctor",
      async ({ request }) => {
        if (isCrossSite(request, baseUrl(request))) throw new HeadendError("access.origin");
        return new Response(JSON.stringify(await doctor.run()), { headers });
      },
      {
        detail: {
          summary:
            "Plays what each kind of client does against this headend, for 20 s at most: what works, and what to mend",
        },
      },
    );
}
