import type { Address, Commitment, Rpc, Signature, SolanaRpcApi } from "@solana/kit";
import { isZero } from "../bytes.js";
import { decodeLogs } from "../events.js";
import type { GantryEvent } from "../generated/events/index.js";

/** Most signatures in one answer of the server. */
const PAGE = 1_000;

/** An executed transaction. */
export interface PastTransaction {
  /** Its signature. */
  signature: Signature;
  /** Its slot. */
  slot: bigint;
  /** Time of its block, Unix seconds, where the server knows it. */
  time: bigint | undefined;
  /** The events of Gantry's programs in it; none if it failed. */
  events: GantryEvent[];
}

/** The event called `Name`. */
export type EventOf<Name extends GantryEvent["name"]> = Extract<GantryEvent, { name: Name }>["data"];

/** What happened to one job. */
export interface JobHistory {
  /** Its transactions, oldest first. */
  transactions: PastTransaction[];
  /** Who was paid what, once it is settled. */
  settled: EventOf<"JobSettled"> | undefined;
  /** The refund of a cancelled job. */
  cancelled: EventOf<"JobCancelled"> | undefined;
  /** The verdict on a disputed job. */
  resolved: EventOf<"DisputeResolved"> | undefined;
  /** SHA-256 of the result's manifest, if a final receipt has named one. */
  outputDigest: Uint8Array | undefined;
}

/** Reads what happened to the job at `address` from the chain's transactions. */
export async function jobHistory(rpc: Rpc<SolanaRpcApi>, wanted: Commitment, address: Address): Promise<JobHistory> {
  // Servers keep no transactions at processed.
  const commitment = wanted === "finalized" ? "finalized" : "confirmed";
  const found: { signature: Signature; slot: bigint; failed: boolean }[] = [];
  for (;;) {
    const before = found.at(-1)?.signature;
    const config = before === undefined ? { commitment } : { commitment, before };
    const page = await rpc.getSignaturesForAddress(address, config as { commitment: "confirmed" }).send();
    found.push(...page.map((row) => ({ signature: row.signature, slot: row.slot, failed: row.err !== null })));
    if (page.length < PAGE) break;
  }
  const transactions: PastTransaction[] = [];
  for (const { signature, slot, failed } of found.reverse()) {
    const options = { commitment, encoding: "base64", maxSupportedTransactionVersion: 0 } as const;
    const past = await rpc.getTransaction(signature, options).send();
    const events = failed || past?.meta?.err ? [] : decodeLogs(past?.meta?.logMessages ?? []);
    transactions.push({ signature, slot, time: past?.blockTime ?? undefined, events });
  }
  const events = transactions.flatMap((transaction) => transaction.events);
  const last = <Name extends GantryEvent["name"]>(name: Name, fits: (data: EventOf<Name>) => boolean = () => true) =>
    events.findLast((event) => event.name === name && fits(event.data as EventOf<Name>))?.data as
      | EventOf<Name>
      | undefined;
  const digest = last("JobEnded", (ended) => !isZero(ended.outputDigest))?.outputDigest;
  return {
    transactions,
    settled: last("JobSettled"),
    cancelled: last("JobCancelled"),
    resolved: last("DisputeResolved"),
    outputDigest: digest && new Uint8Array(digest),
  };
}
