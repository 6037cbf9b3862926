import type { Address, TransactionSigner } from "@solana/kit";
import { associatedTokenAddress, nodeAddress, poolAddress, providerAddress } from "../addresses.js";
import { utf8 } from "../bytes.js";
import { notFound, outOfBounds } from "../errors.js";
import * as programs from "../generated/instructions/index.js";
import { GPU_MODELS } from "../gpu.js";
import { claimRewards, createPool, type NodeTerms, registerNode, stake, withdraw } from "../instructions.js";
import { sharesFor } from "../stake.js";
import { Sender, type SendOptions, type Sent } from "./send.js";

/** What a node is listed with. */
export interface NodeListing {
  /** Price, base units per hour. */
  pricePerHour: bigint;
  /** Mint that it is priced in. */
  priceMint: Address;
  /** Model of its GPUs; `none` for a node without. */
  gpuModel: (typeof GPU_MODELS)[number];
  /** GPUs. */
  gpuCount: number;
  /** Memory of each GPU, GiB. */
  vramGib: number;
  /** CPU cores. */
  cpuCores: number;
  /** Main memory, GiB. */
  ramGib: number;
  /** Disk, GiB. */
  diskGib: number;
  /** Bandwidth, Mbit/s. */
  mbps: number;
  /** Country, ISO 3166-1 alpha-2. */
  country: string;
}

/** Providers and their stakers. Amounts are base units; `undefined` in place of a result means that nothing had to be sent. */
export class Supply extends Sender {
  /**
   * Registers `wallet` as a provider that is paid to its own token accounts; gives the provider account. A wallet that is
   * one already stays one.
   *
   * @param metadataHash SHA-256 of public metadata; zeros for none.
   */
  async registerProvider(
    wallet: TransactionSigner,
    metadataHash: Uint8Array = new Uint8Array(32),
    options: SendOptions = {},
  ): Promise<Address> {
    const address = await providerAddress(wallet.address);
    if ((await this.provider(address)) === undefined) {
      const input = { authority: wallet, payer: wallet, payoutOwner: wallet.address, metadataHash };
      await this.send([await programs.getRegisterProviderInstructionAsync(input)], wallet, options);
    }
    return address;
  }

  /**
   * Lists a node of the provider `wallet`; gives the node account.
   *
   * @param nodeKey The node's own key, which signs too; the one in the node's key file.
   * @throws {GantryError} `out-of-bounds` for a key that is listed already or a country that is none.
   */
  async listNode(
    wallet: TransactionSigner,
    nodeKey: TransactionSigner,
    listing: NodeListing,
    options: SendOptions = {},
  ): Promise<Address> {
    const address = await nodeAddress(await providerAddress(wallet.address), nodeKey.address);
    if ((await this.node(address)) !== undefined) {
      throw outOfBounds("nodeKey", `is listed already, as ${address}: change its price, or use another key`);
    }
    await this.send([await registerNode(wallet, wallet, nodeKey, nodeTerms(listing))], wallet, options);
    return address;
  }

  /** Changes the price of a node of the provider `wallet`, base units per hour. A running job keeps its price. */
  async updatePrice(
    wallet: TransactionSigner,
    node: Address,
    pricePerHour: bigint,
    options: SendOptions = {},
  ): Promise<Sent> {
    const input = { authority: wallet, node, pricePerHour };
    return await this.send([await programs.getUpdatePriceInstructionAsync(input)], wallet, options);
  }

  /** Stops new jobs on a node of the provider `wallet`: now, or when its job ends. */
  async drainNode(wallet: TransactionSigner, node: Address, options: SendOptions = {}): Promise<Sent> {
    return await this.send([await programs.getDrainNodeInstructionAsync({ authority: wallet, node })], wallet, options);
  }

  /** Has a node of the provider `wallet` take jobs again after draining, or after 24 hours of suspension. */
  async resumeNode(wallet: TransactionSigner, node: Address, options: SendOptions = {}): Promise<Sent> {
    return await this.send(
      [await programs.getResumeNodeInstructionAsync({ authority: wallet, node })],
      wallet,
      options,
    );
  }

