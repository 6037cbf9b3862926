import assert from "node:assert/strict";
import { test } from "node:test";
import { AmountError, formatAmount, parseAmount } from "../../src/amount.js";
import type { Pool, Position } from "../../src/generated/index.js";
import * as maths from "../../src/maths.js";
import { claimableRewards, sharesFor, stakedAmount } from "../../src/stake.js";
import { plain, vectors } from "../support.js";

// The vectors write 64-bit numbers as strings: which fields these are is known where they are read.
// biome-ignore lint/suspicious/noExplicitAny: rows of different kinds
type Row = Record<string, any>;
const document = vectors<Record<string, Row[]>>("maths-v1");
const rows = async (name: string, least: number): Promise<Row[]> => {
  const found = (await document)[name] ?? [];
  assert.ok(found.length >= least, `${found.length} vectors of ${name}`);
  return found;
};

test("bills and deposits", async () => {
  for (const row of await rows("bills", 40)) {
    const price = BigInt(row["price"]);
    assert.equal(plain(maths.deposit(price, row["seconds"])), row["deposit"], JSON.stringify(row));
    assert.equal(plain(maths.bill(price, row["seconds"])), row["bill"], JSON.stringify(row));
  }
});

test("settlements, and what claims leave of them", async () => {
  for (const row of await rows("settlements", 30)) {
    const [deposited, earned] = [BigInt(row["deposit"]), BigInt(row["earned"])];
    const parts = maths.settle(deposited, earned, row["fee_bps"], row["matcher_bps"]);
    assert.deepEqual(plain(parts), row["parts"], JSON.stringify(row));
    const left = parts && maths.afterClaims(parts, BigInt(row["claimed"]), BigInt(row["forgone"]));
    assert.deepEqual(plain(left), row["left"], JSON.stringify(row));
  }
});

test("claims", async () => {
  for (const row of await rows("claims", 20)) {
    const { fee_bps, matcher_bps, commission_bps } = row;
    const claim = maths.claim(BigInt(row["bill"]), fee_bps, matcher_bps, commission_bps, BigInt(row["paid_out"]));
    assert.deepEqual(plain(claim), row["claim"], JSON.stringify(row));
  }
});

test("bonds", async () => {
  for (const row of await rows("bonds", 35)) {
    const bond = maths.bond(BigInt(row["bill"]), BigInt(row["rate"]), row["ratio_bps"]);
    assert.equal(plain(bond), row["bond"], JSON.stringify(row));
  }
});

test("SLA credits", async () => {
  const table = [
    { shortfallBps: 1, creditBps: 1_000 },
    { shortfallBps: 100, creditBps: 2_500 },
    { shortfallBps: 500, creditBps: 10_000 },
  ];
  for (const row of await rows("slas", 35)) {
    const uptime = maths.uptimeBps(row["served"], row["elapsed"]);
    const credit = maths.creditBps(row["target_bps"], uptime, table);
    const found = [uptime, credit, plain(maths.credit(1_001n, credit))];
    assert.deepEqual(found, [row["uptime_bps"], row["credit_bps"], row["credit_of_1001"]], JSON.stringify(row));
  }
});

test("reputations", async () => {
  for (const row of await rows("reputations", 7)) {
    const history = {
      jobsCompleted: BigInt(row["completed"]),
      jobsFailed: BigInt(row["failed"]),
      servedSeconds: BigInt(row["served_seconds"]),
      promisedSeconds: BigInt(row["promised_seconds"]),
    };
    assert.equal(maths.reputationBps(history), row["reputation_bps"], JSON.stringify(row));
  }
});

test("positions", async () => {
  for (const row of await rows("positions", 24)) {
    const pool = {
      active: BigInt(row["pool"].active),
      activeShares: BigInt(row["pool"].active_shares),
      rewardIndex: BigInt(row["pool"].reward_index),
      wipes: row["pool"].wipes,
      wipedRewardIndex: [BigInt(row["pool"].wiped_reward_index), 0n, 0n, 0n],
    } as Pool;
    const position = {
      shares: BigInt(row["shares"]),
      rewardsOwed: BigInt(row["rewards_owed"]),
      rewardFraction: BigInt(row["reward_fraction"]),
      rewardIndex: 0n,
      wipes: 0,
    } as Position;
    assert.equal(plain(stakedAmount(position, pool)), row["staked"], JSON.stringify(row));
    assert.equal(plain(claimableRewards(position, pool)), row["rewards"], JSON.stringify(row));
    const shares = sharesFor(position, pool, BigInt(row["half"]));
    assert.equal(plain(shares), row["shares_for_half"], JSON.stringify(row));
  }
});

test("amounts as people write them", async () => {
  for (const { text, decimals, base_units, shown } of await rows("amounts", 30)) {
    if (base_units === null) {
      assert.throws(() => parseAmount(text, decimals), AmountError, text);
      continue;
    }
    assert.equal(parseAmount(text, decimals), BigInt(base_units), text);
    assert.equal(formatAmount(BigInt(base_units), decimals), shown, text);
  }
});
