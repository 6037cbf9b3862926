/**
 * The instructions that the client sends, with every address that can be derived filled in. Those about one job take its
 * account: most addresses are in there. Every other instruction is in `@gantry/sdk/programs`.
 *
 * @module
 */

import {
  AccountRole,
  type AccountSignerMeta,
  type Address,
  type Instruction,
  type TransactionSigner,
} from "@solana/kit";
import {
  ASSOCIATED_TOKEN_PROGRAM_ADDRESS,
  associatedTokenAddress,
  customerAddress,
  disputeAddress,
  jobAddress,
  paymentMintAddress,
  poolAddress,
  SYSTEM_PROGRAM_ADDRESS,
} from "./addresses.js";
import type { Dispute, Job, PaymentMint, StakingParams } from "./generated/index.js";
import * as programs from "./generated/instructions/index.js";

/** A mint and the token program that owns it. */
export interface MintRef {
  /** The mint. */
  mint: Address;
  /** SPL Token or Token-2022. */
  tokenProgram: Address;
}

/** The stake mint and the treasury's token account in it. */
export interface StakeTokens extends MintRef {
  /** The treasury's token account. */
  treasury: Address;
}

/** The stake tokens that staking's rules name. */
export function stakeTokensOf(params: StakingParams): StakeTokens {
  return { mint: params.stakeMint, tokenProgram: params.tokenProgram, treasury: params.treasury };
}

/** The account of `job`. */
export const addressOf = (job: Job): Promise<Address> => jobAddress(job.customer, job.id);

/** Terms of a job to open. */
export type OpenJobTerms = programs.OpenJobInstructionDataArgs;

/** Opens a job of `wallet` and funds it from its token account `source`. `terms.id` is the customer's next job id. */
export function openJob(
  wallet: TransactionSigner,
  payer: TransactionSigner,
  mint: MintRef,
  source: Address,
  terms: OpenJobTerms,
): Promise<Instruction> {
  return programs.getOpenJobInstructionAsync({ ...terms, ...mint, wallet, payer, source });
}

/** Closes an open job and refunds the customer's token account `destination`. */
export async function cancelJob(
  signer: TransactionSigner,
  job: Job,
  mint: PaymentMint,
  destination: Address,
): Promise<Instruction> {
  return await programs.getCancelJobInstructionAsync({
    signer,
    mint: job.mint,
    customer: await customerAddress(job.customer),
    job: await addressOf(job),
    destination,
    treasury: mint.treasury,
    rentPayer: job.rentPayer,
    tokenProgram: mint.tokenProgram,
  });
}

/** Extends a running job by `seconds`, paid from the customer's token account `source`. */
export async function topUpJob(
  wallet: TransactionSigner,
  job: Job,
  mint: PaymentMint,
  source: Address,
  seconds: number,
): Promise<Instruction> {
  const { tokenProgram } = mint;
  return await programs.getTopUpJobInstructionAsync({
    wallet,
    mint: job.mint,
    job: await addressOf(job),
    source,
    tokenProgram,
    seconds,
  });
}

/** Ends a running job now. */
export async function stopJob(wallet: TransactionSigner, job: Job): Promise<Instruction> {
  const { provider, node } = job;
  return await programs.getStopJobInstructionAsync({ wallet, job: await addressOf(job), provider, node });
}

/** Waives the dispute window of a finished job. */
export async function acceptResult(wallet: TransactionSigner, job: Job): Promise<Instruction> {
  return programs.getAcceptResultInstruction({ wallet, job: await addressOf(job) });
}

/** Releases the first `seconds` that the node of a running job has proven. */
export async function acknowledge(wallet: TransactionSigner, job: Job, seconds: number): Promise<Instruction> {
  return programs.getAcknowledgeInstruction({ wallet, job: await addressOf(job), seconds });
}

/** Takes a job to the council, with the bond from the customer's token account `source`. */
export async function disputeJob(
  wallet: TransactionSigner,
  payer: TransactionSigner,
  job: Job,
  tokenProgram: Address,
  source: Address,
  reasonHash: Uint8Array,
): Promise<Instruction> {
  return await programs.getDisputeJobInstructionAsync({
    wallet,
    payer,
    mint: job.mint,
    job: await addressOf(job),
    source,
    provider: job.provider,
    node: job.node,
    tokenProgram,
    reasonHash,
  });
}

