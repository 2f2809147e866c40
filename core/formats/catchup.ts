// Catch-up in every dialect: the address of an upstream's past, what viewers ask of ours, and what playlists say of it.
export { type CatchupOptions, catchupAddress } from "./catchup/address.ts";
export { findCatchupFault } from "./catchup/limit.ts";
export {
  type CatchupDialect,
  catchupDialects,
  offerStream,
  type StreamOffer,
  type StreamOutput,
} from "./catchup/offer.ts";
export { type CatchupWish, parseCatchup, parseXcPath } from "./catchup/wish.ts";
