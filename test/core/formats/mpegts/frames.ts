// Frames of two streams as fast-check makes them up: small and large, key frames or not, shown some time after they come.
import fc from "fast-check";

/** `length` in bytes; `ahead` in ticks of 90 kHz between a frame's decoding and its showing. */
export const someFrames = fc.array(
  fc.record({
    stream: fc.nat({ max: 1 }),
    length: fc.oneof(fc.integer({ min: 1, max: 800 }), fc.integer({ min: 1, max: 70_000 })),
    key: fc.boolean(),
    ahead: fc.nat({ max: 9000 }),
  }),
  { minLength: 1, maxLength: 20 },
);
