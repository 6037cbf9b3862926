import {
  type AccountInfoBase,
  type Address,
  appendTransactionMessageInstructions,
  type Base64EncodedWireTransaction,
  compileTransaction,
  createTransactionMessage,
  getAddressDecoder,
  getBase64EncodedWireTransaction,
  getBase64Encoder,
  getSignatureFromTransaction,
  type Instruction,
  isSolanaError,
  isWritableRole,
  type ReadonlyUint8Array,
  type Signature,
  SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE,
  setTransactionMessageComputeUnitLimit,
  setTransactionMessageComputeUnitPrice,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
  type TransactionSigner,
} from "@solana/kit";
import { associatedTokenAddress, TOKEN_2022_PROGRAM_ADDRESS, TOKEN_PROGRAM_ADDRESS } from "../addresses.js";
import { explainTransactionError, GantryError, insufficientTokens, unfunded } from "../errors.js";
import { createAssociatedAccount, type MintRef } from "../instructions.js";
import { Accounts } from "./accounts.js";
import { sleep } from "./time.js";

/** What a transaction may use at most. */
const MAX_COMPUTE_UNITS = 1_400_000;
/** Room for state that changes between simulation and execution: a fifth and this. */
const MARGIN_UNITS = 2_000;
/** How often the cluster is asked again while something is awaited: less than a slot. */
export const POLL_MS = 150;
/** How often an unconfirmed transaction is sent again. */
const RESEND_MS = 2_000;
/** Longest wait for a confirmation of one blockhash, should the block height not advance at all. */
const PATIENCE_MS = 120_000;
/** Fresh blockhashes to try before a transaction is given up. */
const BLOCKHASHES = 2;

/** How a transaction is sent. */
export interface SendOptions {
  /** Compute units to ask for; what the simulation used and a fifth more where left out. */
  computeUnits?: number;
  /** Priority fee in micro-lamports per compute unit; the median of recent blocks where left out, 0 for none. */
  priorityFee?: bigint;
  /** Ends the wait. The transaction may still be executed. */
  signal?: AbortSignal;
}

/** A confirmed transaction. */
export interface Sent {
  /** Its signature. */
  signature: Signature;
  /** The slot it is in. */
  slot: bigint;
  /** Compute units that the simulation used. */
  computeUnits: number;
}

/** A token account whose balance changes. */
export interface TokenChange {
  /** The token account. */
  account: Address;
  /** Who owns it. */
  owner: Address;
  /** The token's mint. */
  mint: Address;
  /** Base units that come in; below zero where they go out. */
  change: bigint;
}

/** What a transaction would do, as the cluster simulates it now. */
export interface Preview {
  /** Who signs; the first pays the fee. */
  signers: Address[];
  /** Fee in lamports, with the priority fee. */
  fee: bigint;
  /** Compute units it would use. */
  computeUnits: number;
  /** Compute units it would ask for. */
  computeUnitLimit: number;
  /** Micro-lamports per compute unit that it would pay beside the base fee. */
  priorityFee: bigint;
  /** Lamports that go into accounts of others, mostly rent that comes back when they close. */
  rent: bigint;
  /** Token accounts whose balance changes. */
  tokens: TokenChange[];
}

/** Decides over a transaction before it is signed: throwing keeps it from being sent. */
export type Review = (preview: Preview) => void | Promise<void>;

/** Sends transactions: simulates for the compute budget, signs, and waits until they are confirmed or can never be. */
export class Sender extends Accounts {
  /** Decides over every transaction. */
  protected review: Review | undefined;

