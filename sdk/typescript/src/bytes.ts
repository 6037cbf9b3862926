import { getBase16Decoder, getBase16Encoder, type ReadonlyUint8Array } from "@solana/kit";

/** Lower-case hexadecimal of `bytes`. */
export function toHex(bytes: ReadonlyUint8Array): string {
  return getBase16Decoder().decode(bytes);
}

/**
 * The bytes that `text` stands for in hexadecimal.
 *
 * @throws {RangeError} if it is not hexadecimal, or not of `length` bytes where that is given.
 */
export function fromHex(text: string, length?: number): Uint8Array {
  const bytes = length ?? text.length / 2;
  if (!/^[0-9a-fA-F]*$/.test(text) || text.length !== bytes * 2) {
    throw new RangeError(`\`${text}\` is not hexadecimal${length === undefined ? "" : ` of ${length} bytes`}`);
  }
  return new Uint8Array(getBase16Encoder().encode(text));
}

/** SHA-256 of `bytes`. */
export async function sha256(bytes: ReadonlyUint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
}

/** Whether two byte strings are the same. */
export function sameBytes(one: ReadonlyUint8Array, other: ReadonlyUint8Array): boolean {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** Whether all bytes are zeros, which stands for "none" on chain. */
export function isZero(bytes: ReadonlyUint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** The UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
