import type { Pool, Position } from "./generated/index.js";

/** Most shares of a pool: what the staking program keeps them to. */
const MAX_SHARES = 1n << 126n;
const U64_MAX = (1n << 64n) - 1n;

type PoolShares = Pick<Pool, "active" | "activeShares" | "wipes">;
type Shares = Pick<Position, "shares" | "wipes">;

/** `shares · (stake + 1) / (all + 1)`, rounded down; 0 for more shares than there are or can be. */
function worth(shares: bigint, stake: bigint, all: bigint): bigint {
  if (shares > all || all > MAX_SHARES) return 0n;
  const whole = (shares * (stake + 1n)) / (all + 1n);
  return whole > U64_MAX ? 0n : whole;
}

/** Shares of `position` that still count: none after a slash that took all active stake since they were counted. */
export function activeShares(position: Shares, pool: PoolShares): bigint {
  return position.wipes < pool.wipes ? 0n : position.shares;
}

/** What the active shares of `position` are worth, base units of the stake mint. */
export function stakedAmount(position: Shares, pool: PoolShares): bigint {
  return worth(activeShares(position, pool), pool.active, pool.activeShares);
}

/** The least shares of `position` that are worth `amount`; `undefined` where it is worth less. */
export function sharesFor(position: Shares, pool: PoolShares, amount: bigint): bigint | undefined {
  if (amount > stakedAmount(position, pool)) return undefined;
  let low = 0n;
  let high = activeShares(position, pool);
  while (low < high) {
    const middle = (low + high) / 2n;
    if (worth(middle, pool.active, pool.activeShares) >= amount) high = middle;
    else low = middle + 1n;
  }
  return low;
}

/** Revenue that `position` has to claim, base units of the pool's reward mint. */
export function claimableRewards(
  position: Shares & Pick<Position, "rewardIndex" | "rewardFraction" | "rewardsOwed">,
  pool: Pick<Pool, "wipes" | "wipedRewardIndex" | "rewardIndex">,
): bigint {
  const wiped = position.wipes < pool.wipes ? pool.wipedRewardIndex[position.wipes] : undefined;
  const rise = (wiped ?? pool.rewardIndex) - position.rewardIndex;
  const earned = rise < 0n ? 0n : (rise * position.shares + position.rewardFraction) >> 64n;
  const owed = position.rewardsOwed + (earned > U64_MAX ? 0n : earned);
  return owed > U64_MAX ? U64_MAX : owed;
}

/** Requests to unstake, oldest first: what each is worth now, and when it may be withdrawn (Unix seconds). */
export function unstakeRequests(
  position: Pick<Position, "unbonding" | "unbondingCount">,
  pool: Pick<Pool, "unbonding" | "unbondingShares">,
): { amount: bigint; unlocksAt: bigint }[] {
  return position.unbonding.slice(0, position.unbondingCount).map(({ shares, unlocksAt }) => ({
    amount: worth(shares, pool.unbonding, pool.unbondingShares),
    unlocksAt,
  }));
}