  /**
   * Sends `instructions` in one transaction that `payer` pays for, and waits for it. It is sent again until it is confirmed;
   * when its blockhash has expired without that, which means that it never took effect, it is signed once more with a fresh one.
   *
   * @throws {GantryError} `program` where a program refuses, `unfunded` for a payer without SOL, `expired` where the cluster
   * never took it.
   */
  async send(instructions: readonly Instruction[], payer: TransactionSigner, options: SendOptions = {}): Promise<Sent> {
    const price = options.priorityFee ?? (await this.recentPriorityFee(instructions));
    const preview = this.review && (await this.#preview(instructions, payer, price, options));
    if (preview !== undefined) await this.review?.(preview);
    const used = preview?.computeUnits ?? (await this.#units(instructions, payer, price));
    const limit = options.computeUnits ?? withMargin(used);
    let last: Signature | undefined;
    for (let attempt = 0; attempt < BLOCKHASHES; attempt += 1) {
      const { value: blockhash } = await this.rpc.getLatestBlockhash({ commitment: this.commitment }).send();
      const message = setTransactionMessageLifetimeUsingBlockhash(blockhash, draft(instructions, payer, limit, price));
      const signed = await signTransactionMessageWithSigners(message);
      last = getSignatureFromTransaction(signed);
      const wire = getBase64EncodedWireTransaction(signed);
      const slot = await this.#confirm(instructions, payer, wire, last, blockhash.lastValidBlockHeight, options.signal);
      if (slot !== undefined) return { signature: last, slot, computeUnits: used };
    }
    const message = `transaction ${last} was not confirmed before it expired and had no effect: send it again`;
    throw new GantryError("expired", message, { signature: last });
  }

  /** What a transaction of `instructions` would cost and move, without signing or sending it. */
  async preview(
    instructions: readonly Instruction[],
    payer: TransactionSigner,
    options: SendOptions = {},
  ): Promise<Preview> {
    const price = options.priorityFee ?? (await this.recentPriorityFee(instructions));
    return await this.#preview(instructions, payer, price, options);
  }

  /** The median priority fee, micro-lamports per compute unit, of recent transactions that wrote to the same accounts. */
  async recentPriorityFee(instructions: readonly Instruction[]): Promise<bigint> {
    const fees = await this.rpc.getRecentPrioritizationFees(writable(instructions).slice(0, 128)).send();
    const sorted = fees.map((fee) => fee.prioritizationFee as bigint).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return sorted[Math.floor(sorted.length / 2)] ?? 0n;
  }

  /** Instructions that make those associated token accounts of `owners` that do not exist. */
  protected async missingAccounts(
    payer: TransactionSigner,
    owners: readonly Address[],
    mint: MintRef,
  ): Promise<Instruction[]> {
    const instructions: Instruction[] = [];
    for (const owner of new Set(owners)) {
      const account = await associatedTokenAddress(owner, mint.mint, mint.tokenProgram);
      if ((await this.tokenAmount(account)) === undefined) {
        instructions.push(await createAssociatedAccount(payer, owner, mint));
      }
    }
    return instructions;
  }

  /** The wallet's associated account of a token, if it holds at least `needed` base units. */
  protected async requireTokens(wallet: Address, mint: MintRef, needed: bigint): Promise<Address> {
    const { account, amount } = await this.tokenBalance(wallet, mint);
    if (amount >= needed) return account;
    const { decimals } = await this.mint(mint.mint);
    throw insufficientTokens(wallet, mint.mint, decimals, needed, amount);
  }

  /** Refuses a wallet without any SOL before anything is sent. */
  protected async requireSol(wallet: Address): Promise<void> {
    if ((await this.balance(wallet)) === 0n) throw unfunded(wallet);
  }

  async #preview(
    instructions: readonly Instruction[],
    payer: TransactionSigner,
    price: bigint,
    options: SendOptions,
  ): Promise<Preview> {
    const signers = signersOf(instructions, payer);
    const addresses = [...new Set([payer.address, ...writable(instructions)])];
    const config = { commitment: this.commitment, encoding: "base64" } as const;
    const before = (await this.rpc.getMultipleAccounts(addresses, config).send()).value;
    const { used, after } = await this.#simulate(instructions, payer, price, addresses);
    let rent = 0n;
    const tokens: TokenChange[] = [];
    for (const [place, address] of addresses.entries()) {
      const [old, next] = [before[place], after[place]];
      // What the simulation does not name has not changed.
      if (next === null || next === undefined) continue;
      if (!signers.includes(address)) rent += next.lamports - (old?.lamports ?? 0n);
      const [had, has] = [old ? token(old) : undefined, token(next)];
      const change = (has?.amount ?? 0n) - (had?.amount ?? 0n);
      const known = has ?? had;
      if (known !== undefined && change !== 0n) {
        tokens.push({ account: address, owner: known.owner, mint: known.mint, change });
      }
    }
    const limit = options.computeUnits ?? withMargin(used);
    const fee = 5_000n * BigInt(signers.length) + (price * BigInt(limit) + 999_999n) / 1_000_000n;
    return { signers, fee, computeUnits: used, computeUnitLimit: limit, priorityFee: price, rent, tokens };
  }

  async #units(instructions: readonly Instruction[], payer: TransactionSigner, price: bigint): Promise<number> {
    return (await this.#simulate(instructions, payer, price, [])).used;
  }

  async #simulate(
    instructions: readonly Instruction[],
    payer: TransactionSigner,
    price: bigint,
    observed: readonly Address[],
  ): Promise<{ used: number; after: readonly (RawAccount | null)[] }> {
    const { value: blockhash } = await this.rpc.getLatestBlockhash({ commitment: this.commitment }).send();
    const message = draft(instructions, payer, MAX_COMPUTE_UNITS, price);
    // Unsigned: nobody is asked for a signature of what may not be sent.
    const wire = getBase64EncodedWireTransaction(
      compileTransaction(setTransactionMessageLifetimeUsingBlockhash(blockhash, message)),
    );
    const config = {
      commitment: this.commitment,
      encoding: "base64",
      replaceRecentBlockhash: true,
      sigVerify: false,
      accounts: { encoding: "base64", addresses: observed },
    } as const;
    const { value } = await this.rpc.simulateTransaction(wire, config).send();
    if (value.err !== null) throw explain(value.err, value.logs ?? [], instructions, payer);
    const used = value.unitsConsumed === undefined ? MAX_COMPUTE_UNITS : Number(value.unitsConsumed);
    const after = (value.accounts ?? []) as readonly (RawAccount | null)[];
    if (after.length !== observed.length) {
      throw new GantryError("rpc", "the RPC server does not say what the transaction would do to which account");
    }
    return { used, after };
  }

