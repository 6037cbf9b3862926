import type { Address, Instruction, ReadonlyUint8Array, Signature, TransactionSigner } from "@solana/kit";
import { associatedTokenAddress, jobAddress } from "../addresses.js";
import { formatAmount } from "../amount.js";
import type { BlobStore } from "../blobs.js";
import { isZero, sameBytes, sha256, utf8 } from "../bytes.js";
import { GantryError, notFound, outOfBounds } from "../errors.js";
import type { Job, PaymentMint } from "../generated/index.js";
import * as instructions from "../instructions.js";
import { LogReader } from "../live-log.js";
import { fetchManifest, type ResultManifest } from "../manifest.js";
import { deposit } from "../maths.js";
import { Opener, type SealContext, SealError, Sealer, type SealKey } from "../seal.js";
import { type JobTerms, jobTerms, type PreparedSpec } from "../spec.js";
import { NO_ADDRESS } from "../state.js";
import { type JobHistory, jobHistory } from "./history.js";
import type { Preview, SendOptions, Sent } from "./send.js";
import { Settling } from "./settling.js";

/** Network pause bit for new jobs. */
const PAUSED_JOBS = 1;

/** A job to open. */
export interface OpenJob {
  /** What it runs. Its blobs must be in the store that nodes read. */
  spec: PreparedSpec;
  /** The mint it pays in; may be left out where only one is enabled. */
  mint?: Address;
  /** The only node account that may serve it; for a sealed spec, the one that it is sealed to. */
  node?: Address;
  /** The only wallet that may assign it. */
  matcher?: Address;
  /** Its number with this customer, for callers that try again after a crash; the next one where left out. */
  id?: bigint;
}

/** An opened job. */
export interface OpenedJob {
  /** The job account. */
  address: Address;
  /** Its number with this customer. */
  id: bigint;
  /** The mint it pays in. */
  mint: Address;
  /** Decimals of that mint. */
  decimals: number;
  /** Base units deposited. */
  deposited: bigint;
  /** The transaction that opened it; `undefined` where it was open already. */
  signature: Signature | undefined;
}

/** What opening a job would cost. */
export interface JobCost {
  /** Base units that go into escrow. What is not earned comes back. */
  deposit: bigint;
  /** The mint they are in. */
  mint: Address;
  /** Decimals of that mint. */
  decimals: number;
  /** Lamports of fees, with the priority fee. */
  fee: bigint;
  /** Lamports of rent, of which the job's own comes back when it closes. */
  rent: bigint;
  /** Everything else that the simulation found. */
  preview: Preview;
}

interface Planned {
  address: Address;
  id: bigint;
  mint: PaymentMint;
  deposited: bigint;
  /** `undefined` where the job is open already. */
  instruction: Instruction | undefined;
}

