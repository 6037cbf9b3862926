import type { Address, RpcSubscriptions, SolanaRpcSubscriptionsApi } from "@solana/kit";
import type { Api } from "../api/client.js";
import { streamEvents } from "../api/events.js";
import { sameBytes } from "../bytes.js";
import { GantryError, notFound } from "../errors.js";
import { getJobEncoder, type Job } from "../generated/index.js";
import { describeJob, type JobView } from "../state.js";
import type { EventOf } from "./history.js";
import type { Jobs } from "./jobs.js";
import { Bell, sleep } from "./time.js";

/** How often the account is read where something else says when it changes, and where nothing does. */
const LOOK_ANYWAY_MS = 3_000;
const LOOK_MS = 400;
/** How long the server gets to show the transaction that closed a job. */
const CLOSING_PATIENCE_MS = 30_000;
/** Reads that may fail one after another before the watch does. */
const MOST_FAILURES = 20;

/** A change of a job. */
export type JobUpdate =
  /** Its account, and what that says in words. */
  | { type: "live"; job: Job; view: JobView }
  /** Everybody was paid. The last item. */
  | { type: "settled"; settled: EventOf<"JobSettled"> }
  /** The council's verdict was executed. The last item. */
  | { type: "resolved"; resolved: EventOf<"DisputeResolved">; settled: EventOf<"JobSettled"> | undefined }
  /** It was cancelled and refunded. The last item. */
  | { type: "cancelled"; cancelled: EventOf<"JobCancelled"> }
  /** It is closed, and the server has forgotten how. The last item. */
  | { type: "closed" };

/** What tells that a job has changed. */
export interface WatchSources {
  /** The account subscription of an RPC server. */
  subscriptions: RpcSubscriptions<SolanaRpcSubscriptionsApi> | undefined;
  /** The event stream of an indexer. */
  api: Api | undefined;
}

/**
 * Follows the job at `address` until it is closed: its present state first, then every change. The state is always the chain's;
 * the sources only say when to look. Changes close together may come as one.
 */
export async function* watchJob(
  gantry: Jobs,
  sources: WatchSources,
  address: Address,
  signal?: AbortSignal,
): AsyncGenerator<JobUpdate, void, void> {
  const bell = new Bell();
  const quit = new AbortController();
  const both = signal === undefined ? quit.signal : AbortSignal.any([signal, quit.signal]);
  if (sources.subscriptions !== undefined) void listenToAccount(gantry, sources.subscriptions, address, bell, both);
  else if (sources.api !== undefined) void listenToEvents(sources.api, address, bell, both);
  const interval = (sources.subscriptions ?? sources.api) ? LOOK_ANYWAY_MS : LOOK_MS;
  let seen: Uint8Array | undefined;
  try {
    for (;;) {
      const job = await persistently(() => gantry.job(address), both);
      if (job === undefined) {
        yield await closing(gantry, address, seen !== undefined, both);
        return;
      }
      const bytes = new Uint8Array(getJobEncoder().encode(job));
      if (seen === undefined || !sameBytes(seen, bytes)) {
        seen = bytes;
        yield { type: "live", job, view: describeJob(job) };
        continue;
      }
      await bell.wait(interval, both);
    }
  } finally {
    quit.abort();
  }
}

/** Asks again where the server is away for a moment. */
async function persistently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof GantryError || failures === MOST_FAILURES) throw error;
      await sleep(LOOK_MS, signal);
    }
  }
}

async function listenToAccount(
  gantry: Jobs,
  subscriptions: RpcSubscriptions<SolanaRpcSubscriptionsApi>,
  address: Address,
  bell: Bell,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const config = { commitment: gantry.commitment, encoding: "base64" } as const;
      const changes = await subscriptions.accountNotifications(address, config).subscribe({ abortSignal: signal });
      // What changed before the subscription stood.
      bell.ring();
      for await (const _ of changes) bell.ring();
    } catch {
      // Cut, or refused: the account is read every few seconds anyway.
    }
    await sleep(LOOK_ANYWAY_MS, signal).catch(() => {});
  }
}

async function listenToEvents(api: Api, job: Address, bell: Bell, signal: AbortSignal): Promise<void> {
  try {
    for await (const message of streamEvents(api, { job, signal })) {
      if (message.type !== "finalized") bell.ring();
    }
  } catch {
    // The indexer refuses: the account is read every few seconds anyway.
  }
}

/** How the job was closed. */
async function closing(gantry: Jobs, address: Address, wasThere: boolean, signal: AbortSignal): Promise<JobUpdate> {
  const deadline = Date.now() + CLOSING_PATIENCE_MS;
  for (;;) {
    const history = await persistently(() => gantry.history(address), signal);
    const { resolved, settled } = history;
    if (resolved !== undefined) return { type: "resolved", resolved, settled };
    if (settled !== undefined) return { type: "settled", settled };
    if (history.cancelled !== undefined) return { type: "cancelled", cancelled: history.cancelled };
    if (!wasThere && history.transactions.length === 0) throw notFound("job", address);
    if (Date.now() >= deadline) return { type: "closed" };
    await sleep(LOOK_MS, signal);
  }
}
