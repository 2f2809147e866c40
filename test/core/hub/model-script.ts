// What may happen in the model: worlds, and commands by chance.
import fc from "fast-check";
import { type Behaviour, behaviours } from "./model-upstream.ts";

/** What the world is made of. */
export interface World {
  /** Tuners of instance `a`; 0: any number. */
  readonly tuners: number;
  readonly reserve: number;
  /** Whether a line of 20 Mbit/s is shared by all. */
  readonly line: boolean;
  readonly linger: number;
  readonly slate: number;
  /** Packets of a past. */
  readonly length: number;
}

export type Pace = "fast" | "slow" | "never";

export type Command =
  | { do: "watch"; channel: number; client: number; pace: Pace; rank: number; past: number; hls: boolean }
  | { do: "leave" | "abort" | "read" | "dismiss" | "ask"; who: number }
  | { do: "send"; up: number; packets: number; cut: number }
  | { do: "behave"; up: number; behaviour: Behaviour; closing: number; deafness: number; steady: boolean }
  | { do: "end" | "fail" | "garbage" | "tear"; up: number }
  | { do: "advance"; ms: number }
  | { do: "stop"; instance: string };

export const worlds: fc.Arbitrary<World> = fc.record({
  tuners: fc.constantFrom(0, 1, 1, 2),
  reserve: fc.constantFrom(0, 0, 1),
  line: fc.boolean(),
  linger: fc.constantFrom(0, 1000, 5000),
  slate: fc.constantFrom(0, 0, 3000, 20_000),
  length: fc.constantFrom(20, 300, 2000),
});

const who = fc.nat(7);
// The first two are of the channels that have an alternate.
const up = fc.constantFrom(0, 0, 1, 1, 2, 3);
export const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({
        do: fc.constant("watch" as const),
        channel: fc.constantFrom(0, 0, 0, 1, 2),
        client: fc.nat(2),
        pace: fc.constantFrom<Pace>("fast", "fast", "slow", "never"),
        rank: fc.nat(5),
        past: fc.constantFrom(0, 0, 0, 0, 1, 2),
        hls: fc.constantFrom(false, false, false, true),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom("leave", "abort", "read", "read", "dismiss", "ask"), who }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        up,
        packets: fc.constantFrom(1, 20, 50, 400, 1500),
        cut: fc.constantFrom(0, 0, 188, 1000, 77),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("behave" as const),
        up,
        behaviour: fc.constantFrom(...behaviours),
        closing: fc.constantFrom(0, 0, 0, 300, 8000),
        deafness: fc.constantFrom(100, 5000, 15_000, 30_000),
        steady: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("end", "fail", "garbage", "tear"), up }) },
    {
      weight: 7,
      arbitrary: fc.record({
        do: fc.constant("advance" as const),
        ms: fc.constantFrom(0, 0, 10, 50, 100, 100, 300, 1000, 2600, 6000, 12_000, 40_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const), instance: fc.constantFrom("a", "b") }) },
  ),
  { minLength: 4, maxLength: 40 },
) as fc.Arbitrary<Command[]>;
