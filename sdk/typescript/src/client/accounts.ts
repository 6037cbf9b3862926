import {
  type Address,
  type Commitment,
  createSolanaRpc,
  type Decoder,
  type EncodedAccount,
  fetchEncodedAccount,
  getAddressEncoder,
  getBase58Decoder,
  getBase58Encoder,
  getBase64Encoder,
  type ReadonlyUint8Array,
  type Rpc,
  type SolanaRpcApi,
} from "@solana/kit";
import * as at from "../addresses.js";
import { sameBytes } from "../bytes.js";
import { GantryError, notFound, programName } from "../errors.js";
import * as generated from "../generated/index.js";
import type { MintRef } from "../instructions.js";
import { type StakeTokens, stakeTokensOf } from "../instructions.js";

const CLOCK = "SysvarC1ock11111111111111111111111111111111" as Address;
/** Where the clock sysvar holds the Unix time. */
const UNIX_TIME_AT = 32;

/** An account with its address. */
export interface Found<T> {
  /** Its address. */
  address: Address;
  /** What is in it. */
  account: T;
}

/** A token's mint. */
export interface MintInfo extends MintRef {
  /** Digits after the point. */
  decimals: number;
  /** Base units in existence. */
  supply: bigint;
}

interface Kind<T> {
  name: string;
  owner: Address;
  discriminator: ReadonlyUint8Array;
  decoder: Decoder<T>;
}

/** Reads accounts of the three programs, and of tokens, over JSON-RPC. */
export class Accounts {
  /** The RPC client underneath. */
  readonly rpc: Rpc<SolanaRpcApi>;
  /** The commitment that everything is read at. */
  readonly commitment: Commitment;

  /** @param rpc Where to read: a URL or a client. */
  constructor(rpc: string | Rpc<SolanaRpcApi>, commitment: Commitment = "confirmed") {
    this.rpc = typeof rpc === "string" ? (createSolanaRpc(rpc) as Rpc<SolanaRpcApi>) : rpc;
    this.commitment = commitment;
  }

  /** The network account. */
  async network(): Promise<generated.Network | undefined> {
    return await this.#account(await at.networkAddress(), kinds.network());
  }

  /** The provider account at `address`. */
  async provider(address: Address): Promise<generated.Provider | undefined> {
    return await this.#account(address, kinds.provider());
  }

  /** The node account at `address`. */
  async node(address: Address): Promise<generated.Node | undefined> {
    return await this.#account(address, kinds.node());
  }

  /** The rules of staking. */
  async stakingParams(): Promise<generated.StakingParams | undefined> {
    return await this.#account(await at.stakingParamsAddress(), kinds.stakingParams());
  }

  /** The pool at `address`. */
  async pool(address: Address): Promise<generated.Pool | undefined> {
    return await this.#account(address, kinds.pool());
  }

  /** The position of the wallet `owner` in `pool`. */
  async position(pool: Address, owner: Address): Promise<generated.Position | undefined> {
    return await this.#account(await at.positionAddress(pool, owner), kinds.position());
  }

  /** The rules of the market. */
  async marketParams(): Promise<generated.MarketParams | undefined> {
    return await this.#account(await at.marketParamsAddress(), kinds.marketParams());
  }

  /** What the market knows of `mint`. */
  async paymentMint(mint: Address): Promise<generated.PaymentMint | undefined> {
    return await this.#account(await at.paymentMintAddress(mint), kinds.paymentMint());
  }

  /** The customer account of `wallet`. */
  async customer(wallet: Address): Promise<generated.Customer | undefined> {
    return await this.#account(await at.customerAddress(wallet), kinds.customer());
  }

  /** The job at `address`; `undefined` once it is closed. */
  async job(address: Address): Promise<generated.Job | undefined> {
    return await this.#account(address, kinds.job());
  }

  /** The dispute over the job at `job`. */
  async dispute(job: Address): Promise<generated.Dispute | undefined> {
    return await this.#account(await at.disputeAddress(job), kinds.dispute());
  }

  /** Every mint that was ever admitted. */
  async paymentMints(): Promise<Found<generated.PaymentMint>[]> {
    return await this.#list(kinds.paymentMint());
  }

  /** Every node, or those of one provider account. */
  async nodes(provider?: Address): Promise<Found<generated.Node>[]> {
    return await this.#list(kinds.node(), provider && { at: 8n, key: provider });
  }

  /** Every pool. */
  async pools(): Promise<Found<generated.Pool>[]> {
    return await this.#list(kinds.pool());
  }

