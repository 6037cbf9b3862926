import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, type Instruction, isSignerRole, isWritableRole } from "@solana/kit";
import { deviceAddress, jobAddress, nodeAddress, poolAddress, providerAddress } from "../../src/addresses.js";
import { toHex, utf8 } from "../../src/bytes.js";
import type { Dispute, Job, PaymentMint } from "../../src/generated/index.js";
import * as programs from "../../src/generated/instructions/index.js";
import * as ix from "../../src/instructions.js";
import { key, signer, vectors } from "../support.js";

interface Vector {
  name: string;
  program: string;
  accounts: [string, boolean, boolean][];
  data: string;
}

const job = {
  customer: key(1),
  mint: key(2),
  node: key(3),
  provider: key(4),
  matcher: key(5),
  rentPayer: key(6),
  id: 7n,
} as Job;
const mint = { mint: key(2), tokenProgram: key(20), treasury: key(21) } as PaymentMint;
const stake = { mint: key(30), tokenProgram: key(31), treasury: key(32) };
const reward = { mint: key(2), tokenProgram: key(20) };
const hardware = {
  diskGib: 8_000,
  mbps: 10_000,
  gpuModel: 3,
  vramGib: 80,
  cpuCores: 128,
  ramGib: 1_024,
  country: utf8("SE"),
  gpuCount: 8,
};
const none = new Uint8Array(2);
const terms = {
  id: 7n,
  maxPricePerHour: 2_000_000n,
  specHash: new Uint8Array(32).fill(8),
  node: key(3),
  matcher: key(5),
  maxDuration: 3_600,
  startDeadline: 60,
  proofTimeout: 30,
  diskGib: 100,
  mbps: 1_000,
  gpuModels: [3, 2, 0, 0],
  countries: [utf8("DE"), utf8("SE"), none, none, none, none, none, none],
  vramGib: 80,
  ramGib: 64,
  flags: 33,
  reputationBps: 5_000,
  slaUptimeBps: 9_900,
  gpuCount: 2,
  tier: 1,
};

async function all(): Promise<Record<string, Instruction>> {
  const dispute = { job: await jobAddress(job.customer, job.id), rentPayer: key(40) } as Dispute;
  const provider = await providerAddress(key(50));
  const node = await nodeAddress(provider, key(51));
  const pool = await poolAddress(provider);
  const [authority, owner] = [signer(50), signer(60)];
  const hash = (byte: number) => new Uint8Array(32).fill(byte);
  const built: Record<string, Instruction | Promise<Instruction>> = {
    openJob: ix.openJob(signer(1), signer(6), reward, key(9), terms),
    cancelJob: ix.cancelJob(signer(1), job, mint, key(10)),
    topUpJob: ix.topUpJob(signer(1), job, mint, key(9), 600),
    stopJob: ix.stopJob(signer(1), job),
    acceptResult: ix.acceptResult(signer(1), job),
    acknowledge: ix.acknowledge(signer(1), job, 17),
    disputeJob: ix.disputeJob(signer(1), signer(6), job, mint.tokenProgram, key(9), hash(11)),
    vote: ix.vote(signer(12), dispute.job, 2_500, 7_500),
    resolveDispute: ix.resolveDispute(job, dispute, mint, key(13), stake, key(14)),
    assignJob: ix.assignJob(signer(5), job, node, provider),
    settleJob: ix.settleJob(job, mint, key(13)),
    settleWithSlash: ix.settleWithSlash(job, mint, key(13), stake, key(14)),
    claim: ix.claimJob(job, mint, key(13)),
    expireAssignment: ix.expireAssignment(signer(15), job, stake),
    reportLapse: ix.reportLapse(job),
    declineAssignment: ix.declineAssignment(signer(51), job),
    endJob: ix.endJob(signer(51), job),
    registerProvider: programs.getRegisterProviderInstructionAsync({
      authority,
      payer: signer(52),
      payoutOwner: key(54),
      metadataHash: hash(55),
    }),
    updateProvider: programs.getUpdateProviderInstructionAsync({
      authority,
      payoutOwner: key(54),
      metadataHash: hash(55),
    }),
    closeProvider: ix.closeProvider(authority, provider, key(52)),
    registerNode: ix.registerNode(authority, signer(52), signer(51), {
      ...hardware,
      priceMint: key(2),
      pricePerHour: 1_500_000n,
    }),
    updatePrice: programs.getUpdatePriceInstructionAsync({ authority, node, pricePerHour: 9n }),
    updateHardware: programs.getUpdateHardwareInstructionAsync({
      authority,
      node,
      device: await deviceAddress(hash(53)),
      ...hardware,
    }),
    drainNode: programs.getDrainNodeInstructionAsync({ authority, node }),
    resumeNode: programs.getResumeNodeInstructionAsync({ authority, node }),
    closeNode: programs.getCloseNodeInstructionAsync({
      authority,
      node,
      device: await deviceAddress(hash(53)),
      rentPayer: key(52),
    }),
    attest: programs.getAttestInstructionAsync({
      signer: signer(56),
      payer: signer(52),
      node,
      deviceHash: hash(53),
      expiresAt: 1_800_000_000n,
      flags: 9,
      tier: 2,
    }),
    createPool: ix.createPool(authority, signer(52), stake, reward, 1_000),
    setCommission: programs.getSetCommissionInstructionAsync({ authority, commissionBps: 500 }),
    closePool: programs.getClosePoolInstructionAsync({
      authority,
      stakeMint: stake.mint,
      rewardMint: key(2),
      treasury: stake.treasury,
      rewardDestination: key(57),
      rentPayer: key(52),
      tokenProgram: stake.tokenProgram,
      rewardTokenProgram: key(20),
    }),
    stake: ix.stake(owner, signer(52), pool, stake, key(61), 1_000n),
    requestUnstake: programs.getRequestUnstakeInstructionAsync({ owner, pool, shares: 1n << 100n }),
    cancelUnstake: programs.getCancelUnstakeInstructionAsync({ owner, pool, place: 3 }),
    withdraw: ix.withdraw(owner, pool, stake, key(61)),
    claimRewards: ix.claimRewards(owner, pool, reward, key(62)),
    closePosition: programs.getClosePositionInstructionAsync({ owner, pool, rentPayer: key(52) }),
    createAssociatedAccount: ix.createAssociatedAccount(signer(52), key(60), stake),
  };
  const entries = Object.entries(built).map(async ([name, made]) => [name, await made] as const);
  return Object.fromEntries(await Promise.all(entries));
}

const shape = (instruction: Instruction): Omit<Vector, "name"> => ({
  program: instruction.programAddress,
  accounts: (instruction.accounts ?? []).map(({ address, role }) => [
    address as Address,
    isSignerRole(role),
    isWritableRole(role),
  ]),
  data: toHex(instruction.data ?? new Uint8Array()),
});

test("every instruction has the accounts and the bytes of the Rust SDK's", async () => {
  const built = await all();
  const { vectors: cases } = await vectors<{ vectors: Vector[] }>("instructions-v1");
  assert.deepEqual(cases.map(({ name }) => name).sort(), Object.keys(built).sort());
  for (const { name, ...expected } of cases) {
    const instruction = built[name];
    assert.ok(instruction !== undefined);
    assert.deepEqual(shape(instruction), expected, name);
  }
});