  /** Creates the pool of the provider `wallet`, which shares revenue in `rewardMint`; gives the pool. One that exists stays. */
  async createPool(
    wallet: TransactionSigner,
    rewardMint: Address,
    commissionBps: number,
    options: SendOptions = {},
  ): Promise<Address> {
    const pool = await poolAddress(await providerAddress(wallet.address));
    if ((await this.pool(pool)) === undefined) {
      const [tokens, reward] = [await this.stakeTokens(), await this.mint(rewardMint)];
      await this.send([await createPool(wallet, wallet, tokens, reward, commissionBps)], wallet, options);
    }
    return pool;
  }

  /** Lowers the commission of the provider `wallet` at once, or announces a raise. */
  async setCommission(wallet: TransactionSigner, commissionBps: number, options: SendOptions = {}): Promise<Sent> {
    const input = { authority: wallet, commissionBps };
    return await this.send([await programs.getSetCommissionInstructionAsync(input)], wallet, options);
  }

  /**
   * Stakes `amount` base units of `wallet`'s stake tokens in `pool`.
   *
   * @throws {GantryError} `insufficient-tokens` for a wallet that has less, `not-found` where there is no such pool.
   */
  async stake(wallet: TransactionSigner, pool: Address, amount: bigint, options: SendOptions = {}): Promise<Sent> {
    await this.requirePool(pool);
    const tokens = await this.stakeTokens();
    await this.requireSol(wallet.address);
    const source = await this.requireTokens(wallet.address, tokens, amount);
    return await this.send([await stake(wallet, wallet, pool, tokens, source, amount)], wallet, options);
  }

  /**
   * Asks for `amount` base units of `wallet`'s stake in `pool` back, all of it where left out. It can be withdrawn when the
   * unbonding time has passed, and can be slashed until then.
   *
   * @throws {GantryError} `out-of-bounds` for more than the position is worth.
   */
  async unstake(wallet: TransactionSigner, pool: Address, amount?: bigint, options: SendOptions = {}): Promise<Sent> {
    const account = await this.requirePool(pool);
    const position = await this.position(pool, wallet.address);
    if (position === undefined) throw notFound("stake of this wallet in pool", pool);
    const shares = amount === undefined ? position.shares : sharesFor(position, account, amount);
    if (shares === undefined) throw outOfBounds("amount", `${amount} is more than this position is worth`);
    const input = { owner: wallet, pool, shares };
    return await this.send([await programs.getRequestUnstakeInstructionAsync(input)], wallet, options);
  }

  /** Takes `wallet`'s request to unstake at `place` back; 0 is the oldest. */
  async cancelUnstake(
    wallet: TransactionSigner,
    pool: Address,
    place: number,
    options: SendOptions = {},
  ): Promise<Sent> {
    const input = { owner: wallet, pool, place };
    return await this.send([await programs.getCancelUnstakeInstructionAsync(input)], wallet, options);
  }

  /** Pays every request to unstake of `wallet` that is due to its associated token account. */
  async withdraw(wallet: TransactionSigner, pool: Address, options: SendOptions = {}): Promise<Sent> {
    const tokens = await this.stakeTokens();
    const missing = await this.missingAccounts(wallet, [wallet.address], tokens);
    const destination = await associatedTokenAddress(wallet.address, tokens.mint, tokens.tokenProgram);
    return await this.send([...missing, await withdraw(wallet, pool, tokens, destination)], wallet, options);
  }

  /** Pays the rewards of `wallet`'s position in `pool` to its associated token account. */
  async claimRewards(wallet: TransactionSigner, pool: Address, options: SendOptions = {}): Promise<Sent> {
    const account = await this.requirePool(pool);
    const reward = { mint: account.rewardMint, tokenProgram: account.rewardTokenProgram };
    const missing = await this.missingAccounts(wallet, [wallet.address], reward);
    const destination = await associatedTokenAddress(wallet.address, reward.mint, reward.tokenProgram);
    return await this.send([...missing, await claimRewards(wallet, pool, reward, destination)], wallet, options);
  }
}

function nodeTerms(listing: NodeListing): NodeTerms {
  const { gpuModel, country, ...rest } = listing;
  const code = GPU_MODELS.indexOf(gpuModel);
  if (code < 0) throw outOfBounds("gpuModel", `\`${gpuModel}\` is unknown; there are ${GPU_MODELS.join(", ")}`);
  if (!/^[A-Z]{2}$/.test(country)) {
    throw outOfBounds("country", `\`${country}\` is no country code: write two capital letters, as in DE`);
  }
  return { ...rest, gpuModel: code, country: utf8(country) };
}