/** Votes on the dispute over the job at `job`: shares that the provider keeps and that is slashed, basis points. */
export async function vote(
  arbiter: TransactionSigner,
  job: Address,
  providerShareBps: number,
  slashBps: number,
): Promise<Instruction> {
  const dispute = await disputeAddress(job);
  return await programs.getVoteInstructionAsync({ arbiter, dispute, providerShareBps, slashBps });
}

/** Pairs an open job with the node account `node` of `provider`. */
export async function assignJob(
  matcher: TransactionSigner,
  job: Job,
  node: Address,
  provider: Address,
): Promise<Instruction> {
  const paymentMint = await paymentMintAddress(job.mint);
  return await programs.getAssignJobInstructionAsync({
    matcher,
    paymentMint,
    job: await addressOf(job),
    provider,
    node,
  });
}

async function settlementAccounts(job: Job, mint: PaymentMint, payoutOwner: Address) {
  const account = (owner: Address) => associatedTokenAddress(owner, job.mint, mint.tokenProgram);
  return {
    mint: job.mint,
    customer: await customerAddress(job.customer),
    job: await addressOf(job),
    provider: job.provider,
    providerDestination: await account(payoutOwner),
    matcherDestination: await account(job.matcher),
    treasury: mint.treasury,
    customerDestination: await account(job.customer),
    rentPayer: job.rentPayer,
    tokenProgram: mint.tokenProgram,
  };
}

async function slashAccounts(job: Job, stake: StakeTokens, reporter: Address) {
  return {
    stakeCustomer: await associatedTokenAddress(job.customer, stake.mint, stake.tokenProgram),
    stakeReporter: reporter,
    stakeTreasury: stake.treasury,
    stakeMint: stake.mint,
    stakeTokenProgram: stake.tokenProgram,
  };
}

/** Pays everybody to their associated token accounts, which must exist, and closes the job. */
export async function settleJob(job: Job, mint: PaymentMint, payoutOwner: Address): Promise<Instruction> {
  return await programs.getSettleJobInstructionAsync(await settlementAccounts(job, mint, payoutOwner));
}

/** Settles a job whose node has claimed more than the SLA leaves it. `reporter` earns the reporter's share of the slash. */
export async function settleWithSlash(
  job: Job,
  mint: PaymentMint,
  payoutOwner: Address,
  stake: StakeTokens,
  reporter: Address,
): Promise<Instruction> {
  return await programs.getSettleWithSlashInstructionAsync({
    ...(await settlementAccounts(job, mint, payoutOwner)),
    ...(await slashAccounts(job, stake, reporter)),
  });
}

/** Executes the council's verdict, or ends a dispute that got none in time. */
export async function resolveDispute(
  job: Job,
  dispute: Dispute,
  mint: PaymentMint,
  payoutOwner: Address,
  stake: StakeTokens,
  reporter: Address,
): Promise<Instruction> {
  return await programs.getResolveDisputeInstructionAsync({
    ...(await settlementAccounts(job, mint, payoutOwner)),
    ...(await slashAccounts(job, stake, reporter)),
    disputeRentPayer: dispute.rentPayer,
    node: job.node,
  });
}

/** Pays what a running job has released and not paid yet. */
export async function claimJob(job: Job, mint: PaymentMint, payoutOwner: Address): Promise<Instruction> {
  return await programs.getClaimInstructionAsync({
    mint: job.mint,
    job: await addressOf(job),
    provider: job.provider,
    providerDestination: await associatedTokenAddress(payoutOwner, job.mint, mint.tokenProgram),
    tokenProgram: mint.tokenProgram,
  });
}

/** Takes an assigned job from a node that did not start it in time; `reporter` earns its share of the slash. */
export async function expireAssignment(
  reporter: TransactionSigner,
  job: Job,
  stake: StakeTokens,
): Promise<Instruction> {
  const account = (owner: Address) => associatedTokenAddress(owner, stake.mint, stake.tokenProgram);
  return await programs.getExpireAssignmentInstructionAsync({
    reporter,
    job: await addressOf(job),
    provider: job.provider,
    node: job.node,
    customerDestination: await account(job.customer),
    reporterDestination: await account(reporter.address),
    treasury: stake.treasury,
    stakeMint: stake.mint,
    tokenProgram: stake.tokenProgram,
  });
}

