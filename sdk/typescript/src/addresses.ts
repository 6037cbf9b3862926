/**
 * Addresses of every account of the three programs.
 *
 * @module
 */

import {
  type Address,
  address,
  getAddressEncoder,
  getProgramDerivedAddress,
  type ProgramDerivedAddress,
} from "@solana/kit";
import * as pdas from "./generated/pdas/index.js";

/** SPL Token. */
export const TOKEN_PROGRAM_ADDRESS = address("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/** SPL Token-2022. */
export const TOKEN_2022_PROGRAM_ADDRESS = address("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/** SPL associated token account. */
export const ASSOCIATED_TOKEN_PROGRAM_ADDRESS = address("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/** Solana's system program. */
export const SYSTEM_PROGRAM_ADDRESS = address("11111111111111111111111111111111");

const first = async (found: Promise<ProgramDerivedAddress>): Promise<Address> => (await found)[0];

/** The network account (registry). */
export const networkAddress = (): Promise<Address> => first(pdas.findNetworkPda());
/** The provider account (registry) of the wallet `authority`. */
export const providerAddress = (authority: Address): Promise<Address> => first(pdas.findProviderPda({ authority }));
/** The node account (registry) of `nodeKey` with the provider account `provider`. */
export const nodeAddress = (provider: Address, nodeKey: Address): Promise<Address> =>
  first(pdas.findNodePda({ provider, nodeKey }));
/** The attestor account (registry) of the wallet `key`. */
export const attestorAddress = (key: Address): Promise<Address> => first(pdas.findAttestorPda({ key }));
/** The device account (registry) of a device hash. */
export const deviceAddress = (deviceHash: Uint8Array): Promise<Address> => first(pdas.findDevicePda({ deviceHash }));
/** The rules of staking. */
export const stakingParamsAddress = (): Promise<Address> => first(pdas.findStakingParamsPda());
/** The pool (staking) of the provider account `provider`. */
export const poolAddress = (provider: Address): Promise<Address> => first(pdas.findPoolPda({ provider }));
/** The token account that holds the stake of `pool`. */
export const stakeVaultAddress = (pool: Address): Promise<Address> => first(pdas.findStakeVaultPda({ pool }));
/** The token account that holds the unclaimed rewards of `pool`. */
export const rewardVaultAddress = (pool: Address): Promise<Address> => first(pdas.findRewardVaultPda({ pool }));
/** The position (staking) of the wallet `owner` in `pool`. */
export const positionAddress = (pool: Address, owner: Address): Promise<Address> =>
  first(pdas.findPositionPda({ pool, owner }));
/** The rules of the market. */
export const marketParamsAddress = (): Promise<Address> => first(pdas.findMarketParamsPda());
/** What the market signs with to registry and staking. */
export const marketAuthorityAddress = (): Promise<Address> => first(pdas.findMarketAuthorityPda());
/** The market's account of an admitted mint. */
export const paymentMintAddress = (mint: Address): Promise<Address> => first(pdas.findPaymentMintPda({ mint }));
/** The market's account of a customer's wallet. */
export const customerAddress = (wallet: Address): Promise<Address> => first(pdas.findCustomerPda({ wallet }));
/** The job number `id` of the customer's `wallet`. */
export const jobAddress = (wallet: Address, id: bigint): Promise<Address> => first(pdas.findJobPda({ wallet, id }));
/** The token account that holds the escrow of `job`. */
export const vaultAddress = (job: Address): Promise<Address> => first(pdas.findVaultPda({ job }));
/** The dispute over `job`. */
export const disputeAddress = (job: Address): Promise<Address> => first(pdas.findDisputePda({ job }));

/** The associated token account of `owner` for `mint` under `tokenProgram`. */
export function associatedTokenAddress(owner: Address, mint: Address, tokenProgram: Address): Promise<Address> {
  const seeds = [owner, tokenProgram, mint].map((key) => getAddressEncoder().encode(key));
  return first(getProgramDerivedAddress({ programAddress: ASSOCIATED_TOKEN_PROGRAM_ADDRESS, seeds }));
}