  /** Every job that is not closed, or those of one customer's wallet, by their numbers. */
  async jobs(wallet?: Address): Promise<Found<generated.Job>[]> {
    const jobs = await this.#list(kinds.job(), wallet && { at: 8n, key: wallet });
    return jobs.sort((one, other) => (one.account.id < other.account.id ? -1 : 1));
  }

  /** Every position of the wallet `owner`. */
  async positions(owner: Address): Promise<Found<generated.Position>[]> {
    return await this.#list(kinds.position(), { at: 40n, key: owner });
  }

  /** The job at `address`. @throws {GantryError} `not-found` where there is none, or none any more. */
  async requireJob(address: Address): Promise<generated.Job> {
    return required(await this.job(address), "open job at", address);
  }

  /** The node at `address`. @throws {GantryError} `not-found` where there is none. */
  async requireNode(address: Address): Promise<generated.Node> {
    return required(await this.node(address), "node", address);
  }

  /** The pool at `address`. @throws {GantryError} `not-found` where there is none. */
  async requirePool(address: Address): Promise<generated.Pool> {
    return required(await this.pool(address), "pool", address);
  }

  /** The rules of the market. @throws {GantryError} `not-found` on a network without a market. */
  async requireMarketParams(): Promise<generated.MarketParams> {
    return required(await this.marketParams(), "market set-up at", await at.marketParamsAddress());
  }

  /** The stake mint and its treasury. @throws {GantryError} `not-found` where staking is not set up. */
  async stakeTokens(): Promise<StakeTokens> {
    const params = required(await this.stakingParams(), "staking set-up at", await at.stakingParamsAddress());
    return stakeTokensOf(params);
  }

  /** What the market knows of the mint of `job`. */
  async mintOf(job: generated.Job): Promise<generated.PaymentMint> {
    return required(await this.paymentMint(job.mint), "payment mint", job.mint);
  }

  /** Lamports of a wallet. */
  async balance(wallet: Address): Promise<bigint> {
    return (await this.rpc.getBalance(wallet, { commitment: this.commitment }).send()).value;
  }

  /** What a mint is. @throws {GantryError} `not-found` where there is none. */
  async mint(mint: Address): Promise<MintInfo> {
    const found = await this.raw(mint);
    const owned = [at.TOKEN_PROGRAM_ADDRESS, at.TOKEN_2022_PROGRAM_ADDRESS].find((id) => id === found?.programAddress);
    if (found === undefined || owned === undefined || found.data.length < 82) throw notFound("mint", mint);
    const view = viewOf(found.data);
    // SPL mints: authority 36, supply 8, decimals 1; Token-2022 keeps that.
    return { mint, tokenProgram: owned, supply: view.getBigUint64(36, true), decimals: view.getUint8(44) };
  }

  /** Base units in a token account; `undefined` where there is none. */
  async tokenAmount(account: Address): Promise<bigint | undefined> {
    const found = await this.raw(account);
    // SPL token accounts: mint 32, owner 32, amount 8; Token-2022 keeps that.
    return found === undefined || found.data.length < 72 ? undefined : viewOf(found.data).getBigUint64(64, true);
  }

  /** The wallet's associated account of a token, and what is in it. */
  async tokenBalance(wallet: Address, mint: MintRef): Promise<{ account: Address; amount: bigint }> {
    const account = await at.associatedTokenAddress(wallet, mint.mint, mint.tokenProgram);
    return { account, amount: (await this.tokenAmount(account)) ?? 0n };
  }

  /** The chain's time, Unix seconds. */
  async clock(): Promise<bigint> {
    const found = required(await this.raw(CLOCK), "clock sysvar", CLOCK);
    return viewOf(found.data).getBigInt64(UNIX_TIME_AT, true);
  }

  /** The cluster's genesis hash, which receipts name. */
  async genesisHash(): Promise<Uint8Array> {
    return new Uint8Array(getBase58Encoder().encode(await this.rpc.getGenesisHash().send()));
  }

  /** The account at `address` as it is; `undefined` where there is none. */
  async raw(address: Address): Promise<EncodedAccount | undefined> {
    const found = await fetchEncodedAccount(this.rpc, address, { commitment: this.commitment });
    // A closed account can linger for the rest of its slot, without lamports or data.
    return found.exists && found.lamports > 0n ? found : undefined;
  }

