/**
 * Billing, SLA credits, bonds and reputation, as the programs compute them: integers only, `undefined` where the arguments
 * are out of bounds. Amounts are base units, durations seconds, shares basis points (1/10,000).
 *
 * @module
 */

/** Basis points in a whole. */
export const BPS = 10_000n;

const U64_MAX = (1n << 64n) - 1n;
const SECONDS_PER_HOUR = 3_600n;

const within = (value: bigint): bigint | undefined => (value <= U64_MAX ? value : undefined);
const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const floor = (product: bigint, divisor: bigint): bigint | undefined => within(product / divisor);
const ceil = (product: bigint, divisor: bigint): bigint | undefined => within((product + divisor - 1n) / divisor);

/** Base units to deposit for at most `seconds` at `pricePerHour`, rounded up. */
export function deposit(pricePerHour: bigint, seconds: number): bigint | undefined {
  return ceil(pricePerHour * BigInt(seconds), SECONDS_PER_HOUR);
}

/** Base units billed for `seconds` at `pricePerHour`, rounded down. */
export function bill(pricePerHour: bigint, seconds: number): bigint | undefined {
  return floor(pricePerHour * BigInt(seconds), SECONDS_PER_HOUR);
}

/** Seconds to pay for: never more than the node proved, than passed, or than the customer bought. */
export function payableSeconds(proven: number, elapsed: number, maximum: number): number {
  return Math.min(proven, elapsed, maximum);
}

/** Where a deposit goes when a job settles. The parts sum to the deposit. */
export interface Settlement {
  /** To the provider and its delegators together. */
  provider: bigint;
  /** To the matcher that paired the job. */
  matcher: bigint;
  /** To the treasury. */
  treasury: bigint;
  /** Back to the customer. */
  customer: bigint;
}

/** Splits `deposited` by what the node `earned`: the bill less any SLA credit. */
export function settle(deposited: bigint, earned: bigint, feeBps: number, matcherBps: number): Settlement | undefined {
  if (earned > deposited || BigInt(feeBps) + BigInt(matcherBps) > BPS) return undefined;
  const treasury = ceil(earned * BigInt(feeBps), BPS);
  const matcher = floor(earned * BigInt(matcherBps), BPS);
  if (treasury === undefined || matcher === undefined) return undefined;
  return { provider: earned - treasury - matcher, matcher, treasury, customer: deposited - earned };
}

/**
 * What is left to pay of `parts` once the provider has claimed `claimed` of them, and what of the customer's part the vault
 * lacks then. `forgone` is the part of the bill that was not earned after all.
 */
export function afterClaims(
  parts: Settlement,
  claimed: bigint,
  forgone: bigint,
): { parts: Settlement; missing: bigint } | undefined {
  if (claimed <= parts.provider) return { parts: { ...parts, provider: parts.provider - claimed }, missing: 0n };
  const excess = claimed - parts.provider;
  const missing = least(excess, least(forgone, parts.customer));
  const fromTreasury = least(excess - missing, parts.treasury);
  const fromMatcher = least(excess - missing - fromTreasury, parts.matcher);
  const customer = parts.customer - missing - (excess - missing - fromTreasury - fromMatcher);
  if (customer < 0n) return undefined;
  const left = {
    provider: 0n,
    matcher: parts.matcher - fromMatcher,
    treasury: parts.treasury - fromTreasury,
    customer,
  };
  return { parts: left, missing };
}

/** The delegators' part of a provider's revenue, rounded down. */
export function delegatorsPart(revenue: bigint, commissionBps: number): bigint | undefined {
  if (BigInt(commissionBps) > BPS) return undefined;
  return floor(revenue * (BPS - BigInt(commissionBps)), BPS);
}

/** What a running job pays out now for a bill of `billed` so far, of which `paidOut` has been paid. */
export function claim(
  billed: bigint,
  feeBps: number,
  matcherBps: number,
  commissionBps: number,
  paidOut: bigint,
): { due: bigint; delegators: bigint } | undefined {
  const shares = BigInt(feeBps) + BigInt(matcherBps);
  if (shares > BPS) return undefined;
  const earned = floor(billed * (BPS - shares), BPS);
  if (earned === undefined) return undefined;
  const paid = earned > paidOut ? earned : paidOut;
  const withClaim = delegatorsPart(paid, commissionBps);
  const without = delegatorsPart(paidOut, commissionBps);
  if (withClaim === undefined || without === undefined) return undefined;
  return { due: paid - paidOut, delegators: withClaim - without };
}

/** Stake units that answer for a job which may bill up to `maximumBill`; `rate` is stake per payment unit in Q32.32. */
export function bond(maximumBill: bigint, rate: bigint, ratioBps: number): bigint | undefined {
  const stake = ceil(maximumBill * rate, 1n << 32n);
  return stake === undefined ? undefined : ceil(stake * BigInt(ratioBps), BPS);
}

/** One step of an SLA's credit table: from this shortfall on, this share of the bill is credited. */
export interface SlaStep {
  /** Basis points that the uptime is below the target. */
  shortfallBps: number;
  /** Basis points of the bill that the customer gets back. */
  creditBps: number;
}

/** Share of the elapsed seconds that was served, basis points, rounded down. */
export function uptimeBps(served: number, elapsed: number): number {
  if (elapsed === 0 || served >= elapsed) return Number(BPS);
  return Number((BigInt(served) * BPS) / BigInt(elapsed));
}

/** Basis points of the bill to credit: the highest step that the shortfall reaches. */
export function creditBps(targetBps: number, uptime: number, table: readonly SlaStep[]): number {
  if (uptime >= targetBps) return 0;
  const reached = table.filter((step) => targetBps - uptime >= step.shortfallBps);
  return Math.max(0, ...reached.map((step) => step.creditBps));
}

/** Base units of `billed` to credit, rounded down. */
export function credit(billed: bigint, shareBps: number): bigint | undefined {
  return BigInt(shareBps) > BPS ? undefined : floor(billed * BigInt(shareBps), BPS);
}

/** The counters that reputation is made of. */
export interface History {
  /** Jobs that ended as they should. */
  jobsCompleted: bigint;
  /** Jobs that did not. */
  jobsFailed: bigint;
  /** Seconds served over all jobs. */
  servedSeconds: bigint;
  /** Seconds those jobs were entitled to. */
  promisedSeconds: bigint;
}

/** A node's reputation, basis points; 5,000 without a history. */
export function reputationBps(history: History): number {
  const most = 1n << 50n;
  const completed = least(history.jobsCompleted, most);
  const failed = least(history.jobsFailed, most);
  const success = shareBps(completed + 1n, completed + failed + 2n);
  const served = shareBps(history.servedSeconds, history.promisedSeconds);
  return Number((success * served) / BPS);
}

function shareBps(part: bigint, whole: bigint): bigint {
  if (part >= whole) return BPS;
  let excess = 0n;
  while (whole >> excess >= 1n << 50n) excess += 1n;
  return ((part >> excess) * BPS) / (whole >> excess);
}
