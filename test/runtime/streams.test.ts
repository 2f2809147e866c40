// Streams through the whole headend, with real pictures: what comes in, who watches, what fails, what is past, and what is left.
import { end } from "./streams/end.ts";
import { kinds } from "./streams/kinds.ts";
import { past } from "./streams/past.ts";
import { declareSuites } from "./streams/suite.ts";
import { upstreams } from "./streams/upstreams.ts";
import { viewers } from "./streams/viewers.ts";

declareSuites(kinds, viewers, upstreams, past, end);