/** The customer's side of a job. */
export class Jobs extends Settling {
  /**
   * Opens a job of `wallet` and deposits for it. Everything that the market would refuse is refused before anything is sent.
   * With an `id`, calling again is harmless: the job with that number is opened once.
   *
   * @throws {GantryError} `mint-not-enabled`, `out-of-bounds`, `unfunded`, `insufficient-tokens`, `paused`; as {@link send}.
   */
  async openJob(wallet: TransactionSigner, request: OpenJob, options: SendOptions = {}): Promise<OpenedJob> {
    const plan = await this.#plan(wallet, request);
    const { address, id, deposited } = plan;
    const { mint, decimals } = plan.mint;
    const opened = { address, id, mint, decimals, deposited };
    if (plan.instruction === undefined) return { ...opened, signature: undefined };
    try {
      const { signature } = await this.send([plan.instruction], wallet, options);
      return { ...opened, signature };
    } catch (error) {
      // Sent before, by this caller or another with the same keys: what was asked for is there.
      const lost = error instanceof GantryError && error.isRefusal("WrongJobId");
      if (!lost || request.id === undefined) throw error;
      return { ...(await this.#openedBefore(wallet.address, id, request.spec)), signature: undefined };
    }
  }

  /** What {@link openJob} would cost, simulated now; nothing is signed or sent. */
  async previewJob(wallet: TransactionSigner, request: OpenJob, options: SendOptions = {}): Promise<JobCost> {
    const plan = await this.#plan(wallet, request);
    const { mint, decimals } = plan.mint;
    const preview = await this.preview(plan.instruction ? [plan.instruction] : [], wallet, options);
    return { deposit: plan.deposited, mint, decimals, fee: preview.fee, rent: preview.rent, preview };
  }

  /** Closes an open job of `wallet` and takes the deposit back. */
  async cancelJob(wallet: TransactionSigner, address: Address, options: SendOptions = {}): Promise<Sent> {
    const job = await this.requireJob(address);
    const mint = await this.mintOf(job);
    const token = { mint: job.mint, tokenProgram: mint.tokenProgram };
    const missing = await this.missingAccounts(wallet, [job.customer], token);
    const destination = await associatedTokenAddress(job.customer, job.mint, mint.tokenProgram);
    const cancel = await instructions.cancelJob(wallet, job, mint, destination);
    return await this.send([...missing, cancel], wallet, options);
  }

  /** Base units that {@link topUp} of `seconds` takes; `undefined` for a job that cannot run that long. */
  topUpCost(job: Job, seconds: number): bigint | undefined {
    const duration = job.maxDuration + seconds;
    const extended = duration > 0xffff_ffff ? undefined : deposit(job.maxPricePerHour, duration);
    const now = deposit(job.maxPricePerHour, job.maxDuration);
    return extended === undefined || now === undefined ? undefined : extended - now;
  }

  /** Extends a running job of `wallet` by `seconds`, and pays what that costs at the job's highest price. */
  async topUp(wallet: TransactionSigner, address: Address, seconds: number, options: SendOptions = {}): Promise<Sent> {
    const job = await this.#own(wallet, address);
    const mint = await this.mintOf(job);
    const cost = this.topUpCost(job, seconds);
    if (cost === undefined) {
      throw outOfBounds("seconds", `${seconds} more make the job too long or its deposit too large`);
    }
    const token = { mint: job.mint, tokenProgram: mint.tokenProgram };
    const source = await this.requireTokens(wallet.address, token, cost);
    return await this.send([await instructions.topUpJob(wallet, job, mint, source, seconds)], wallet, options);
  }

  /** Ends a running job of `wallet` now. */
  async stop(wallet: TransactionSigner, address: Address, options: SendOptions = {}): Promise<Sent> {
    const job = await this.#own(wallet, address);
    return await this.send([await instructions.stopJob(wallet, job)], wallet, options);
  }

  /** Accepts the result of a finished job of `wallet`, so that it can be settled at once. */
  async accept(wallet: TransactionSigner, address: Address, options: SendOptions = {}): Promise<Sent> {
    const job = await this.#own(wallet, address);
    return await this.send([await instructions.acceptResult(wallet, job)], wallet, options);
  }

  /** Releases the first `seconds` that the node of a running job of `wallet` has proven; all of them where left out. */
  async acknowledge(
    wallet: TransactionSigner,
    address: Address,
    seconds?: number,
    options: SendOptions = {},
  ): Promise<Sent> {
    const job = await this.#own(wallet, address);
    const released = seconds ?? job.servedSeconds;
    return await this.send([await instructions.acknowledge(wallet, job, released)], wallet, options);
  }

  /**
   * Takes a job of `wallet` to the council, with the market's dispute bond.
   *
   * @param reason What is wrong, which is published off chain, or its SHA-256.
   * @throws {GantryError} `insufficient-tokens` for a wallet without the bond.
   */
  async openDispute(
    wallet: TransactionSigner,
    address: Address,
    reason: string | Uint8Array,
    options: SendOptions = {},
  ): Promise<Sent> {
    const job = await this.#own(wallet, address);
    const { terms } = await this.requireMarketParams();
    const { tokenProgram } = await this.mintOf(job);
    const source = await this.requireTokens(wallet.address, { mint: job.mint, tokenProgram }, terms.disputeBond);
    const hash = typeof reason === "string" ? await sha256(utf8(reason)) : reason;
    const dispute = await instructions.disputeJob(wallet, wallet, job, tokenProgram, source, hash);
    return await this.send([dispute], wallet, options);
  }

  /** The manifest of a job's result, also after the job was closed. @throws {GantryError} `not-found` for one without a result. */
  async result(address: Address, blobs: BlobStore): Promise<ResultManifest> {
    return await fetchManifest(blobs, (await this.#outcome(address)).digest);
  }

  /**
   * As {@link result}, and opens one that is sealed to `key`, the customer's. Gives what opens its files, too.
   *
   * @example
   * const { manifest, opener } = await gantry.sealedResult(job.address, blobs, await SealKey.from(wallet));
   * await saveResult(manifest, blobs, "result", opener);
   *
   * @throws {SealError} `wrong-key` where it is sealed to another wallet; others where it does not open.
   */
  async sealedResult(
    address: Address,
    blobs: BlobStore,
    key: SealKey,
  ): Promise<{ manifest: ResultManifest; opener: Opener }> {
    const opener = new Opener(key, await this.sealContext(address));
    const { customer, digest } = await this.#outcome(address);
    try {
      return { manifest: await fetchManifest(blobs, digest, opener), opener };
    } catch (error) {
      if (!(error instanceof SealError) || customer === undefined || customer === key.address) throw error;
      const message = `this job's result is sealed to its customer, ${customer}: open it with that key, not with ${key.address}'s`;
      throw new SealError("wrong-key", message, { cause: error });
    }
  }

  /**
   * What seals the next job of the wallet whose key `wallet` is to the node account `node`, and that job's number: pass both on.
   * The result comes back sealed to the wallet, and who could not open that should not pay for it: so its key is wanted here already.
   *
   * @example
   * const { sealer, id } = await gantry.sealer(await SealKey.from(wallet), node);
   * const spec = await prepareSpec(wanted, blobs, { sealer });
   * const job = await gantry.openJob(wallet, { spec, node, id });
   *
   * @throws {GantryError} `not-found` for a node that is not listed.
   */
  async sealer(wallet: SealKey, node: Address): Promise<{ sealer: Sealer; id: bigint }> {
    const { nodeKey } = await this.requireNode(node);
    const id = (await this.customer(wallet.address))?.nextJobId ?? 0n;
    const context = await this.sealContext(await jobAddress(wallet.address, id));
    return { sealer: new Sealer(nodeKey, context), id };
  }

  /** What reads the log of a job that a node has, as its assignment goes. {@link Gantry.followLog} does it to the end. */
  async logReader(address: Address, job: Job): Promise<LogReader> {
    const { nodeKey } = await this.requireNode(job.node);
    return new LogReader({ context: await this.sealContext(address), assignment: job.assignment }, nodeKey);
  }

  /** Where what is sealed for the job at `job` belongs. */
  async sealContext(job: Address): Promise<SealContext> {
    return { genesisHash: (await this.requireMarketParams()).genesisHash, job };
  }

  /** What happened to the job at `address`, read from the chain's transactions, also after it was closed. */
  async history(address: Address): Promise<JobHistory> {
    return await jobHistory(this.rpc, this.commitment, address);
  }

  /** The payment mint to use: `wanted`, or the only one there is. */
  async enabledMint(wanted?: Address): Promise<PaymentMint> {
    const enabled = (await this.paymentMints()).map(({ account }) => account).filter((mint) => mint.enabled === 1);
    const names = enabled.map((mint) => mint.mint);
    if (wanted !== undefined) {
      const found = enabled.find((mint) => mint.mint === wanted);
      if (found !== undefined) return found;
      const choices = names.length === 0 ? "none is enabled on this network yet" : `choose one of ${names.join(", ")}`;
      throw new GantryError("mint-not-enabled", `jobs cannot be paid in mint ${wanted}: ${choices}`, { mint: wanted });
    }
    const [only, second] = enabled;
    if (only === undefined) throw outOfBounds("mint", "no payment mint is enabled on this network yet");
    if (second !== undefined) {
      throw outOfBounds("mint", `several payment mints are enabled, name one of ${names.join(", ")}`);
    }
    return only;
  }

  async #plan(wallet: TransactionSigner, request: OpenJob): Promise<Planned> {
    const owner = wallet.address;
    const next = (await this.customer(owner))?.nextJobId ?? 0n;
    const id = request.id ?? next;
    if (id < next) {
      const { mint, ...opened } = await this.#openedBefore(owner, id, request.spec);
      return { ...opened, mint: await this.#admitted(mint), instruction: undefined };
    }
    if (id > next) throw outOfBounds("id", `${id} is not this wallet's next job number, which is ${next}`);
    await this.#checkSeal(request, await jobAddress(owner, id));
    const mint = await this.enabledMint(request.mint);
    const terms = jobTerms(request.spec, mint.decimals);
    await this.#checkTerms(terms, mint);
    const deposited = deposit(terms.maxPricePerHour as bigint, terms.maxDuration);
    if (deposited === undefined) throw outOfBounds("max_price_per_hour", "times the duration is too large");
    await this.requireSol(owner);
    const token = { mint: mint.mint, tokenProgram: mint.tokenProgram };
    const source = await this.requireTokens(owner, token, deposited);
    const parties = { node: request.node ?? NO_ADDRESS, matcher: request.matcher ?? NO_ADDRESS };
    const instruction = await instructions.openJob(wallet, wallet, token, source, { ...terms, ...parties, id });
    return { address: await jobAddress(owner, id), id, mint, deposited, instruction };
  }

  async #admitted(mint: Address): Promise<PaymentMint> {
    const found = await this.paymentMint(mint);
    if (found === undefined) throw notFound("payment mint", mint);
    return found;
  }

  async #openedBefore(owner: Address, id: bigint, spec: PreparedSpec): Promise<Omit<OpenedJob, "signature">> {
    const address = await jobAddress(owner, id);
    const job = await this.job(address);
    if (job === undefined) {
      throw outOfBounds("id", `job ${id} of this wallet was opened and is closed: leave the number out for a new job`);
    }
    if (!sameBytes(job.specHash, spec.hash)) {
      throw outOfBounds("id", `job ${id} of this wallet runs another spec: leave the number out for a new job`);
    }
    const { decimals } = await this.mintOf(job);
    return { address, id, mint: job.mint, decimals, deposited: job.deposited };
  }

  /** What `open_job` would refuse about the terms, in the words of the spec. */
  async #checkTerms(args: JobTerms, mint: PaymentMint): Promise<void> {
    const network = await this.network();
    if (network !== undefined && (network.paused & PAUSED_JOBS) !== 0) {
      throw new GantryError("paused", "the network has paused new jobs: try again later");
    }
    const { terms } = await this.requireMarketParams();
    const within = (field: string, value: number, least: number, most: number) => {
      if (value < least || value > most) {
        throw outOfBounds(field, `${value} is outside ${least} to ${most} on this network`);
      }
    };
    within("max_duration_seconds", args.maxDuration, 1, terms.maxDuration);
    within("start_deadline_seconds", args.startDeadline, terms.minStartDeadline, terms.maxStartDeadline);
    within("proof_timeout_seconds", args.proofTimeout, terms.minProofTimeout, terms.maxProofTimeout);
    if ((args.maxPricePerHour as bigint) < mint.minimumPrice) {
      const minimum = formatAmount(mint.minimumPrice, mint.decimals);
      throw outOfBounds("max_price_per_hour", `is below this mint's minimum of ${minimum} per hour`);
    }
  }

  /** Whose a job is, as far as that is known, and its result's digest. */
  async #outcome(address: Address): Promise<{ customer: Address | undefined; digest: ReadonlyUint8Array }> {
    const job = await this.job(address);
    if (job !== undefined && !isZero(job.outputDigest)) return { customer: job.customer, digest: job.outputDigest };
    const { outputDigest, transactions } = await this.history(address);
    if (outputDigest === undefined) throw notFound("result (no final receipt yet) of job", address);
    const opened = transactions.flatMap(({ events }) => events).find((event) => event.name === "JobOpened");
    return { customer: job?.customer ?? opened?.data.customer, digest: outputDigest };
  }

  /** A sealed spec is good for one job on one node: any other would be paid for, and could not be run. */
  async #checkSeal({ spec, node }: OpenJob, address: Address): Promise<void> {
    const sealer = spec.sealer;
    if (sealer === undefined) return;
    if (sealer.context.job !== address) {
      const problem = `the spec is sealed for job ${sealer.context.job}, this would be ${address}`;
      throw outOfBounds("id", `${problem}: pass the id that \`sealer\` gave, or prepare the spec with a new one`);
    }
    if (node === undefined) throw outOfBounds("node", "the spec is sealed to one node: name that one");
    const { nodeKey } = await this.requireNode(node);
    if (nodeKey !== sealer.recipient) {
      throw outOfBounds("node", `the spec is sealed to node key ${sealer.recipient}, the key of ${node} is ${nodeKey}`);
    }
  }

  async #own(wallet: TransactionSigner, address: Address): Promise<Job> {
    const job = await this.requireJob(address);
    if (job.customer === wallet.address) return job;
    const message = `this job is not this wallet's to do: sign with ${job.customer}`;
    throw new GantryError("wrong-signer", message, { signer: job.customer });
  }
}