/** Ends a running job whose node went silent, or that ran for as long as it was paid. */
export async function reportLapse(job: Job): Promise<Instruction> {
  const { provider, node } = job;
  return await programs.getReportLapseInstructionAsync({ job: await addressOf(job), provider, node });
}

/** Gives an assigned job back before it starts; the node's own key signs. */
export async function declineAssignment(nodeKey: TransactionSigner, job: Job): Promise<Instruction> {
  const { provider, node } = job;
  return await programs.getDeclineAssignmentInstructionAsync({ nodeKey, job: await addressOf(job), provider, node });
}

/** Gives notice of the end of a running job; the node's own key signs. */
export async function endJob(nodeKey: TransactionSigner, job: Job): Promise<Instruction> {
  return programs.getEndJobInstruction({ nodeKey, job: await addressOf(job), node: job.node });
}

/** Creates the pool of the provider `authority`, which shares revenue in `reward`. */
export async function createPool(
  authority: TransactionSigner,
  payer: TransactionSigner,
  stake: MintRef,
  reward: MintRef,
  commissionBps: number,
): Promise<Instruction> {
  return await programs.getCreatePoolInstructionAsync({
    authority,
    payer,
    stakeMint: stake.mint,
    rewardMint: reward.mint,
    tokenProgram: stake.tokenProgram,
    rewardTokenProgram: reward.tokenProgram,
    commissionBps,
  });
}

/** Stakes `amount` base units of the token account `source` in `pool`. */
export async function stake(
  owner: TransactionSigner,
  payer: TransactionSigner,
  pool: Address,
  mint: MintRef,
  source: Address,
  amount: bigint,
): Promise<Instruction> {
  const { mint: stakeMint, tokenProgram } = mint;
  return await programs.getStakeInstructionAsync({ owner, payer, pool, stakeMint, source, tokenProgram, amount });
}

/** Pays every request to unstake that is due to the token account `destination`. */
export async function withdraw(
  owner: TransactionSigner,
  pool: Address,
  mint: MintRef,
  destination: Address,
): Promise<Instruction> {
  const { mint: stakeMint, tokenProgram } = mint;
  return await programs.getWithdrawInstructionAsync({ owner, pool, stakeMint, destination, tokenProgram });
}

/** Pays the rewards of a position to the token account `destination`. */
export async function claimRewards(
  owner: TransactionSigner,
  pool: Address,
  reward: MintRef,
  destination: Address,
): Promise<Instruction> {
  return await programs.getClaimRewardsInstructionAsync({
    owner,
    pool,
    rewardMint: reward.mint,
    destination,
    rewardTokenProgram: reward.tokenProgram,
  });
}

/** Closes the provider of `authority`, which has neither nodes nor a pool any more. */
export async function closeProvider(
  authority: TransactionSigner,
  provider: Address,
  rentPayer: Address,
): Promise<Instruction> {
  const pool = await poolAddress(provider);
  return await programs.getCloseProviderInstructionAsync({ authority, provider, pool, rentPayer });
}

/** What a node is listed with. */
export type NodeTerms = programs.RegisterNodeInstructionDataArgs;

/** Lists a node of the provider `authority`. The node's own key signs too. */
export async function registerNode(
  authority: TransactionSigner,
  payer: TransactionSigner,
  nodeKey: TransactionSigner,
  terms: NodeTerms,
): Promise<Instruction> {
  // The provider's address and the node's follow from the two keys.
  return await programs.getRegisterNodeInstructionAsync({ ...terms, authority, payer, nodeKey });
}

/** Creates the associated token account of `owner` for `mint`, unless it exists. */
export async function createAssociatedAccount(
  payer: TransactionSigner,
  owner: Address,
  { mint, tokenProgram }: MintRef,
): Promise<Instruction> {
  const account = await associatedTokenAddress(owner, mint, tokenProgram);
  return {
    programAddress: ASSOCIATED_TOKEN_PROGRAM_ADDRESS,
    accounts: [
      { address: payer.address, role: AccountRole.WRITABLE_SIGNER, signer: payer } as AccountSignerMeta,
      { address: account, role: AccountRole.WRITABLE },
      { address: owner, role: AccountRole.READONLY },
      { address: mint, role: AccountRole.READONLY },
      { address: SYSTEM_PROGRAM_ADDRESS, role: AccountRole.READONLY },
      { address: tokenProgram, role: AccountRole.READONLY },
    ],
    // CreateIdempotent.
    data: Uint8Array.of(1),
  };
}
