// How the server knows the self-test's own requests: they watch as a probe, not as a viewer.

/** The header whose value is the running test's mark; in an answer it says that this very headend has answered. */
export const probeHeader = "x-headend-probe";
