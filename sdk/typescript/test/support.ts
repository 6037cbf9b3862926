import { readFile } from "node:fs/promises";
import { type Address, createNoopSigner, getAddressDecoder, type TransactionSigner } from "@solana/kit";

/** The package's folder: tests run from there. */
export const ROOT = process.cwd();

/** A file of `sdk/vectors`. */
export async function vectors<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(`${ROOT}/../vectors/${name}.json`, "utf8")) as T;
}

/** The key whose bytes are all `byte`. */
export function key(byte: number): Address {
  return getAddressDecoder().decode(new Uint8Array(32).fill(byte));
}

/** A signer of {@link key} that signs nothing. */
export function signer(byte: number): TransactionSigner {
  return createNoopSigner(key(byte));
}

/** 64-bit numbers as strings, bytes in hexadecimal: what the vectors write. */
export function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
  }
  return value === undefined ? null : value;
}
