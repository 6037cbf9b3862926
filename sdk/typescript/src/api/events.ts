import { sleep } from "../client/time.js";
import { GantryError } from "../errors.js";
import type { GantryEventName } from "../generated/events/index.js";
import { type Api, type ApiSchemas, problem } from "./client.js";
import { readServerSentEvents } from "./sse.js";

/** An event as the API tells it: keys in base58, hashes in hex, 64-bit integers as strings. */
export type ApiEvent = Omit<ApiSchemas["Event"], "data" | "name"> & {
  /** What happened. */
  name: GantryEventName;
  /** Its details. */
  data: Record<string, unknown>;
};

/** A message of the stream of events. Its `id` is what the stream is resumed after: an epoch and a number. */
export type ApiMessage =
  /** Where the stream begins. */
  | { id: string; type: "start"; data: { after: string } }
  /** Something happened. */
  | { id: string; type: "event"; data: ApiEvent }
  /** The event of this signature and index was on a fork that was abandoned. */
  | { id: string; type: "undone"; data: { slot: number; signature: string; index: number; name: GantryEventName } }
  /** All after `slot` was taken back; everything up to it is final; events up to it may be missing. */
  | { id: string; type: "rollback" | "finalized" | "snapshot"; data: { slot: number } };

/** Which events, and after which. */
export interface EventFilter {
  /** The id of the last message that was received, or "0" for all that is kept; at what comes next where left out. */
  after?: string;
  /** Its name, such as `JobSettled`. */
  name?: GantryEventName;
  /** The program that reported it. */
  program?: "registry" | "staking" | "market";
  /** An account, wallet or mint that it names. */
  account?: string;
  /** The job that it is about. */
  job?: string;
  /** Ends the stream. */
  signal?: AbortSignal;
}

/** Waits before a cut stream is opened again: the first, and the longest. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;
/** The server says every 15 s that it is alive: a stream without a byte for longer is dead. */
const SILENCE_MS = 40_000;

/**
 * Events as they happen, from an indexer. A stream that is cut is resumed after the last message that was received: none is
 * left out and none comes twice. It ends when `signal` is aborted or the consumer stops.
 *
 * @throws {GantryError} where what follows `after` is no longer kept, the indexer's tables were restored to a time before it, or a filter is none.
 */
export async function* streamEvents(api: Api, filter: EventFilter = {}): AsyncGenerator<ApiMessage, void, void> {
  const { signal, after, ...query } = filter;
  let last = after;
  let wait = FIRST_WAIT_MS;
  for (;;) {
    const quiet = new AbortController();
    const both = signal === undefined ? quiet.signal : AbortSignal.any([signal, quiet.signal]);
    let silence: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => quiet.abort(new Error("the stream is silent")), SILENCE_MS);
    };
    try {
      alive();
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (last !== undefined) headers["last-event-id"] = last;
      const response = await api.open("/v1/events/stream", { query, headers, signal: both });
      const mayPass = response.status === 429 || response.status >= 500;
      if (!response.ok && !mayPass) throw await problem(api.url, response);
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      for await (const event of readServerSentEvents(response.body, alive)) {
        if (event.id === undefined) continue;
        const message = { id: event.id, type: event.type, data: JSON.parse(event.data) } as ApiMessage;
        wait = FIRST_WAIT_MS;
        // Where a resumed stream begins is known already.
        const known = message.type === "start" && last !== undefined;
        last = message.id;
        if (!known) yield message;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof GantryError && typeof error.details["status"] === "number") throw error;
    } finally {
      clearTimeout(silence);
      quiet.abort();
    }
    try {
      await sleep(wait, signal);
    } catch {
      return;
    }
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}
