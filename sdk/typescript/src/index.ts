/**
 * Gantry from TypeScript: the whole life of a job in a few calls. Start at {@link Gantry.connect}.
 *
 * Amounts are `bigint` base units of a token unless a name says otherwise, times are Unix seconds, shares are basis points.
 *
 * @module
 */

export * from "./addresses.js";
export * from "./amount.js";
export * from "./api/client.js";
export { type ApiEvent, type ApiMessage, type EventFilter, streamEvents } from "./api/events.js";
export { type BlobBackend, BlobError, type BlobStore, blobName, blobStore, httpBlobs, memoryBlobs } from "./blobs.js";
export { fromHex, sha256, toHex } from "./bytes.js";
export type { Found, MintInfo } from "./client/accounts.js";
export { Gantry, type GantryOptions } from "./client/gantry.js";
export type { EventOf, JobHistory, PastTransaction } from "./client/history.js";
export type { JobCost, OpenedJob, OpenJob } from "./client/jobs.js";
export type { FollowLogOptions, LogUpdate } from "./client/log.js";
export type { Preview, Review, SendOptions, Sent, TokenChange } from "./client/send.js";
export type { NodeListing } from "./client/supply.js";
export type { JobUpdate } from "./client/watch.js";
export { GantryError, type GantryErrorKind, lookupRefusal, type Refusal } from "./errors.js";
export * from "./events.js";
export type { GantryEvent, GantryEventName } from "./generated/events/index.js";
export type {
  Customer,
  Dispute,
  Job,
  MarketParams,
  Network,
  Node,
  PaymentMint,
  Pool,
  Position,
  Provider,
  StakingParams,
} from "./generated/index.js";
export * from "./gpu.js";
export { LogError, type LogErrorKind, type LogPiece, type LogPlace, LogReader, logPartName } from "./live-log.js";
export * from "./manifest.js";
export * as maths from "./maths.js";
export * from "./receipt.js";
export {
  isSealed,
  Opener,
  paddedLength,
  type SealContext,
  SealError,
  type SealErrorKind,
  Sealer,
  SealKey,
  type SealKind,
  type SecretSource,
} from "./seal.js";
export * from "./spec.js";
export * from "./stake.js";
export * from "./state.js";
