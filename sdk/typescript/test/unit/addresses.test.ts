import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "@solana/kit";
import * as addresses from "../../src/addresses.js";
import { fromHex } from "../../src/bytes.js";
import { vectors } from "../support.js";

interface Vector {
  name: string;
  seeds: Record<string, string>;
  address: string;
}

const derive: Record<string, (seeds: Record<string, string>) => Promise<Address>> = {
  network: () => addresses.networkAddress(),
  provider: ({ authority }) => addresses.providerAddress(authority as Address),
  node: ({ provider, nodeKey }) => addresses.nodeAddress(provider as Address, nodeKey as Address),
  attestor: ({ key }) => addresses.attestorAddress(key as Address),
  device: ({ deviceHash }) => addresses.deviceAddress(fromHex(deviceHash ?? "", 32)),
  stakingParams: () => addresses.stakingParamsAddress(),
  pool: ({ provider }) => addresses.poolAddress(provider as Address),
  stakeVault: ({ pool }) => addresses.stakeVaultAddress(pool as Address),
  rewardVault: ({ pool }) => addresses.rewardVaultAddress(pool as Address),
  position: ({ pool, owner }) => addresses.positionAddress(pool as Address, owner as Address),
  marketParams: () => addresses.marketParamsAddress(),
  marketAuthority: () => addresses.marketAuthorityAddress(),
  paymentMint: ({ mint }) => addresses.paymentMintAddress(mint as Address),
  customer: ({ wallet }) => addresses.customerAddress(wallet as Address),
  job: ({ wallet, id }) => addresses.jobAddress(wallet as Address, BigInt(id ?? "")),
  vault: ({ job }) => addresses.vaultAddress(job as Address),
  dispute: ({ job }) => addresses.disputeAddress(job as Address),
  associatedToken: ({ owner, mint, tokenProgram }) =>
    addresses.associatedTokenAddress(owner as Address, mint as Address, tokenProgram as Address),
};

test("every address is the Rust SDK's", async () => {
  const { vectors: cases } = await vectors<{ vectors: Vector[] }>("addresses-v1");
  const seen = new Set<string>();
  for (const { name, seeds, address } of cases) {
    assert.equal(await derive[name]?.(seeds), address, `${name} ${JSON.stringify(seeds)}`);
    seen.add(name);
  }
  assert.deepEqual([...seen].sort(), Object.keys(derive).sort());
});
