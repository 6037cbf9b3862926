// Made by scripts/generate.mjs from the IDLs: do not edit.

import type { Address, Decoder, ReadonlyUint8Array } from "@solana/kit";
import {
  REGISTRY_PROGRAM_ADDRESS,
  STAKING_PROGRAM_ADDRESS,
  MARKET_PROGRAM_ADDRESS,
} from "../programs/index.js";
import {
  getAssignmentDeclinedDecoder,
  type AssignmentDeclined,
  getAssignmentExpiredDecoder,
  type AssignmentExpired,
  getAttestationRevokedDecoder,
  type AttestationRevoked,
  getAttestorAddedDecoder,
  type AttestorAdded,
  getAttestorRemovedDecoder,
  type AttestorRemoved,
  getAttestorUpdatedDecoder,
  type AttestorUpdated,
  getAuthorityChangedDecoder,
  type AuthorityChanged,
  getAuthorityProposalCancelledDecoder,
  type AuthorityProposalCancelled,
  getAuthorityProposedDecoder,
  type AuthorityProposed,
  getBondedDecoder,
  type Bonded,
  getCommissionChangedDecoder,
  type CommissionChanged,
  getCouncilChangedDecoder,
  type CouncilChanged,
  getCouncilProposalCancelledDecoder,
  type CouncilProposalCancelled,
  getCouncilProposedDecoder,
  type CouncilProposed,
  getCreditSlashedDecoder,
  type CreditSlashed,
  getDisputeOpenedDecoder,
  type DisputeOpened,
  getDisputeResolvedDecoder,
  type DisputeResolved,
  getEquivocationSlashedDecoder,
  type EquivocationSlashed,
  getGuardianChangedDecoder,
  type GuardianChanged,
  getHardwareUpdatedDecoder,
  type HardwareUpdated,
  getJobAssignedDecoder,
  type JobAssigned,
  getJobCancelledDecoder,
  type JobCancelled,
  getJobClaimedDecoder,
  type JobClaimed,
  getJobEndAnnouncedDecoder,
  type JobEndAnnounced,
  getJobEndedDecoder,
  type JobEnded,
  getJobOpenedDecoder,
  type JobOpened,
  getJobSettledDecoder,
  type JobSettled,
  getJobStartedDecoder,
  type JobStarted,
  getJobToppedUpDecoder,
  type JobToppedUp,
  getMarketInitializedDecoder,
  type MarketInitialized,
  getMintEnabledDecoder,
  type MintEnabled,
  getMintUpdatedDecoder,
  type MintUpdated,
  getNetworkInitializedDecoder,
  type NetworkInitialized,
  getNodeAttestedDecoder,
  type NodeAttested,
  getNodeClosedDecoder,
  type NodeClosed,
  getNodeLeasedDecoder,
  type NodeLeased,
  getNodeRegisteredDecoder,
  type NodeRegistered,
  getNodeReleasedDecoder,
  type NodeReleased,
  getNodeStatusChangedDecoder,
  type NodeStatusChanged,
  getPauseChangedDecoder,
  type PauseChanged,
  getPoolClosedDecoder,
  type PoolClosed,
  getPoolCreatedDecoder,
  type PoolCreated,
  getPositionClosedDecoder,
  type PositionClosed,
  getPriceUpdatedDecoder,
  type PriceUpdated,
  getProofSubmittedDecoder,
  type ProofSubmitted,
  getProviderClosedDecoder,
  type ProviderClosed,
  getProviderConvictedDecoder,
  type ProviderConvicted,
  getProviderRegisteredDecoder,
  type ProviderRegistered,
  getProviderUpdatedDecoder,
  type ProviderUpdated,
  getReleasedDecoder,
  type Released,
  getResultAcceptedDecoder,
  type ResultAccepted,
  getRewardsClaimedDecoder,
  type RewardsClaimed,
  getRewardsDepositedDecoder,
  type RewardsDeposited,
  getSecondsReleasedDecoder,
  type SecondsReleased,
  getSlashedDecoder,
  type Slashed,
  getStakedDecoder,
  type Staked,
  getStakingInitializedDecoder,
  type StakingInitialized,
  getTermsAppliedDecoder,
  type TermsApplied,
  getTermsCancelledDecoder,
  type TermsCancelled,
  getTermsProposedDecoder,
  type TermsProposed,
  getUnstakeCancelledDecoder,
  type UnstakeCancelled,
  getUnstakeRequestedDecoder,
  type UnstakeRequested,
  getVoteCastDecoder,
  type VoteCast,
  getWithdrawnDecoder,
  type Withdrawn,
} from "../types/index.js";

