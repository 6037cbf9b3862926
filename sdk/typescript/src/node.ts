/**
 * What only Node.js has: key files and blob stores in folders.
 *
 * @module
 */

import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { createKeyPairSignerFromBytes, type KeyPairSigner } from "@solana/kit";
import { type BlobStore, blobStore, tooMuch } from "./blobs.js";
import type { ResultManifest } from "./manifest.js";
import { fetchFile } from "./manifest.js";
import type { Opener } from "./seal.js";

/**
 * The signer in a key file as Solana's tools write it: 64 numbers.
 *
 * @param options `extractable` lets {@link SealKey} have the secret key, to open what is sealed to it; it is not, unless said otherwise.
 * @throws {Error} if others can read the file, or it is no key file; never with the key in the message.
 */
export async function loadKeypair(path: string, options: { extractable?: boolean } = {}): Promise<KeyPairSigner> {
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    throw new Error(`the key file ${path} can be read by others: run \`chmod 600 ${path}\``);
  }
  const text = await readFile(path, "utf8");
  let numbers: unknown;
  try {
    numbers = JSON.parse(text);
  } catch {
    throw new Error(`${path} is no Solana key file: it is not JSON`);
  }
  const valid =
    Array.isArray(numbers) && numbers.length === 64 && numbers.every((n) => Number.isInteger(n) && n >= 0 && n <= 255);
  if (!valid) throw new Error(`${path} is no Solana key file: it must hold 64 numbers from 0 to 255`);
  return await createKeyPairSignerFromBytes(Uint8Array.from(numbers as number[]), options.extractable ?? false);
}

/** The blob store in `folder`, laid out as Gantry's other programs do it. */
export function folderBlobs(folder: string): BlobStore {
  return blobStore({
    async read(name, most) {
      const path = join(folder, name);
      try {
        const { size } = most === undefined ? { size: 0 } : await stat(path);
        if (most !== undefined && size > most) throw tooMuch(name, size, most);
        return new Uint8Array(await readFile(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(name, bytes) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      // Whole or not at all: a node may read it at any time.
      const part = `${path}.${crypto.randomUUID()}`;
      await writeFile(part, bytes as Uint8Array);
      await rename(part, path);
    },
  });
}

/** What reads the files that a spec names, relative to the folder that the spec lies in: for {@link PrepareOptions}`.files`. */
export function filesIn(folder: string): (file: string) => Promise<Uint8Array> {
  return async (file) => new Uint8Array(await readFile(resolve(folder, file)));
}

/**
 * Writes the outputs and logs of a result into `folder`, each checked against its hash; gives the paths written.
 *
 * @param opener Opens the files of a sealed result: {@link Gantry.sealedResult} gives it.
 */
export async function saveResult(
  manifest: ResultManifest,
  blobs: BlobStore,
  folder: string,
  opener?: Opener,
): Promise<string[]> {
  const files = manifest.logs === null ? manifest.outputs : [...manifest.outputs, manifest.logs];
  const written: string[] = [];
  for (const file of files) {
    const bytes = await fetchFile(blobs, file, opener);
    const path = join(folder, file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    written.push(path);
  }
  return written;
}
