import type { Address } from "@solana/kit";
import type { BlobStore } from "../blobs.js";
import { isZero } from "../bytes.js";
import { GantryError } from "../errors.js";
import type { Job } from "../generated/index.js";
import type { LogReader } from "../live-log.js";
import { fetchFile } from "../manifest.js";
import type { SealKey } from "../seal.js";
import { describeJob } from "../state.js";
import type { Jobs } from "./jobs.js";
import { sleep } from "./time.js";
import type { JobUpdate } from "./watch.js";

/** How often the store is asked for more: nodes store a part each second at most. */
const LOOK_MS = 500;

/** How a log is read. */
export interface FollowLogOptions {
  /** The customer's key, which opens the log of a sealed job. */
  key?: SealKey;
  /** Goes on until the job has ended; `false` gives what is there. */
  follow?: boolean;
  /** Stops. */
  signal?: AbortSignal;
}

/** What comes of a log. */
export type LogUpdate =
  /** More of it, as bytes and as text; letters that two pieces share come with the second. A node is nobody to trust: a terminal can be steered by what it prints. */
  | { type: "output"; bytes: Uint8Array; text: string }
  /** The job was started again: its output begins anew. */
  | { type: "again" }
  /** The result's log begins otherwise than what came so far: all of it comes next. */
  | { type: "differs" }
  /** The job has ended without a result: what came is all. The last item. */
  | { type: "no-result" };

/** The output of one log, as text too. */
class Output {
  #decoder = new TextDecoder();

  next(bytes: Uint8Array): LogUpdate {
    return { type: "output", bytes, text: this.#decoder.decode(bytes, { stream: true }) };
  }

  /** What is left of a letter that was never finished. */
  end(): LogUpdate[] {
    const text = this.#decoder.decode();
    return text === "" ? [] : [{ type: "output", bytes: new Uint8Array(), text }];
  }
}

/** What of a client the log is read with. */
export type LogSource = Pick<Jobs, "logReader" | "result" | "sealedResult">;

/** What a job writes: what is there, then what comes, then what is left in its result. */
export async function* followJobLog(
  gantry: LogSource,
  updates: AsyncGenerator<JobUpdate, void, void>,
  address: Address,
  blobs: BlobStore,
  options: FollowLogOptions,
): AsyncGenerator<LogUpdate, void, void> {
  const { signal, follow = true, key } = options;
  const log = new Log(gantry, blobs, key);
  const ask = () => {
    const update = updates.next();
    // Where nobody waits for it any more, it is of no interest that it was stopped.
    update.catch(() => {});
    return update;
  };
  let pending = ask();
  let job: Job | undefined;
  for (;;) {
    const update = await Promise.race([pending, sleep(LOOK_MS, signal)]);
    if (update !== undefined) {
      if (update.done === true || update.value.type !== "live") break;
      job = update.value.job;
      pending = ask();
    }
    signal?.throwIfAborted();
    if (job === undefined) continue;
    if (!isZero(job.outputDigest)) break;
    yield* log.more(address, job);
    if (!goesOn(job)) {
      yield* log.end();
      yield { type: "no-result" };
      return;
    }
    if (!follow) {
      yield* log.end();
      return;
    }
  }
  try {
    yield* log.rest(address);
  } catch (error) {
    // It was closed without one: what came is all.
    if (!(log.anything && error instanceof GantryError && error.kind === "not-found")) throw error;
    yield* log.end();
    yield { type: "no-result" };
  }
}

/** Whether its node is still expected to say more. */
function goesOn(job: Job): boolean {
  const { status, outcome } = describeJob(job);
  if (status === "finished") return outcome === "stopped";
  return status === "open" || status === "assigned" || status === "running";
}

/** A job's log, as far as it came. */
class Log {
  readonly #gantry: LogSource;
  readonly #blobs: BlobStore;
  readonly #key: SealKey | undefined;
  #reader: LogReader | undefined;
  #output = new Output();
  anything = false;

  constructor(gantry: LogSource, blobs: BlobStore, key: SealKey | undefined) {
    this.#gantry = gantry;
    this.#blobs = blobs;
    this.#key = key;
  }

  /** What has come since the last time. Of a job that went to another node, that begins anew. */
  async *more(address: Address, job: Job): AsyncGenerator<LogUpdate, void, void> {
    if (job.assignment === 0 || describeJob(job).status === "open") return;
    let reader = this.#reader;
    if (reader?.place.assignment !== job.assignment) {
      if (reader !== undefined) yield* this.#again({ type: "again" });
      reader = await this.#gantry.logReader(address, job);
      this.#reader = reader;
    }
    for (;;) {
      const piece = await reader.next(this.#blobs, this.#key);
      if (piece === undefined) return;
      if (piece.type === "again") yield* this.#again(piece);
      else if (piece.bytes.length > 0) yield this.#next(piece.bytes);
    }
  }

  /** What is left once the job has its result: that covers the whole log by its hash. */
  async *rest(address: Address): AsyncGenerator<LogUpdate, void, void> {
    const key = this.#key;
    const { manifest, opener } =
      key === undefined
        ? { manifest: await this.#gantry.result(address, this.#blobs), opener: undefined }
        : await this.#gantry.sealedResult(address, this.#blobs, key);
    const log = manifest.logs === null ? new Uint8Array() : await fetchFile(this.#blobs, manifest.logs, opener);
    const rest = this.#reader === undefined ? log : await this.#reader.restOf(log);
    // Run again since, and we came too late for the parts of that; or not what came before.
    if (rest === undefined) yield* this.#again({ type: "differs" });
    const left = rest ?? log;
    if (left.length > 0) yield this.#next(left);
    yield* this.end();
  }

  /** What is left of the text. */
  *end(): Generator<LogUpdate, void, void> {
    yield* this.#output.end();
  }

  *#again(update: LogUpdate): Generator<LogUpdate, void, void> {
    yield* this.end();
    this.#output = new Output();
    yield update;
  }

  #next(bytes: Uint8Array): LogUpdate {
    this.anything = true;
    return this.#output.next(bytes);
  }
}