/** An event of any of the three programs. */
export type GantryEvent =
  | { program: "registry"; name: "AttestationRevoked"; data: AttestationRevoked }
  | { program: "registry"; name: "AttestorAdded"; data: AttestorAdded }
  | { program: "registry"; name: "AttestorRemoved"; data: AttestorRemoved }
  | { program: "registry"; name: "AttestorUpdated"; data: AttestorUpdated }
  | { program: "registry"; name: "AuthorityChanged"; data: AuthorityChanged }
  | { program: "registry"; name: "AuthorityProposalCancelled"; data: AuthorityProposalCancelled }
  | { program: "registry"; name: "AuthorityProposed"; data: AuthorityProposed }
  | { program: "registry"; name: "CouncilChanged"; data: CouncilChanged }
  | { program: "registry"; name: "CouncilProposalCancelled"; data: CouncilProposalCancelled }
  | { program: "registry"; name: "CouncilProposed"; data: CouncilProposed }
  | { program: "registry"; name: "GuardianChanged"; data: GuardianChanged }
  | { program: "registry"; name: "HardwareUpdated"; data: HardwareUpdated }
  | { program: "registry"; name: "NetworkInitialized"; data: NetworkInitialized }
  | { program: "registry"; name: "NodeAttested"; data: NodeAttested }
  | { program: "registry"; name: "NodeClosed"; data: NodeClosed }
  | { program: "registry"; name: "NodeLeased"; data: NodeLeased }
  | { program: "registry"; name: "NodeRegistered"; data: NodeRegistered }
  | { program: "registry"; name: "NodeReleased"; data: NodeReleased }
  | { program: "registry"; name: "NodeStatusChanged"; data: NodeStatusChanged }
  | { program: "registry"; name: "PauseChanged"; data: PauseChanged }
  | { program: "registry"; name: "PriceUpdated"; data: PriceUpdated }
  | { program: "registry"; name: "ProviderClosed"; data: ProviderClosed }
  | { program: "registry"; name: "ProviderConvicted"; data: ProviderConvicted }
  | { program: "registry"; name: "ProviderRegistered"; data: ProviderRegistered }
  | { program: "registry"; name: "ProviderUpdated"; data: ProviderUpdated }
  | { program: "staking"; name: "Bonded"; data: Bonded }
  | { program: "staking"; name: "CommissionChanged"; data: CommissionChanged }
  | { program: "staking"; name: "PoolClosed"; data: PoolClosed }
  | { program: "staking"; name: "PoolCreated"; data: PoolCreated }
  | { program: "staking"; name: "PositionClosed"; data: PositionClosed }
  | { program: "staking"; name: "Released"; data: Released }
  | { program: "staking"; name: "RewardsClaimed"; data: RewardsClaimed }
  | { program: "staking"; name: "RewardsDeposited"; data: RewardsDeposited }
  | { program: "staking"; name: "Slashed"; data: Slashed }
  | { program: "staking"; name: "Staked"; data: Staked }
  | { program: "staking"; name: "StakingInitialized"; data: StakingInitialized }
  | { program: "staking"; name: "UnstakeCancelled"; data: UnstakeCancelled }
  | { program: "staking"; name: "UnstakeRequested"; data: UnstakeRequested }
  | { program: "staking"; name: "Withdrawn"; data: Withdrawn }
  | { program: "market"; name: "AssignmentDeclined"; data: AssignmentDeclined }
  | { program: "market"; name: "AssignmentExpired"; data: AssignmentExpired }
  | { program: "market"; name: "CreditSlashed"; data: CreditSlashed }
  | { program: "market"; name: "DisputeOpened"; data: DisputeOpened }
  | { program: "market"; name: "DisputeResolved"; data: DisputeResolved }
  | { program: "market"; name: "EquivocationSlashed"; data: EquivocationSlashed }
  | { program: "market"; name: "JobAssigned"; data: JobAssigned }
  | { program: "market"; name: "JobCancelled"; data: JobCancelled }
  | { program: "market"; name: "JobClaimed"; data: JobClaimed }
  | { program: "market"; name: "JobEndAnnounced"; data: JobEndAnnounced }
  | { program: "market"; name: "JobEnded"; data: JobEnded }
  | { program: "market"; name: "JobOpened"; data: JobOpened }
  | { program: "market"; name: "JobSettled"; data: JobSettled }
  | { program: "market"; name: "JobStarted"; data: JobStarted }
  | { program: "market"; name: "JobToppedUp"; data: JobToppedUp }
  | { program: "market"; name: "MarketInitialized"; data: MarketInitialized }
  | { program: "market"; name: "MintEnabled"; data: MintEnabled }
  | { program: "market"; name: "MintUpdated"; data: MintUpdated }
  | { program: "market"; name: "ProofSubmitted"; data: ProofSubmitted }
  | { program: "market"; name: "ResultAccepted"; data: ResultAccepted }
  | { program: "market"; name: "SecondsReleased"; data: SecondsReleased }
  | { program: "market"; name: "TermsApplied"; data: TermsApplied }
  | { program: "market"; name: "TermsCancelled"; data: TermsCancelled }
  | { program: "market"; name: "TermsProposed"; data: TermsProposed }
  | { program: "market"; name: "VoteCast"; data: VoteCast };

