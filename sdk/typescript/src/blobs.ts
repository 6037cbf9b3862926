import type { ReadonlyUint8Array } from "@solana/kit";
import { sameBytes, sha256, toHex } from "./bytes.js";
import { isSafePath } from "./spec/check.js";

/** Where specs, inputs and results lie, addressed by their SHA-256. */
export interface BlobStore {
  /** Stores `bytes` and gives their SHA-256. */
  put(bytes: ReadonlyUint8Array): Promise<Uint8Array>;
  /** The bytes with this SHA-256, verified. */
  get(hash: ReadonlyUint8Array): Promise<Uint8Array>;
  /**
   * What a store has that can show logs while a job runs: the bytes under a name of their own, at most `most`, and `undefined` where
   * there are none. Nothing vouches for them.
   */
  getNamed?(name: string, most: number): Promise<Uint8Array | undefined>;
}

/** A blob that cannot be stored or read. */
export class BlobError extends Error {
  override readonly name = "BlobError";
}

/** What a blob store keeps its blobs in: any map of names to bytes. */
export interface BlobBackend {
  /** The bytes under `name`; `undefined` where there are none. More than `most` need not be read: throw a {@link BlobError}. */
  read(name: string, most?: number): Promise<ReadonlyUint8Array | undefined>;
  /** Keeps `bytes` under `name`. */
  write(name: string, bytes: ReadonlyUint8Array): Promise<void>;
}

/** Where a blob lies in its store: two levels, so that no folder grows without bound. */
export function blobName(hash: ReadonlyUint8Array): string {
  const hex = toHex(hash);
  return `sha256/${hex.slice(0, 2)}/${hex}`;
}

/** A blob store over `backend`, which verifies what it reads. */
export function blobStore(backend: BlobBackend): BlobStore {
  return {
    async put(bytes) {
      const hash = await sha256(bytes);
      await backend.write(blobName(hash), bytes);
      return hash;
    },
    async get(hash) {
      const bytes = await backend.read(blobName(hash));
      if (bytes === undefined) {
        throw new BlobError(`blob ${toHex(hash)} is not in this store: check which store the node uses`);
      }
      const found = await sha256(bytes);
      if (!sameBytes(found, hash)) {
        throw new BlobError(`blob ${toHex(hash)} is damaged: its bytes have the SHA-256 ${toHex(found)}`);
      }
      return new Uint8Array(bytes);
    },
    async getNamed(name, most) {
      if (!isSafePath(name)) throw new BlobError(`\`${name}\` is no name in a blob store`);
      const bytes = await backend.read(name, most);
      if (bytes !== undefined && bytes.length > most) throw tooMuch(name, bytes.length, most);
      return bytes && new Uint8Array(bytes);
    },
  };
}

/** The error of something under `name` that is longer than it may be. */
export function tooMuch(name: string, bytes: number, most: number): BlobError {
  return new BlobError(`${name} in the blob store has ${bytes} bytes, at most ${most} are read`);
}

/** A blob store in memory. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<string, ReadonlyUint8Array>();
  return blobStore({
    read: async (name) => blobs.get(name),
    write: async (name, bytes) => {
      blobs.set(name, new Uint8Array(bytes));
    },
  });
}

/**
 * A blob store behind an HTTP server that answers GET and takes PUT at `base` and a blob's name, as S3-compatible stores do.
 *
 * Logs of running jobs want 404 for what is not there yet: S3 answers 403 unless the caller may list the bucket.
 *
 * @param request What sends: `fetch`, or one that signs.
 */
export function httpBlobs(base: string, request: typeof fetch = fetch): BlobStore {
  const send = async (method: "GET" | "PUT", name: string, body?: ReadonlyUint8Array) => {
    const url = `${base.replace(/\/+$/, "")}/${name}`;
    let response: Response;
    try {
      response = await request(url, body === undefined ? { method } : { method, body: new Uint8Array(body) });
    } catch (cause) {
      // A browser does not tell a page which of these it is.
      const reasons = "it is down, or, where this runs in a page, its CORS rules do not let the page's origin in";
      throw new BlobError(`the blob store cannot be reached for ${method} ${url}: ${reasons}`, { cause });
    }
    if (response.status === 404 && method === "GET") return undefined;
    if (!response.ok) throw new BlobError(`the blob store answers ${response.status} to ${method} ${url}`);
    return response;
  };
  return blobStore({
    async read(name, most) {
      const response = await send("GET", name);
      const length = Number(response?.headers.get("content-length") ?? 0);
      if (most !== undefined && length > most) {
        await response?.body?.cancel();
        throw tooMuch(name, length, most);
      }
      return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer());
    },
    async write(name, bytes) {
      await send("PUT", name, bytes);
    },
  });
}
