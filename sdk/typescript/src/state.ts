import { type Address, isAddress } from "@solana/kit";
import { isZero } from "./bytes.js";
import type { Job, Node } from "./generated/index.js";
import { bill, reputationBps } from "./maths.js";

/** The address of all zeros, which stands for "none" on chain; it is the system program's. */
export const NO_ADDRESS = "11111111111111111111111111111111" as Address;

const JOB_STATUSES = ["open", "assigned", "running", "finished", "lapsed", "disputed", "resolved"] as const;
/** Where a job is in its life. */
export type JobStatus = (typeof JOB_STATUSES)[number];

const JOB_OUTCOMES = ["none", "completed", "failed", "stopped", "lapsed", "expired"] as const;
/** How a job ended; `none` before it did. */
export type JobOutcome = (typeof JOB_OUTCOMES)[number];

const NODE_STATUSES = ["available", "leased", "draining", "suspended"] as const;
/** What a node is doing. */
export type NodeStatus = (typeof NODE_STATUSES)[number];

/** Bits of {@link Job}`.options`. */
const ACCEPTED = 4;

/** What a job's account says, in words. Times are Unix seconds. */
export interface JobView {
  /** Where it is in its life; `undefined` for a status that this version does not know. */
  status: JobStatus | undefined;
  /** How it ended. */
  outcome: JobOutcome | undefined;
  /** The node that serves it, or that it asks for. */
  node: Address | undefined;
  /** The provider of that node, once it is assigned. */
  provider: Address | undefined;
  /** Who assigned it, or may. */
  matcher: Address | undefined;
  /** When the node started it. */
  startedAt: bigint | undefined;
  /** When it ended. */
  endedAt: bigint | undefined;
  /** When a running job lapses unless another proof comes. */
  lapsesAt: bigint | undefined;
  /** When a running job has used up what was paid for. */
  expiresAt: bigint | undefined;
  /** Whether the customer has accepted the result. */
  accepted: boolean;
  /** Base units earned by the seconds proven so far, before any SLA credit. */
  billed: bigint;
  /** Base units of the deposit that nothing has been proven against. */
  escrowLeft: bigint;
  /** SHA-256 of the result's manifest, once there is one. */
  outputDigest: Uint8Array | undefined;
}

/** What `job` says, in words. */
export function describeJob(job: Job): JobView {
  const status = JOB_STATUSES[job.status];
  const at = (seconds: number) => job.createdAt + BigInt(seconds);
  const running = status === "running";
  const billed = bill(job.pricePerHour, Math.min(job.servedSeconds, job.maxDuration)) ?? job.deposited;
  const capped = billed < job.deposited ? billed : job.deposited;
  const named = (key: Address) => (key === NO_ADDRESS ? undefined : key);
  return {
    status,
    outcome: JOB_OUTCOMES[job.outcome],
    node: named(job.node),
    provider: named(job.provider),
    matcher: named(job.matcher),
    startedAt: job.status >= 2 ? at(job.startedAt) : undefined,
    endedAt: job.status >= 3 ? at(job.endedAt) : undefined,
    lapsesAt: running ? at(job.activeAt) + BigInt(job.proofTimeout) : undefined,
    expiresAt: running ? at(job.startedAt) + BigInt(job.maxDuration) : undefined,
    accepted: (job.options & ACCEPTED) !== 0,
    billed: capped,
    escrowLeft: job.deposited - capped,
    outputDigest: isZero(job.outputDigest) ? undefined : new Uint8Array(job.outputDigest),
  };
}

/** What a node's account says, in words. */
export interface NodeView {
  /** What it is doing; `undefined` for a status that this version does not know. */
  status: NodeStatus | undefined;
  /** Country, ISO 3166-1 alpha-2. */
  country: string;
  /** Reputation in basis points, from its own history. */
  reputationBps: number;
}

/** What `node` says, in words. */
export function describeNode(node: Node): NodeView {
  return {
    status: NODE_STATUSES[node.status],
    country: new TextDecoder().decode(new Uint8Array(node.country)),
    reputationBps: reputationBps(node),
  };
}

/** `text` as an address. @throws {RangeError} if it is none. */
export function parseAddress(text: string): Address {
  if (!isAddress(text)) throw new RangeError(`\`${text}\` is no address: write 32 bytes in base58`);
  return text;
}
