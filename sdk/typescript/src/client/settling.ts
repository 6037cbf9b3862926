import type { Address, Instruction, TransactionSigner } from "@solana/kit";
import { associatedTokenAddress } from "../addresses.js";
import { GantryError, notFound } from "../errors.js";
import type { Job, PaymentMint } from "../generated/index.js";
import { claimJob, resolveDispute, type StakeTokens, settleJob, settleWithSlash } from "../instructions.js";
import { NO_ADDRESS } from "../state.js";
import type { SendOptions, Sent } from "./send.js";
import { Supply } from "./supply.js";

interface Payees {
  mint: PaymentMint;
  payoutOwner: Address;
  missing: Instruction[];
}

/** Bringing an ended job to its close. Anyone may; who pays for the transaction pays the rent of token accounts that payees lack. */
export class Settling extends Supply {
  /** Settles a job that has ended, with a slash where its node has claimed more than the SLA leaves it. */
  async settle(payer: TransactionSigner, address: Address, options: SendOptions = {}): Promise<Sent> {
    const job = await this.requireJob(address);
    const { mint, payoutOwner, missing } = await this.#payees(payer, job);
    try {
      return await this.send([...missing, await settleJob(job, mint, payoutOwner)], payer, options);
    } catch (error) {
      if (!(error instanceof GantryError && error.isRefusal("SlashDue"))) throw error;
    }
    const { stake, reporter, missing: more } = await this.#slashed(payer, job);
    const settle = await settleWithSlash(job, mint, payoutOwner, stake, reporter);
    return await this.#sendAfter(payer, [...missing, ...more], settle, options);
  }

  /** Executes the verdict on the disputed job at `address`, or ends a dispute that got none in time. */
  async resolve(payer: TransactionSigner, address: Address, options: SendOptions = {}): Promise<Sent> {
    const job = await this.requireJob(address);
    const dispute = await this.dispute(address);
    if (dispute === undefined) throw notFound("dispute over job", address);
    const { mint, payoutOwner, missing } = await this.#payees(payer, job);
    const { stake, reporter, missing: more } = await this.#slashed(payer, job);
    const resolve = await resolveDispute(job, dispute, mint, payoutOwner, stake, reporter);
    return await this.#sendAfter(payer, [...missing, ...more], resolve, options);
  }

  /** Pays the provider what a running job has released and not paid yet. */
  async claim(payer: TransactionSigner, address: Address, options: SendOptions = {}): Promise<Sent> {
    const job = await this.requireJob(address);
    const mint = await this.mintOf(job);
    const provider = await this.provider(job.provider);
    if (provider === undefined) throw notFound("provider of this job (it is not assigned):", job.provider);
    const token = { mint: job.mint, tokenProgram: mint.tokenProgram };
    const missing = await this.missingAccounts(payer, [provider.payoutOwner], token);
    return await this.send([...missing, await claimJob(job, mint, provider.payoutOwner)], payer, options);
  }

  /** Sends `first`, if there is any, and then `last`: the two together may be more than a transaction has room for. */
  async #sendAfter(
    payer: TransactionSigner,
    first: Instruction[],
    last: Instruction,
    options: SendOptions,
  ): Promise<Sent> {
    if (first.length > 0) await this.send(first, payer, options);
    return await this.send([last], payer, options);
  }

  async #payees(payer: TransactionSigner, job: Job): Promise<Payees> {
    const mint = await this.mintOf(job);
    if (job.provider === NO_ADDRESS) throw notFound("provider of this job (it was never assigned):", job.provider);
    // A provider that has closed its account is paid no more: any account will do in its place.
    const payoutOwner = (await this.provider(job.provider))?.payoutOwner ?? job.customer;
    const token = { mint: job.mint, tokenProgram: mint.tokenProgram };
    const missing = await this.missingAccounts(payer, [payoutOwner, job.matcher, job.customer], token);
    return { mint, payoutOwner, missing };
  }

  async #slashed(
    payer: TransactionSigner,
    job: Job,
  ): Promise<{ stake: StakeTokens; reporter: Address; missing: Instruction[] }> {
    const stake = await this.stakeTokens();
    const reporter = await associatedTokenAddress(payer.address, stake.mint, stake.tokenProgram);
    return { stake, reporter, missing: await this.missingAccounts(payer, [job.customer, payer.address], stake) };
  }
}
