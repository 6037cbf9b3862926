/**
 * Logs while a job runs, version 1: parts in the blob store that the node puts there as its job writes. The format is in
 * `docs/job-spec.md`.
 *
 * Each part is signed by the node key, and in a sealed job sealed to the customer. Parts are for reading along: what counts is the log of
 * the result, and once that is stored the parts go.
 *
 * @module
 */

import {
  type Address,
  getAddressEncoder,
  getPublicKeyFromAddress,
  type ReadonlyUint8Array,
  type SignatureBytes,
  verifySignature,
} from "@solana/kit";
import type { BlobStore } from "./blobs.js";
import { sameBytes, sha256, utf8 } from "./bytes.js";
import { isSealed, Opener, type SealContext, type SealKey } from "./seal.js";

const MAGIC = "gantry.log";
const VERSION = 1;
const TAG = "gantry.log.v1";
const TAG_BYTES = 24;
const SIGNATURE = 64;
const HEADER = MAGIC.length + 1 + SIGNATURE;
const OFFSET = 8;
/** Longest part, sealed and padded: more is not read. */
const MOST = 128 * 1024;

/** Where the parts of one log belong. */
export interface LogPlace {
  /** Cluster and job. */
  readonly context: SealContext;
  /** Which assignment of the job. */
  readonly assignment: number;
}

/**
 * Why a part cannot be shown: `sealed` where it is sealed and there is no key, `malformed` where it is no part that this package reads,
 * `forged` where the job's node did not sign it, `gap` where it does not go on where the one before ended, and `store` where the blob
 * store has no names.
 */
export type LogErrorKind = "sealed" | "malformed" | "forged" | "gap" | "store";

/** A part of a log that cannot be shown. */
export class LogError extends Error {
  override readonly name = "LogError";

  /** @param kind What is wrong. @param message What that means. */
  constructor(
    readonly kind: LogErrorKind,
    message: string,
  ) {
    super(message);
  }
}

/** What comes next in a log: more of it, or that the job was started again and what comes next begins anew. */
export type LogPiece = { type: "bytes"; bytes: Uint8Array } | { type: "again" };

/** The name of part `number` in the blob store. */
export function logPartName({ context, assignment }: LogPlace, number: number): string {
  return `logs/${context.job}/${assignment}/${number}`;
}

/** What the node signs of part `number`. */
async function message(place: LogPlace, number: number, content: ReadonlyUint8Array): Promise<Uint8Array> {
  const bytes = new Uint8Array(TAG_BYTES + 32 + 32 + 4 + 8 + 32);
  const view = new DataView(bytes.buffer);
  bytes.set(utf8(TAG));
  bytes.set(place.context.genesisHash, TAG_BYTES);
  bytes.set(getAddressEncoder().encode(place.context.job), TAG_BYTES + 32);
  view.setUint32(TAG_BYTES + 64, place.assignment, true);
  view.setBigUint64(TAG_BYTES + 68, BigInt(number), true);
  bytes.set(await sha256(content), TAG_BYTES + 76);
  return bytes;
}

/** Reads the parts of one log in order. */
export class LogReader {
  #next = 0;
  #offset = 0;
  /** What was read since the log began, the last time that it did: the length and the SHA-256 of each piece. */
  #read: { length: number; hash: Uint8Array }[] = [];

  /** A reader of what the holder of `nodeKey` signed, from the first part. */
  constructor(
    readonly place: LogPlace,
    readonly nodeKey: Address,
  ) {}

  /**
   * What comes next, if it is there by now.
   *
   * @param key Opens parts that are sealed.
   * @throws {LogError} if a part is not what the node signed, or does not go on where the last one ended; {@link SealError} if it does not
   * open.
   */
  async next(blobs: BlobStore, key?: SealKey): Promise<LogPiece | undefined> {
    const part = await this.#fetch(blobs, key);
    if (part === undefined) return undefined;
    const { offset, bytes } = part;
    if (offset === 0n && this.#offset > 0) {
      // It is read once more, as the first of the new log.
      this.#offset = 0;
      this.#read = [];
      return { type: "again" };
    }
    if (offset !== BigInt(this.#offset)) {
      const where = `begins at byte ${offset}, not ${this.#offset}: it does not go on where the last ended`;
      throw new LogError("gap", `part ${this.#next} of the log ${where}`);
    }
    this.#next += 1;
    this.#offset += bytes.length;
    this.#read.push({ length: bytes.length, hash: await sha256(bytes) });
    return { type: "bytes", bytes };
  }

  /** What of the result's log was not read yet; `undefined` where that does not begin as what was read. */
  async restOf(log: Uint8Array): Promise<Uint8Array | undefined> {
    let at = 0;
    for (const { length, hash } of this.#read) {
      const part = log.subarray(at, at + length);
      at += length;
      if (part.length !== length || !sameBytes(await sha256(part), hash)) return undefined;
    }
    return log.subarray(at);
  }

  async #fetch(blobs: BlobStore, key: SealKey | undefined): Promise<{ offset: bigint; bytes: Uint8Array } | undefined> {
    const number = this.#next;
    const malformed = () => {
      const why = "it was changed, or the node is of another version";
      return new LogError("malformed", `part ${number} of the log is none that this package reads: ${why}`);
    };
    if (blobs.getNamed === undefined) {
      const how = "give one of `folderBlobs`, `httpBlobs` or `blobStore`, or add `getNamed` to it";
      throw new LogError("store", `this blob store cannot read names, so it has no logs of running jobs: ${how}`);
    }
    const part = await blobs.getNamed(logPartName(this.place, number), MOST);
    if (part === undefined) return undefined;
    const begins = sameBytes(part.subarray(0, MAGIC.length), utf8(MAGIC)) && part[MAGIC.length] === VERSION;
    if (!begins || part.length < HEADER) throw malformed();
    const signature = part.slice(HEADER - SIGNATURE, HEADER) as unknown as SignatureBytes;
    const content = part.subarray(HEADER);
    const signer = await getPublicKeyFromAddress(this.nodeKey);
    if (!(await verifySignature(signer, signature, await message(this.place, number, content)))) {
      const what = "is not what the job's node signed: it was changed, and is not shown";
      throw new LogError("forged", `part ${number} of the log ${what}`);
    }
    const opened = await this.#open(content, key);
    if (opened.length < OFFSET) throw malformed();
    const offset = new DataView(opened.buffer, opened.byteOffset).getBigUint64(0, true);
    return { offset, bytes: opened.slice(OFFSET) };
  }

  async #open(content: Uint8Array, key: SealKey | undefined): Promise<Uint8Array> {
    if (!isSealed(content)) return content;
    if (key === undefined) {
      throw new LogError("sealed", "the log is sealed to the job's customer: pass that wallet's key as `key`");
    }
    return await new Opener(key, this.place.context).open("log", content);
  }
}
