/**
 * Sealed blobs, version 1: bytes that only the holder of one ed25519 key can read. The format is in `docs/job-spec.md`.
 *
 * A spec and its inputs are sealed to the node that a job is fixed to, a result to the job's customer. Sealing needs the recipient's
 * public key alone, and says nothing of who sealed: that is what the job's `specHash` and the final receipt's output digest say.
 *
 * @module
 */

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { type Address, getAddressDecoder, getAddressEncoder, type ReadonlyUint8Array } from "@solana/kit";
import { sameBytes, utf8 } from "./bytes.js";

const MAGIC = "gantry.sealed";
const VERSION = 1;
const SALT = "gantry.seal.v1";
const NONCE = 24;
const TAG = 16;
const LENGTH = 8;
/** Magic, version, kind and the sender's key. */
const BOUND = MAGIC.length + 2 + 32;
const HEADER = BOUND + NONCE;
/** Least length of the padded content. */
const LEAST = 1_024;

/** What is sealed, by the numbers in the blobs, from 1. */
const KINDS = ["spec", "manifest", "file", "log"] as const;
/** What is sealed: a job spec, a result's manifest, an input, an output or a log, or a part of a log that is still being written. */
export type SealKind = (typeof KINDS)[number];

/** Where a sealed blob belongs. */
export interface SealContext {
  /** Genesis hash of the cluster, 32 bytes, as the market's parameters have it. */
  readonly genesisHash: ReadonlyUint8Array;
  /** The job account: {@link jobAddress} names it before the job is opened. */
  readonly job: Address;
}

/**
 * Why a blob cannot be sealed or opened:
 * `not-sealed` where it does not begin as sealed blobs do, `truncated` where its end is missing, `version` and `kind` where it is of
 * another version or was sealed as something else, `closed` where it was changed or is for another key, job or cluster,
 * `recipient` where nobody can have the key that it is to be sealed to, `wrong-key` where a job's result is sealed to another wallet,
 * and `key` where what is to open it is no key.
 */
export type SealErrorKind =
  | "not-sealed"
  | "truncated"
  | "version"
  | "kind"
  | "closed"
  | "recipient"
  | "wrong-key"
  | "key";

/** A blob that cannot be sealed or opened. */
export class SealError extends Error {
  override readonly name = "SealError";