  async #account<T>(address: Address, kind: Kind<T>): Promise<T | undefined> {
    const found = await this.raw(address);
    if (found === undefined || found.data.length === 0) return undefined;
    if (found.programAddress !== kind.owner) {
      const message = `account ${address}: it belongs to ${programName(found.programAddress)}, it is no ${kind.name}`;
      throw new GantryError("decode", message, { address });
    }
    return decode(address, found.data, kind);
  }

  async #list<T>(kind: Kind<T>, filter?: { at: bigint; key: Address }): Promise<Found<T>[]> {
    const memcmp = (offset: bigint, bytes: ReadonlyUint8Array) => ({
      memcmp: { offset, bytes: getBase58Decoder().decode(bytes) as never, encoding: "base58" as const },
    });
    const filters = [memcmp(0n, kind.discriminator)];
    if (filter !== undefined) filters.push(memcmp(filter.at, getAddressEncoder().encode(filter.key)));
    const config = { commitment: this.commitment, encoding: "base64", filters } as const;
    const found = await this.rpc.getProgramAccounts(kind.owner, config).send();
    return found.map(({ pubkey, account }) => ({
      address: pubkey,
      account: decode(pubkey, getBase64Encoder().encode(account.data[0]), kind),
    }));
  }
}

/** `found`, or an error that says what is missing. */
export function required<T>(found: T | undefined, what: string, address: Address): T {
  if (found === undefined) throw notFound(what, address);
  return found;
}

function viewOf(data: ReadonlyUint8Array): DataView {
  const copy = new Uint8Array(data);
  return new DataView(copy.buffer);
}

function decode<T>(address: Address, data: ReadonlyUint8Array, kind: Kind<T>): T {
  try {
    if (!sameBytes(data.slice(0, 8), kind.discriminator)) throw new RangeError("another kind of account");
    const [value, end] = kind.decoder.read(data, 0);
    if (end !== data.length) throw new RangeError(`${data.length - end} bytes more than expected`);
    return value;
  } catch (error) {
    const message = `account ${address}: ${kind.name} of ${data.length} bytes does not decode: program and SDK are of different versions`;
    throw new GantryError("decode", message, { address }, { cause: error });
  }
}

const { REGISTRY_PROGRAM_ADDRESS, STAKING_PROGRAM_ADDRESS, MARKET_PROGRAM_ADDRESS } = generated;

const kind = <T>(name: string, owner: Address, discriminator: ReadonlyUint8Array, decoder: Decoder<T>): Kind<T> => ({
  name,
  owner,
  discriminator,
  decoder,
});

const kinds = {
  network: () =>
    kind("Network", REGISTRY_PROGRAM_ADDRESS, generated.NETWORK_DISCRIMINATOR, generated.getNetworkDecoder()),
  provider: () =>
    kind("Provider", REGISTRY_PROGRAM_ADDRESS, generated.PROVIDER_DISCRIMINATOR, generated.getProviderDecoder()),
  node: () => kind("Node", REGISTRY_PROGRAM_ADDRESS, generated.NODE_DISCRIMINATOR, generated.getNodeDecoder()),
  stakingParams: () =>
    kind(
      "StakingParams",
      STAKING_PROGRAM_ADDRESS,
      generated.STAKING_PARAMS_DISCRIMINATOR,
      generated.getStakingParamsDecoder(),
    ),
  pool: () => kind("Pool", STAKING_PROGRAM_ADDRESS, generated.POOL_DISCRIMINATOR, generated.getPoolDecoder()),
  position: () =>
    kind("Position", STAKING_PROGRAM_ADDRESS, generated.POSITION_DISCRIMINATOR, generated.getPositionDecoder()),
  marketParams: () =>
    kind(
      "MarketParams",
      MARKET_PROGRAM_ADDRESS,
      generated.MARKET_PARAMS_DISCRIMINATOR,
      generated.getMarketParamsDecoder(),
    ),
  paymentMint: () =>
    kind(
      "PaymentMint",
      MARKET_PROGRAM_ADDRESS,
      generated.PAYMENT_MINT_DISCRIMINATOR,
      generated.getPaymentMintDecoder(),
    ),
  customer: () =>
    kind("Customer", MARKET_PROGRAM_ADDRESS, generated.CUSTOMER_DISCRIMINATOR, generated.getCustomerDecoder()),
  job: () => kind("Job", MARKET_PROGRAM_ADDRESS, generated.JOB_DISCRIMINATOR, generated.getJobDecoder()),
  dispute: () =>
    kind("Dispute", MARKET_PROGRAM_ADDRESS, generated.DISPUTE_DISCRIMINATOR, generated.getDisputeDecoder()),
};
