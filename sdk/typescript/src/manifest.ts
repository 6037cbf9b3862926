import type { ReadonlyUint8Array } from "@solana/kit";
import type { BlobStore } from "./blobs.js";
import { fromHex } from "./bytes.js";
import { isSealed, type Opener } from "./seal.js";
import { isSafePath } from "./spec.js";

/** A file in the blob store. */
export interface StoredFile {
  /** Path in the job's folder. */
  path: string;
  /** SHA-256 of its bytes, hexadecimal. */
  sha256: string;
  /** Bytes, of what was sealed where it is sealed. */
  size: number;
}

/** What a job left behind; its SHA-256 is the final receipt's output digest. */
export interface ResultManifest {
  /** Version of this format. */
  version: 1;
  /** The job account. */
  job: string;
  /** SHA-256 of the job spec, hexadecimal. */
  spec: string;
  /** Exit code of the process; a signal counts as 128 and its number. */
  exit_code: number;
  /** What it ran on, for people. */
  device: string;
  /** The outputs that were there at the end. */
  outputs: StoredFile[];
  /** Outputs of the spec that were not there. */
  missing: string[];
  /** Standard output and error, as one file. */
  logs: StoredFile | null;
}

/** A result that cannot be read. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/**
 * The manifest with the SHA-256 `digest`, opened if it is sealed.
 *
 * @throws {ManifestError} also if it is sealed and there is no `opener`; {@link SealError} if it does not open.
 */
export async function fetchManifest(
  blobs: BlobStore,
  digest: ReadonlyUint8Array,
  opener?: Opener,
): Promise<ResultManifest> {
  const bytes = await blobs.get(digest);
  const sealed = isSealed(bytes);
  if (sealed && opener === undefined) {
    throw new ManifestError(
      "the result is sealed to the job's customer: open it with `sealedResult` and that wallet's key",
    );
  }
  const text = new TextDecoder().decode(sealed ? await opener?.open("manifest", bytes) : bytes);
  let manifest: ResultManifest;
  try {
    manifest = JSON.parse(text) as ResultManifest;
  } catch (error) {
    throw new ManifestError("the result's manifest does not read", { cause: error });
  }
  if (manifest.version !== 1 || !Array.isArray(manifest.outputs)) {
    throw new ManifestError(`the result's manifest has version ${manifest.version}: this package reads version 1`);
  }
  return manifest;
}

/**
 * The bytes of one of a manifest's files, with hash, size and path checked, opened if it is sealed.
 *
 * @throws {ManifestError} if it is not what the manifest says; {@link SealError} if it does not open.
 */
export async function fetchFile(blobs: BlobStore, file: StoredFile, opener?: Opener): Promise<Uint8Array> {
  if (!isSafePath(file.path)) throw new ManifestError(`the result names the file \`${file.path}\`, outside its folder`);
  const stored = await blobs.get(fromHex(file.sha256, 32));
  const sealed = isSealed(stored);
  const bytes = sealed && opener !== undefined ? await opener.open("file", stored) : stored;
  if (bytes.length !== file.size) {
    if (sealed && opener === undefined) {
      throw new ManifestError(
        `\`${file.path}\` is sealed to the job's customer: pass what \`sealedResult\` gives to open it`,
      );
    }
    throw new ManifestError(`\`${file.path}\` has ${bytes.length} bytes, its manifest says ${file.size}`);
  }
  return bytes;
}