  /** @param kind What is wrong. @param message What to do. */
  constructor(
    readonly kind: SealErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Where a secret key is: the 32 bytes of its seed, the 64 of a Solana key file, or a key pair or signer of `@solana/kit` that was made
 * with `extractable` true.
 */
export type SecretSource = ReadonlyUint8Array | CryptoKeyPair | { readonly keyPair: CryptoKeyPair };

const KEY_WANTED =
  "give the wallet's 32-byte seed, the 64 bytes of its key file, or a key pair that was made with `extractable` true, as by " +
  "`generateKeyPairSigner(true)` or `loadKeypair(path, { extractable: true })`";

/** A secret key that opens what is sealed to it. Its bytes do not leave it. */
export class SealKey {
  /** The public key: what is sealed to this opens. */
  readonly address: Address;
  readonly #secret: Uint8Array;

  private constructor(seed: Uint8Array) {
    this.address = getAddressDecoder().decode(ed25519.getPublicKey(seed));
    // The scalar that ed25519 makes of its seed: the first half of its SHA-512, clamped.
    this.#secret = ed25519.utils.toMontgomerySecret(seed);
  }

  /**
   * The key in `source`.
   *
   * @throws {SealError} `key` for one that keeps its secret to itself, as wallets in browsers and on devices do, or that is none.
   */
  static async from(source: SecretSource): Promise<SealKey> {
    const seed = isPair(source) ? await exportSeed(source) : seedOf(source);
    try {
      return new SealKey(seed);
    } finally {
      seed.fill(0);
    }
  }

  /** What X25519 gives with `sender`. @throws {Error} for one of small order. */
  exchange(sender: Uint8Array): Uint8Array {
    return x25519.getSharedSecret(this.#secret, sender);
  }
}

function isPair(source: SecretSource): source is Exclude<SecretSource, ReadonlyUint8Array> {
  return !(source instanceof Uint8Array);
}

function seedOf(bytes: ReadonlyUint8Array): Uint8Array {
  if (bytes.length !== 32 && bytes.length !== 64) {
    throw new SealError("key", `a secret key of ${bytes.length} bytes is none: ${KEY_WANTED}`);
  }
  const seed = new Uint8Array(bytes.slice(0, 32));
  if (bytes.length === 64 && !sameBytes(ed25519.getPublicKey(seed), bytes.slice(32))) {
    throw new SealError("key", "the two halves of these 64 bytes are no pair: give them as the key file has them");
  }
  return seed;
}

async function exportSeed(source: CryptoKeyPair | { readonly keyPair: CryptoKeyPair }): Promise<Uint8Array> {
  const pair = "keyPair" in source ? source.keyPair : source;
  const key: CryptoKey | undefined = pair?.privateKey;
  if (key === undefined) {
    throw new SealError("key", `this signer has no secret key that could open anything: ${KEY_WANTED}`);
  }
  if (!key.extractable) {
    const devices = "wallets in browsers and on devices give theirs to nobody: open sealed jobs with another";
    throw new SealError("key", `this key pair keeps its secret key to itself: ${KEY_WANTED}; ${devices}`);
  }
  // The form has 16 bytes in front of the seed.
  const exported = new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  if (exported.length !== 48) throw new SealError("key", `this is no ed25519 key pair: ${KEY_WANTED}`);
  return exported.slice(16);
}

/** Whether `bytes` begin as sealed blobs do. */
export function isSealed(bytes: ReadonlyUint8Array): boolean {
  return sameBytes(bytes.slice(0, MAGIC.length), utf8(MAGIC));
}

/**
 * Length of padded content of `length` bytes: the least number that is not below it and 1,024, and whose binary form has at most
 * ⌊log₂⌊log₂ n⌋⌋ + 1 digits before its zeros (Padmé). At most 12 % longer, above the least.
 */
export function paddedLength(length: number): number {
  const least = Math.max(length, LEAST);
  const exponent = log2(least);
  const unit = 2 ** Math.max(exponent - log2(exponent) - 1, 0);
  return Math.ceil(least / unit) * unit;
}

/** The binary logarithm, rounded down: exact, where `Math.log2` is not. */
function log2(number: number): number {
  return number.toString(2).length - 1;
}

/** Seals for one recipient and one job. */
export class Sealer {
  /** @param recipient Whose ed25519 key opens it. @param context Where it belongs. */
  constructor(
    readonly recipient: Address,
    readonly context: SealContext,
  ) {}

  /** Seals `content`. @throws {SealError} `recipient` for a key that nobody can have. */
  async seal(kind: SealKind, content: ReadonlyUint8Array): Promise<Uint8Array> {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    try {
      return await sealWith(this, kind, content, secret, crypto.getRandomValues(new Uint8Array(NONCE)));
    } finally {
      secret.fill(0);
    }
  }
}

/** As {@link Sealer}`.seal`, with the random numbers given: for test vectors only. Numbers that are used twice give the content away. */
export async function sealWith(
  { recipient, context }: Sealer,
  kind: SealKind,
  content: ReadonlyUint8Array,
  secret: Uint8Array,
  nonce: Uint8Array,
): Promise<Uint8Array> {
  const sender = x25519.getPublicKey(secret);
  const shared = x25519.getSharedSecret(secret, montgomery(recipient));
  const key = await encryptionKey(shared, sender, recipient);
  const plain = new Uint8Array(paddedLength(LENGTH + content.length));
  new DataView(plain.buffer).setBigUint64(0, BigInt(content.length), true);
  plain.set(content, LENGTH);
  const sealed = new Uint8Array(HEADER + plain.length + TAG);
  sealed.set(utf8(MAGIC));
  sealed.set([VERSION, KINDS.indexOf(kind) + 1], MAGIC.length);
  sealed.set(sender, MAGIC.length + 2);
  sealed.set(nonce, BOUND);
  const cipher = xchacha20poly1305(key, nonce, associated(sealed, context));
  sealed.set(cipher.encrypt(plain), HEADER);
  for (const secretBytes of [shared, key, plain]) secretBytes.fill(0);
  return sealed;
}

/** Opens what is sealed to one key for one job. */
export class Opener {
  /** @param key The recipient's key. @param context Where it belongs. */
  constructor(
    readonly key: SealKey,
    readonly context: SealContext,
  ) {}

  /**
   * Opens a blob that was sealed to this key, for this job, as this kind.
   *
   * @throws {SealError} if it is no sealed blob, or anything about it is not as it was when it was sealed.
   */
  async open(kind: SealKind, sealed: ReadonlyUint8Array): Promise<Uint8Array> {
    checkHeader(kind, sealed);
    const bytes = new Uint8Array(sealed);
    const sender = bytes.slice(MAGIC.length + 2, BOUND);
    let plain: Uint8Array;
    try {
      const shared = this.key.exchange(sender);
      const key = await encryptionKey(shared, sender, this.key.address);
      const cipher = xchacha20poly1305(key, bytes.slice(BOUND, HEADER), associated(bytes, this.context));
      plain = cipher.decrypt(bytes.subarray(HEADER));
      for (const secretBytes of [shared, key]) secretBytes.fill(0);
    } catch (cause) {
      throw closed(bytes.length, cause);
    }
    const length = new DataView(plain.buffer, plain.byteOffset).getBigUint64(0, true);
    if (length > plain.length - LENGTH) throw closed(bytes.length);
    return plain.slice(LENGTH, LENGTH + Number(length));
  }
}

function checkHeader(kind: SealKind, sealed: ReadonlyUint8Array): void {
  if (!isSealed(sealed)) throw new SealError("not-sealed", "this is no sealed blob");
  if (sealed.length < HEADER + LENGTH + TAG) throw truncated();
  const version = sealed[MAGIC.length];
  if (version !== VERSION) {
    throw new SealError("version", `sealed blob version ${version} is unknown: this package reads version 1`);
  }
  const found = KINDS[(sealed[MAGIC.length + 1] ?? 0) - 1];
  if (found !== kind) {
    throw new SealError(
      "kind",
      `this was sealed as a ${found ?? "thing of an unknown kind"}, not as a ${kind}: it was moved or changed`,
    );
  }
}

function truncated(): SealError {
  return new SealError("truncated", "the end of this sealed blob is missing: fetch it again");
}

function closed(length: number, cause?: unknown): SealError {
  // Whole blobs have lengths of their own.
  const content = length - HEADER - TAG;
  if (content !== paddedLength(content)) return truncated();
  const message =
    "the sealed blob does not open: it was changed, or it is sealed to another key, or for another job or cluster";
  return new SealError("closed", message, { cause });
}

/** The ed25519 key on the curve's other form. */
function montgomery(recipient: Address): Uint8Array {
  const bytes = new Uint8Array(getAddressEncoder().encode(recipient));
  const refused = (cause?: unknown) => {
    const message = `${recipient} is no key that a blob can be sealed to: it is no point of the curve, or a weak one`;
    return new SealError("recipient", message, { cause });
  };
  try {
    const point = ed25519.Point.fromBytes(bytes);
    if (!point.isSmallOrder() && point.isTorsionFree()) return ed25519.utils.toMontgomery(bytes);
  } catch (cause) {
    throw refused(cause);
  }
  throw refused();
}

async function encryptionKey(shared: Uint8Array, sender: Uint8Array, recipient: Address): Promise<Uint8Array> {
  const info = new Uint8Array(64);
  info.set(sender);
  info.set(getAddressEncoder().encode(recipient), 32);
  const key = await crypto.subtle.importKey("raw", new Uint8Array(shared), "HKDF", false, ["deriveBits"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(utf8(SALT)), info };
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf, key, 256));
}

/** What the tag covers besides the content. */
function associated(sealed: Uint8Array, { genesisHash, job }: SealContext): Uint8Array {
  const bytes = new Uint8Array(BOUND + 64);
  bytes.set(sealed.subarray(0, BOUND));
  bytes.set(genesisHash, BOUND);
  bytes.set(getAddressEncoder().encode(job), BOUND + 32);
  return bytes;
}