/** Name of an event. */
export type GantryEventName = GantryEvent["name"];

/** The three programs by their names. */
export function programAddresses(): Record<GantryEvent["program"], Address> {
  return {
    registry: REGISTRY_PROGRAM_ADDRESS,
    staking: STAKING_PROGRAM_ADDRESS,
    market: MARKET_PROGRAM_ADDRESS,
  };
}

/** Every event: its program, its name, the bytes that its data begins with, and what decodes the rest. */
export function eventTable(): [GantryEvent["program"], GantryEventName, ReadonlyUint8Array, () => Decoder<unknown>][] {
  return [
    [
      "registry",
      "AttestationRevoked",
      new Uint8Array([47, 106, 65, 238, 200, 127, 163, 50]),
      getAttestationRevokedDecoder,
    ],
    [
      "registry",
      "AttestorAdded",
      new Uint8Array([62, 17, 178, 8, 181, 243, 100, 224]),
      getAttestorAddedDecoder,
    ],
    [
      "registry",
      "AttestorRemoved",
      new Uint8Array([218, 38, 123, 147, 75, 134, 201, 125]),
      getAttestorRemovedDecoder,
    ],
    [
      "registry",
      "AttestorUpdated",
      new Uint8Array([253, 212, 105, 226, 135, 53, 32, 140]),
      getAttestorUpdatedDecoder,
    ],
    [
      "registry",
      "AuthorityChanged",
      new Uint8Array([31, 19, 174, 152, 4, 82, 215, 226]),
      getAuthorityChangedDecoder,
    ],
    [
      "registry",
      "AuthorityProposalCancelled",
      new Uint8Array([201, 36, 146, 19, 47, 101, 65, 248]),
      getAuthorityProposalCancelledDecoder,
    ],
    [
      "registry",
      "AuthorityProposed",
      new Uint8Array([244, 117, 94, 112, 53, 151, 35, 89]),
      getAuthorityProposedDecoder,
    ],
    [
      "registry",
      "CouncilChanged",
      new Uint8Array([184, 245, 160, 245, 229, 134, 165, 116]),
      getCouncilChangedDecoder,
    ],
    [
      "registry",
      "CouncilProposalCancelled",
      new Uint8Array([135, 225, 151, 19, 84, 215, 33, 121]),
      getCouncilProposalCancelledDecoder,
    ],
    [
      "registry",
      "CouncilProposed",
      new Uint8Array([39, 245, 43, 165, 247, 38, 221, 104]),
      getCouncilProposedDecoder,
    ],
    [
      "registry",
      "GuardianChanged",
      new Uint8Array([152, 239, 217, 24, 162, 189, 236, 143]),
      getGuardianChangedDecoder,
    ],
    [
      "registry",
      "HardwareUpdated",
      new Uint8Array([27, 78, 158, 234, 24, 73, 85, 214]),
      getHardwareUpdatedDecoder,
    ],
    [
      "registry",
      "NetworkInitialized",
      new Uint8Array([248, 98, 167, 253, 2, 186, 222, 90]),
      getNetworkInitializedDecoder,
    ],
    [
      "registry",
      "NodeAttested",
      new Uint8Array([50, 246, 156, 15, 245, 164, 143, 218]),
      getNodeAttestedDecoder,
    ],
    [
      "registry",
      "NodeClosed",
      new Uint8Array([191, 85, 142, 188, 15, 189, 76, 109]),
      getNodeClosedDecoder,
    ],
    [
      "registry",
      "NodeLeased",
      new Uint8Array([75, 200, 110, 9, 45, 7, 49, 237]),
      getNodeLeasedDecoder,
    ],
    [
      "registry",
      "NodeRegistered",
      new Uint8Array([15, 57, 183, 59, 93, 55, 157, 195]),
      getNodeRegisteredDecoder,
    ],
    [
      "registry",
      "NodeReleased",
      new Uint8Array([35, 111, 28, 85, 8, 67, 53, 70]),
      getNodeReleasedDecoder,
    ],
    [
      "registry",
      "NodeStatusChanged",
      new Uint8Array([143, 68, 203, 216, 160, 96, 161, 166]),
      getNodeStatusChangedDecoder,
    ],
    [
      "registry",
      "PauseChanged",
      new Uint8Array([238, 188, 213, 78, 134, 209, 178, 218]),
      getPauseChangedDecoder,
    ],
    [
      "registry",
      "PriceUpdated",
      new Uint8Array([154, 72, 87, 150, 246, 230, 23, 217]),
      getPriceUpdatedDecoder,
    ],
    [
      "registry",
      "ProviderClosed",
      new Uint8Array([161, 166, 249, 96, 136, 153, 232, 194]),
      getProviderClosedDecoder,
    ],
    [
      "registry",
      "ProviderConvicted",
      new Uint8Array([154, 131, 243, 8, 181, 187, 144, 165]),
      getProviderConvictedDecoder,
    ],
    [
      "registry",
      "ProviderRegistered",
      new Uint8Array([38, 209, 137, 78, 185, 19, 147, 14]),
      getProviderRegisteredDecoder,
    ],
    [
      "registry",
      "ProviderUpdated",
      new Uint8Array([143, 4, 27, 180, 122, 208, 164, 136]),
      getProviderUpdatedDecoder,
    ],
    [
      "staking",
      "Bonded",
      new Uint8Array([72, 106, 31, 121, 93, 125, 84, 0]),
      getBondedDecoder,
    ],
    [
      "staking",
      "CommissionChanged",
      new Uint8Array([97, 94, 42, 205, 173, 203, 92, 177]),
      getCommissionChangedDecoder,
    ],
    [
      "staking",
      "PoolClosed",
      new Uint8Array([106, 46, 29, 231, 42, 44, 73, 119]),
      getPoolClosedDecoder,
    ],
    [
      "staking",
      "PoolCreated",
      new Uint8Array([202, 44, 41, 88, 104, 220, 157, 82]),
      getPoolCreatedDecoder,
    ],
    [
      "staking",
      "PositionClosed",
      new Uint8Array([157, 163, 227, 228, 13, 97, 138, 121]),
      getPositionClosedDecoder,
    ],
    [
      "staking",
      "Released",
      new Uint8Array([232, 229, 255, 136, 101, 189, 15, 220]),
      getReleasedDecoder,
    ],
    [
      "staking",
      "RewardsClaimed",
      new Uint8Array([75, 98, 88, 18, 219, 112, 88, 121]),
      getRewardsClaimedDecoder,
    ],
    [
      "staking",
      "RewardsDeposited",
      new Uint8Array([120, 19, 149, 33, 111, 163, 248, 156]),
      getRewardsDepositedDecoder,
    ],
    [
      "staking",
      "Slashed",
      new Uint8Array([98, 59, 249, 154, 233, 53, 98, 194]),
      getSlashedDecoder,
    ],
    [
      "staking",
      "Staked",
      new Uint8Array([11, 146, 45, 205, 230, 58, 213, 240]),
      getStakedDecoder,
    ],
    [
      "staking",
      "StakingInitialized",
      new Uint8Array([22, 155, 230, 163, 100, 9, 62, 165]),
      getStakingInitializedDecoder,
    ],
    [
      "staking",
      "UnstakeCancelled",
      new Uint8Array([102, 223, 189, 101, 201, 223, 180, 38]),
      getUnstakeCancelledDecoder,
    ],
    [
      "staking",
      "UnstakeRequested",
      new Uint8Array([21, 253, 177, 85, 129, 206, 42, 152]),
      getUnstakeRequestedDecoder,
    ],
    [
      "staking",
      "Withdrawn",
      new Uint8Array([20, 89, 223, 198, 194, 124, 219, 13]),
      getWithdrawnDecoder,
    ],
    [
      "market",
      "AssignmentDeclined",
      new Uint8Array([139, 138, 46, 170, 222, 67, 122, 104]),
      getAssignmentDeclinedDecoder,
    ],
    [
      "market",
      "AssignmentExpired",
      new Uint8Array([26, 236, 130, 219, 24, 34, 213, 47]),
      getAssignmentExpiredDecoder,
    ],
    [
      "market",
      "CreditSlashed",
      new Uint8Array([155, 230, 145, 106, 25, 222, 120, 114]),
      getCreditSlashedDecoder,
    ],
    [
      "market",
      "DisputeOpened",
      new Uint8Array([239, 222, 102, 235, 193, 85, 1, 214]),
      getDisputeOpenedDecoder,
    ],
    [
      "market",
      "DisputeResolved",
      new Uint8Array([121, 64, 249, 153, 139, 128, 236, 187]),
      getDisputeResolvedDecoder,
    ],
    [
      "market",
      "EquivocationSlashed",
      new Uint8Array([52, 118, 25, 229, 47, 61, 249, 231]),
      getEquivocationSlashedDecoder,
    ],
    [
      "market",
      "JobAssigned",
      new Uint8Array([37, 41, 120, 33, 26, 236, 76, 219]),
      getJobAssignedDecoder,
    ],
    [
      "market",
      "JobCancelled",
      new Uint8Array([203, 84, 143, 130, 48, 134, 74, 191]),
      getJobCancelledDecoder,
    ],
    [
      "market",
      "JobClaimed",
      new Uint8Array([176, 110, 104, 38, 27, 220, 61, 191]),
      getJobClaimedDecoder,
    ],
    [
      "market",
      "JobEndAnnounced",
      new Uint8Array([65, 132, 194, 215, 49, 79, 91, 35]),
      getJobEndAnnouncedDecoder,
    ],
    [
      "market",
      "JobEnded",
      new Uint8Array([143, 54, 11, 87, 149, 208, 52, 144]),
      getJobEndedDecoder,
    ],
    [
      "market",
      "JobOpened",
      new Uint8Array([194, 169, 75, 170, 253, 153, 200, 220]),
      getJobOpenedDecoder,
    ],
    [
      "market",
      "JobSettled",
      new Uint8Array([130, 105, 205, 34, 87, 86, 152, 27]),
      getJobSettledDecoder,
    ],
    [
      "market",
      "JobStarted",
      new Uint8Array([8, 44, 116, 171, 51, 119, 74, 188]),
      getJobStartedDecoder,
    ],
    [
      "market",
      "JobToppedUp",
      new Uint8Array([10, 251, 87, 120, 150, 117, 18, 232]),
      getJobToppedUpDecoder,
    ],
    [
      "market",
      "MarketInitialized",
      new Uint8Array([134, 160, 122, 87, 50, 3, 255, 81]),
      getMarketInitializedDecoder,
    ],
    [
      "market",
      "MintEnabled",
      new Uint8Array([114, 233, 148, 185, 206, 233, 92, 237]),
      getMintEnabledDecoder,
    ],
    [
      "market",
      "MintUpdated",
      new Uint8Array([146, 143, 171, 103, 70, 46, 163, 55]),
      getMintUpdatedDecoder,
    ],
    [
      "market",
      "ProofSubmitted",
      new Uint8Array([160, 51, 85, 70, 249, 89, 5, 139]),
      getProofSubmittedDecoder,
    ],
    [
      "market",
      "ResultAccepted",
      new Uint8Array([143, 158, 106, 209, 167, 142, 246, 242]),
      getResultAcceptedDecoder,
    ],
    [
      "market",
      "SecondsReleased",
      new Uint8Array([36, 44, 38, 75, 101, 193, 86, 251]),
      getSecondsReleasedDecoder,
    ],
    [
      "market",
      "TermsApplied",
      new Uint8Array([145, 202, 29, 228, 144, 248, 232, 54]),
      getTermsAppliedDecoder,
    ],
    [
      "market",
      "TermsCancelled",
      new Uint8Array([13, 73, 66, 25, 133, 62, 69, 80]),
      getTermsCancelledDecoder,
    ],
    [
      "market",
      "TermsProposed",
      new Uint8Array([222, 255, 13, 12, 152, 178, 77, 34]),
      getTermsProposedDecoder,
    ],
    [
      "market",
      "VoteCast",
      new Uint8Array([39, 53, 195, 104, 188, 17, 225, 213]),
      getVoteCastDecoder,
    ],
  ];
}
