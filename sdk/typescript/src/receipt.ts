/**
 * The usage receipt, version 1: what a node signs about a job, and what settles it.
 *
 * @module
 */

import {
  type Address,
  address,
  getAddressDecoder,
  getAddressEncoder,
  getPublicKeyFromAddress,
  type Instruction,
  type ReadonlyUint8Array,
  type SignatureBytes,
  signBytes,
  verifySignature,
} from "@solana/kit";
import { sameBytes, utf8 } from "./bytes.js";

/** Bytes of an encoded receipt. */
export const RECEIPT_LENGTH = 185;

/** Solana's ed25519 precompile. */
export const ED25519_PROGRAM_ADDRESS = address("Ed25519SigVerify111111111111111111111111111");

/** What the node says about the job's process. */
export type ReceiptStatus = "running" | "completed" | "failed";
const STATUSES: readonly ReceiptStatus[] = ["running", "completed", "failed"];

/** A usage receipt. */
export interface Receipt {
  /** Genesis hash of the cluster: 32 bytes. */
  genesisHash: ReadonlyUint8Array;
  /** Program id of the market. */
  market: Address;
  /** The job account. */
  job: Address;
  /** Which assignment of the job this is, counted from 1. */
  assignment: number;
  /** Strictly growing within an assignment; 0 starts the job. */
  sequence: bigint;
  /** Seconds served since the start. */
  servedSeconds: bigint;
  /** When the node signed, Unix seconds. */
  issuedAt: bigint;
  /** Running, completed or failed. */
  status: ReceiptStatus;
  /** Exit code of the job's process; 0 while it runs. */
  exitCode: number;
  /** SHA-256 of the result's manifest; zeros while it runs. */
  outputDigest: ReadonlyUint8Array;
}

/** Bytes that are no receipt, or a receipt that has no bytes. */
export class ReceiptError extends Error {
  override readonly name = "ReceiptError";
}

function tag(): Uint8Array {
  const bytes = new Uint8Array(24);
  bytes.set(utf8("gantry.receipt.v1"));
  return bytes;
}

/**
 * The bytes that the node signs.
 *
 * @throws {ReceiptError} if a field does not fit its place.
 */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  const bytes = new Uint8Array(RECEIPT_LENGTH);
  const view = new DataView(bytes.buffer);
  const hash = (field: string, value: ReadonlyUint8Array, at: number) => {
    if (value.length !== 32) throw new ReceiptError(`${field} has ${value.length} bytes: it needs 32`);
    bytes.set(value, at);
  };
  const integer = (field: string, value: bigint, low: bigint, high: bigint) => {
    if (value < low || value > high) throw new ReceiptError(`${field} is ${value}: it goes from ${low} to ${high}`);
  };
  const u64 = (1n << 64n) - 1n;
  integer("assignment", BigInt(receipt.assignment), 0n, 0xffff_ffffn);
  integer("sequence", receipt.sequence, 0n, u64);
  integer("servedSeconds", receipt.servedSeconds, 0n, u64);
  integer("issuedAt", receipt.issuedAt, -(1n << 63n), (1n << 63n) - 1n);
  integer("exitCode", BigInt(receipt.exitCode), -(1n << 31n), (1n << 31n) - 1n);
  const status = STATUSES.indexOf(receipt.status);
  if (status < 0) throw new ReceiptError(`status is ${receipt.status}: it is one of ${STATUSES.join(", ")}`);
  bytes.set(tag(), 0);
  hash("genesisHash", receipt.genesisHash, 24);
  bytes.set(getAddressEncoder().encode(receipt.market), 56);
  bytes.set(getAddressEncoder().encode(receipt.job), 88);
  view.setUint32(120, receipt.assignment, true);
  view.setBigUint64(124, receipt.sequence, true);
  view.setBigUint64(132, receipt.servedSeconds, true);
  view.setBigInt64(140, receipt.issuedAt, true);
  view.setUint8(148, status);
  view.setInt32(149, receipt.exitCode, true);
  hash("outputDigest", receipt.outputDigest, 153);
  return bytes;
}

/**
 * Reads a receipt.
 *
 * @throws {ReceiptError} if the length, the tag or the status byte is wrong.
 */
export function decodeReceipt(bytes: ReadonlyUint8Array): Receipt {
  if (bytes.length !== RECEIPT_LENGTH) throw new ReceiptError(`a receipt is exactly ${RECEIPT_LENGTH} bytes`);
  if (!sameBytes(bytes.slice(0, 24), tag())) throw new ReceiptError("not a version 1 usage receipt");
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  const status = STATUSES[view.getUint8(148)];
  if (status === undefined) throw new ReceiptError("unknown receipt status");
  return {
    genesisHash: copy.slice(24, 56),
    market: getAddressDecoder().decode(copy, 56),
    job: getAddressDecoder().decode(copy, 88),
    assignment: view.getUint32(120, true),
    sequence: view.getBigUint64(124, true),
    servedSeconds: view.getBigUint64(132, true),
    issuedAt: view.getBigInt64(140, true),
    status,
    exitCode: view.getInt32(149, true),
    outputDigest: copy.slice(153, 185),
  };
}

/** The signature of the node key `privateKey` over `receipt`. */
export async function signReceipt(receipt: Receipt, privateKey: CryptoKey): Promise<SignatureBytes> {
  return await signBytes(privateKey, encodeReceipt(receipt));
}

/** Whether `signature` is that of `nodeKey` over `receipt`. */
export async function verifyReceipt(
  receipt: Receipt,
  nodeKey: Address,
  signature: ReadonlyUint8Array,
): Promise<boolean> {
  if (signature.length !== 64) return false;
  const key = await getPublicKeyFromAddress(nodeKey);
  return await verifySignature(key, new Uint8Array(signature) as unknown as SignatureBytes, encodeReceipt(receipt));
}

/** The instruction that has the runtime verify `signature`. It goes right before the market's own. */
export function receiptInstruction(receipt: Receipt, nodeKey: Address, signature: ReadonlyUint8Array): Instruction {
  const message = encodeReceipt(receipt);
  const data = new Uint8Array(112 + message.length);
  const view = new DataView(data.buffer);
  // One signature; then for signature, key and message where it lies, each within this same instruction (0xffff).
  const head = [48, 0xffff, 16, 0xffff, 112, message.length, 0xffff];
  view.setUint8(0, 1);
  for (const [place, value] of head.entries()) view.setUint16(2 + place * 2, value, true);
  data.set(getAddressEncoder().encode(nodeKey), 16);
  data.set(signature, 48);
  data.set(message, 112);
  return { programAddress: ED25519_PROGRAM_ADDRESS, accounts: [], data };
}
