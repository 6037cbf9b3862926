import {
  type Address,
  type Commitment,
  createSolanaRpcSubscriptions,
  type Rpc,
  type RpcSubscriptions,
  type SolanaRpcApi,
  type SolanaRpcSubscriptionsApi,
} from "@solana/kit";
import { Api } from "../api/client.js";
import { type ApiMessage, type EventFilter, streamEvents } from "../api/events.js";
import type { BlobStore } from "../blobs.js";
import { outOfBounds } from "../errors.js";
import { Jobs } from "./jobs.js";
import { type FollowLogOptions, followJobLog, type LogUpdate } from "./log.js";
import type { Review } from "./send.js";
import { sleep } from "./time.js";
import { type JobUpdate, watchJob } from "./watch.js";

/** What a client talks to. */
export interface GantryOptions {
  /** JSON-RPC server: a URL or a client of `@solana/kit`. */
  rpc: string | Rpc<SolanaRpcApi>;
  /** Its WebSocket: a URL or a client of `@solana/kit`. Makes {@link Gantry.watch} prompt. */
  rpcSubscriptions?: string | RpcSubscriptions<SolanaRpcSubscriptionsApi>;
  /** URL of an indexer, for {@link Gantry.api} and {@link Gantry.events}. */
  indexer?: string;
  /** The commitment to read and confirm at; `confirmed` unless said otherwise. */
  commitment?: Commitment;
  /** Decides over every transaction before it is signed: throwing keeps it from being sent. */
  review?: Review;
}

/** A connection to a cluster, and to an indexer where there is one. */
export class Gantry extends Jobs {
  readonly #subscriptions: RpcSubscriptions<SolanaRpcSubscriptionsApi> | undefined;
  readonly #api: Api | undefined;

  /** A client. Nothing is sent yet. */
  static connect(options: GantryOptions): Gantry {
    return new Gantry(options);
  }

  private constructor(options: GantryOptions) {
    super(options.rpc, options.commitment);
    this.review = options.review;
    const subscriptions = options.rpcSubscriptions;
    this.#subscriptions =
      typeof subscriptions === "string"
        ? (createSolanaRpcSubscriptions(subscriptions) as RpcSubscriptions<SolanaRpcSubscriptionsApi>)
        : subscriptions;
    this.#api = options.indexer === undefined ? undefined : new Api(options.indexer);
  }

  /** The indexer's API. @throws {GantryError} `out-of-bounds` for a connection without an indexer. */
  get api(): Api {
    if (this.#api === undefined) throw outOfBounds("indexer", "pass its URL to Gantry.connect for this");
    return this.#api;
  }

  /**
   * Follows the job at `address` until it is closed: its present state first, then every change.
   *
   * @example
   * for await (const update of gantry.watch(job.address)) {
   *   if (update.type === "live") console.log(update.view.status, update.job.servedSeconds);
   * }
   */
  watch(address: Address, options: { signal?: AbortSignal } = {}): AsyncGenerator<JobUpdate, void, void> {
    const sources = { subscriptions: this.#subscriptions, api: this.#api };
    return watchJob(this, sources, address, options.signal);
  }

  /**
   * What the job at `address` writes, on standard output and error together: what is there by now, then what comes, and when it has ended
   * what is left in its result. Every piece is signed by the job's node, or covered by its final receipt.
   *
   * @param blobs The store that the node uses, with `getNamed`.
   * @example
   * for await (const update of gantry.followLog(job.address, blobs)) {
   *   if (update.type === "output") process.stdout.write(update.text);
   * }
   *
   * @throws {LogError} for a part that the job's node did not sign, and for a sealed log without `key`; {@link SealError} for a key that
   * does not open it.
   */
  async *followLog(
    address: Address,
    blobs: BlobStore,
    options: FollowLogOptions = {},
  ): AsyncGenerator<LogUpdate, void, void> {
    const quit = new AbortController();
    const signal = options.signal === undefined ? quit.signal : AbortSignal.any([options.signal, quit.signal]);
    try {
      yield* followJobLog(this, this.watch(address, { signal }), address, blobs, { ...options, signal });
    } finally {
      quit.abort();
    }
  }

  /** Events as they happen, from the indexer. A cut stream is resumed: none is left out and none comes twice. */
  events(filter: EventFilter = {}): AsyncGenerator<ApiMessage, void, void> {
    return streamEvents(this.api, filter);
  }

  /** Asks a local network's faucet for SOL, and waits until it is there. */
  async airdrop(wallet: Address, lamports: bigint, signal?: AbortSignal): Promise<void> {
    const before = await this.balance(wallet);
    await this.rpc.requestAirdrop(wallet, lamports as never, { commitment: this.commitment }).send();
    // The balance, not the signature: some local networks fund without a transaction.
    while ((await this.balance(wallet)) < before + lamports) await sleep(150, signal);
  }
}