  /** Sends until confirmed, again and again; gives the slot, or `undefined` when its blockhash has expired. */
  async #confirm(
    instructions: readonly Instruction[],
    payer: TransactionSigner,
    wire: Base64EncodedWireTransaction,
    signature: Signature,
    lastHeight: bigint,
    signal: AbortSignal | undefined,
  ): Promise<bigint | undefined> {
    const giveUp = Date.now() + PATIENCE_MS;
    let nextSend = 0;
    for (;;) {
      signal?.throwIfAborted();
      if (Date.now() >= nextSend) {
        await this.#sendOnce(instructions, payer, wire);
        nextSend = Date.now() + RESEND_MS;
      }
      const slot = await this.#outcome(instructions, payer, signature);
      if (slot !== undefined) return slot;
      const height = await this.rpc.getBlockHeight({ commitment: this.commitment }).send();
      // It may have been taken between the two questions.
      if (height > lastHeight || Date.now() >= giveUp) return await this.#outcome(instructions, payer, signature);
      await sleep(POLL_MS, signal);
    }
  }

  async #sendOnce(
    instructions: readonly Instruction[],
    payer: TransactionSigner,
    wire: Base64EncodedWireTransaction,
  ): Promise<void> {
    try {
      // The simulation was the preflight.
      await this.rpc.sendTransaction(wire, { encoding: "base64", skipPreflight: true }).send();
    } catch (error) {
      if (isSolanaError(error, SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE)) {
        const { err, logs } = error.context as { err?: unknown; logs?: string[] | null };
        if (err !== undefined && err !== null && err !== "AlreadyProcessed" && err !== "BlockhashNotFound") {
          throw explain(err, logs ?? [], instructions, payer);
        }
      }
      // Otherwise the server is away or busy: it is sent again, until it is confirmed or expired.
    }
  }

  async #outcome(
    instructions: readonly Instruction[],
    payer: TransactionSigner,
    signature: Signature,
  ): Promise<bigint | undefined> {
    const { value } = await this.rpc.getSignatureStatuses([signature]).send();
    const status = value[0];
    if (!status || !reaches(status.confirmationStatus, this.commitment)) return undefined;
    if (status.err === null) return status.slot;
    const logs = await this.logsOf(signature);
    throw explain(status.err, logs, instructions, payer);
  }

  /** The logs of an executed transaction; none where the server does not know it. */
  protected async logsOf(signature: Signature): Promise<readonly string[]> {
    const commitment = this.commitment === "finalized" ? "finalized" : "confirmed";
    const config = { commitment, encoding: "base64", maxSupportedTransactionVersion: 0 } as const;
    const found = await this.rpc.getTransaction(signature, config).send();
    return found?.meta?.logMessages ?? [];
  }
}

