// temporary: to be deleted at once
import { kinds } from "./streams/kinds.ts";
import { declareSuites } from "./streams/suite.ts";
declareSuites(kinds);
