/**
 * Job specs, version 1: what to run, on what, and for how much.
 *
 * @module
 */

import { parseAmount } from "./amount.js";
import type { BlobStore } from "./blobs.js";
import { fromHex, sha256, toHex, utf8 } from "./bytes.js";
import type { OpenJobInstructionDataArgs } from "./generated/index.js";
import type { Sealer } from "./seal.js";
import { checkSpec, flagsToBits, gpuCode, tooLong } from "./spec/check.js";
import { type JobInput, type JobSpec, MAX_SPEC_BYTES, type NodeRequirements, SpecError } from "./spec/types.js";

export { checkSpec, flagsFromBits, flagsToBits, isSafePath, parseSpec } from "./spec/check.js";
export * from "./spec/types.js";

/** A job spec whose inputs are blobs, with the bytes that the job's `specHash` covers. */
export interface PreparedSpec {
  /** The spec, with its inputs named by SHA-256. */
  readonly spec: JobSpec;
  /** The blob whose SHA-256 is `hash`. */
  readonly bytes: Uint8Array;
  /** The job's `specHash`. */
  readonly hash: Uint8Array;
  /** What it was sealed with; then its `bytes` and inputs are sealed, too. */
  readonly sealer?: Sealer;
}

/** How a spec is prepared. */
export interface PrepareOptions {
  /** Reads the inputs that a spec names as a `file`: {@link filesIn} of `@gantry/sdk/node` reads them from a folder. */
  files?: (file: string) => Promise<Uint8Array>;
  /**
   * Seals the spec, and the inputs that are given as bytes or files, to the node that the job is fixed to: {@link Gantry.sealer} makes it.
   * What the spec names by its SHA-256 alone stays as it is in the store. Sealing again gives other bytes: to open a job again after a
   * crash, keep what was prepared.
   */
  sealer?: Sealer;
}

/**
 * Checks `spec`, stores its inputs and itself in `blobs`, and gives what {@link Gantry.openJob} takes.
 *
 * @throws {SpecError} naming the first field with a value that cannot be; {@link SealError} where the node's key is none.
 */
export async function prepareSpec(
  spec: JobSpec,
  blobs: BlobStore,
  options: PrepareOptions = {},
): Promise<PreparedSpec> {
  const checked = checkSpec(spec);
  const inputs: { path: string; sha256: string }[] = [];
  for (const [place, input] of (checked.inputs ?? []).entries()) {
    inputs.push({ path: input.path, sha256: await storeInput(input, `inputs[${place}]`, blobs, options) });
  }
  const named = { ...checked, inputs };
  const bytes = utf8(JSON.stringify(named));
  if (bytes.length > MAX_SPEC_BYTES) throw tooLong(bytes.length);
  const { sealer } = options;
  if (sealer === undefined) return { spec: named, bytes, hash: await blobs.put(bytes) };
  const sealed = await sealer.seal("spec", bytes);
  return { spec: named, bytes: sealed, hash: await blobs.put(sealed), sealer };
}

async function storeInput(input: JobInput, field: string, blobs: BlobStore, options: PrepareOptions): Promise<string> {
  const bytes = await inputBytes(input, field, options);
  if (bytes === undefined) {
    // Read it, not just look for it: a damaged blob would only show when the job has been paid for.
    await blobs.get(fromHex(input.sha256 ?? "", 32));
    return (input.sha256 ?? "").toLowerCase();
  }
  const found = toHex(await sha256(bytes));
  if (input.sha256 !== undefined && input.sha256.toLowerCase() !== found) {
    throw new SpecError(field, `its bytes have the SHA-256 ${found}, the spec wants ${input.sha256}`);
  }
  return toHex(await blobs.put(options.sealer === undefined ? bytes : await options.sealer.seal("file", bytes)));
}

async function inputBytes(input: JobInput, field: string, options: PrepareOptions): Promise<Uint8Array | undefined> {
  if (input.file === undefined) return input.bytes;
  if (options.files === undefined) {
    const problem =
      "is read by `files`: pass `{ files: filesIn(folder) }` of @gantry/sdk/node, or give the input's `bytes`";
    throw new SpecError(`${field}.file`, problem);
  }
  return await options.files(input.file);
}

/** The terms that open a job, but for what the caller of {@link jobTerms} gives. */
export type JobTerms = Omit<OpenJobInstructionDataArgs, "id" | "node" | "matcher">;

/**
 * The terms of a job that runs `prepared` and is paid in a token with `decimals`.
 *
 * @throws {SpecError} if the price has more digits than the token, or the spec is invalid.
 */
export function jobTerms(prepared: PreparedSpec, decimals: number): JobTerms {
  const { spec } = prepared;
  const asked = spec.requirements ?? {};
  return {
    maxPricePerHour: price(spec.max_price_per_hour, decimals),
    specHash: prepared.hash,
    maxDuration: spec.max_duration_seconds,
    startDeadline: spec.start_deadline_seconds ?? 60,
    proofTimeout: spec.proof_timeout_seconds ?? 30,
    diskGib: asked.disk_gib ?? 0,
    mbps: asked.mbps ?? 0,
    gpuModels: gpuModels(asked),
    countries: countryCodes(asked),
    vramGib: asked.gpu?.vram_gib ?? 0,
    ramGib: asked.ram_gib ?? 0,
    flags: flagsToBits(asked.flags ?? []),
    reputationBps: asked.reputation_bps ?? 0,
    slaUptimeBps: spec.sla_uptime_bps ?? 9_900,
    gpuCount: asked.gpu?.count ?? 0,
    tier: asked.tier ?? 0,
  };
}

function price(text: string, decimals: number): bigint {
  try {
    return parseAmount(text, decimals);
  } catch (error) {
    throw new SpecError("max_price_per_hour", error instanceof Error ? error.message : String(error));
  }
}

function gpuModels(asked: NodeRequirements): number[] {
  const codes = (asked.gpu?.models ?? []).map((model) => gpuCode(model, "requirements.gpu.models"));
  return [...codes, 0, 0, 0, 0].slice(0, 4);
}

function countryCodes(asked: NodeRequirements): Uint8Array[] {
  const codes = (asked.countries ?? []).map(utf8);
  return Array.from({ length: 8 }, (_, place) => codes[place] ?? new Uint8Array(2));
}