type RawAccount = AccountInfoBase & { readonly data: readonly [string, string] };

const LEVELS = ["processed", "confirmed", "finalized"];
const reaches = (status: string | null, wanted: string): boolean =>
  LEVELS.indexOf(status ?? "") >= LEVELS.indexOf(wanted);

const withMargin = (used: number): number => Math.min(used + Math.floor(used / 5) + MARGIN_UNITS, MAX_COMPUTE_UNITS);

function explain(cause: unknown, logs: readonly string[], sent: readonly Instruction[], payer: TransactionSigner) {
  // Logs say more than positions; where there are none, every instruction here is of the same programs.
  return explainTransactionError(
    cause,
    logs,
    sent.map((instruction) => instruction.programAddress),
    payer.address,
  );
}

function draft(instructions: readonly Instruction[], payer: TransactionSigner, limit: number, price: bigint) {
  const message = setTransactionMessageFeePayerSigner(payer, createTransactionMessage({ version: 0 }));
  const filled = appendTransactionMessageInstructions(instructions, message);
  const limited = setTransactionMessageComputeUnitLimit(limit, filled);
  return price > 0n ? setTransactionMessageComputeUnitPrice(price, limited) : limited;
}

function writable(instructions: readonly Instruction[]): Address[] {
  const metas = instructions.flatMap((instruction) => instruction.accounts ?? []);
  return [...new Set(metas.filter((meta) => isWritableRole(meta.role)).map((meta) => meta.address))];
}

function signersOf(instructions: readonly Instruction[], payer: TransactionSigner): Address[] {
  const metas = instructions.flatMap((instruction) => instruction.accounts ?? []);
  const signing = metas.filter((meta) => "signer" in meta).map((meta) => meta.address);
  return [...new Set([payer.address, ...signing])];
}

function token(account: RawAccount): { mint: Address; owner: Address; amount: bigint } | undefined {
  const programs: string[] = [TOKEN_PROGRAM_ADDRESS, TOKEN_2022_PROGRAM_ADDRESS];
  const data: ReadonlyUint8Array = getBase64Encoder().encode(account.data[0]);
  // Bytes of a token account; Token-2022 marks what is longer with a byte after that.
  const isAccount = data.length === 165 || data[165] === 2;
  if (!programs.includes(account.owner) || !isAccount) return undefined;
  const [mint, owner] = [0, 32].map((at) => getAddressDecoder().decode(data, at)) as [Address, Address];
  const copy = new Uint8Array(data.slice(64, 72));
  return { mint, owner, amount: new DataView(copy.buffer).getBigUint64(0, true) };
}
