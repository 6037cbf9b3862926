/**
 * Job specs, version 1: what to run, on what, and for how much.
 *
 * @module
 */

import { parseAmount } from "./amount.js";
import type { BlobStore } from "./blobs.js";
import { fromHex, sha256, toHex, utf8 } from "./bytes.js";
import type { OpenJobInstructionDataArgs } from "./generated/index.js";
import { GPU_MODELS } from "./gpu.js";

/** Most bytes of a spec. */
export const MAX_SPEC_BYTES = 64 * 1024;
const MAX_FILES = 64;

/** Attestation flags by their bits. */
export const FLAGS = ["DATACENTER", "GDPR_DPA", "ISO27001", "SOC2", "CONFIDENTIAL_COMPUTING", "EEA"] as const;
/** An attestation flag. */
export type Flag = (typeof FLAGS)[number];

/** How a job is run. What the runners take is checked by the node: see `docs/` for each. */
export interface Runner {
  /** A program on the host: for private pools and tests. */
  process?: { command: string[]; env?: Record<string, string> };
  /** Other runners, by their name. */
  [name: string]: unknown;
}

/** What a job asks of a node. Zero, empty and left out mean that anything will do. */
export interface NodeRequirements {
  /** GPUs; left out for a job that needs none. */
  gpu?: { count: number; models?: string[]; vram_gib?: number };
  /** Least main memory, GiB. */
  ram_gib?: number;
  /** Least disk, GiB. */
  disk_gib?: number;
  /** Least bandwidth, Mbit/s. */
  mbps?: number;
  /** At most 8 ISO 3166-1 alpha-2 codes, any of which will do. */
  countries?: string[];
  /** Attestation flags that are all required. */
  flags?: Flag[];
  /** Least attested tier, 0 to 3. */
  tier?: number;
  /** Least reputation, basis points. */
  reputation_bps?: number;
}

/** A file that is there when the job starts: its bytes, or the SHA-256 of a blob that is in the store already. */
export interface JobInput {
  /** Where the job finds it, in its folder. */
  path: string;
  /** Its bytes: stored when the job is prepared. */
  bytes?: Uint8Array;
  /** SHA-256 of its bytes, hexadecimal. */
  sha256?: string;
}

/** What a job runs, on what, and for how much: the same fields as in a spec file. */
export interface JobSpec {
  /** Version of this format. */
  version: 1;
  /** What people call it: 1 to 64 characters. */
  name: string;
  /** How it is run: exactly one runner. */
  runner: Runner;
  /** Files that are there when it starts. */
  inputs?: JobInput[];
  /** Files that it leaves behind, as paths in its folder. */
  outputs?: string[];
  /** What it asks of a node. */
  requirements?: NodeRequirements;
  /** Highest price per hour, in the payment token: `"1.50"`. */
  max_price_per_hour: string;
  /** Most seconds to run; with the highest price, what is deposited. */
  max_duration_seconds: number;
  /** Uptime target, basis points; 9,900 unless said otherwise. */
  sla_uptime_bps?: number;
  /** Seconds that a node has to start it; 60 unless said otherwise. */
  start_deadline_seconds?: number;
  /** Seconds without a proof after which it lapses; 30 unless said otherwise. */
  proof_timeout_seconds?: number;
}

/** A spec that is refused. */
export class SpecError extends Error {
  override readonly name = "SpecError";

  /** @param field Path of the field, such as `inputs[0].path`. @param problem What to write instead. */
  constructor(
    readonly field: string,
    readonly problem: string,
  ) {
    super(`job spec field \`${field}\`: ${problem}`);
  }
}

/** A job spec whose inputs are blobs, with the bytes that the job's `specHash` covers. */
export interface PreparedSpec {
  /** The spec, with its inputs named by SHA-256. */
  readonly spec: JobSpec;
  /** The blob whose SHA-256 is `hash`. */
  readonly bytes: Uint8Array;
  /** The job's `specHash`. */
  readonly hash: Uint8Array;
}

/**
 * Checks `spec`, stores its inputs and itself in `blobs`, and gives what {@link Gantry.openJob} takes.
 *
 * @throws {SpecError} naming the first field with a value that cannot be.
 */
export async function prepareSpec(spec: JobSpec, blobs: BlobStore): Promise<PreparedSpec> {
  check(spec);
  const inputs: { path: string; sha256: string }[] = [];
  for (const [place, input] of (spec.inputs ?? []).entries()) {
    inputs.push({ path: input.path, sha256: await storeInput(input, `inputs[${place}]`, blobs) });
  }
  const named = { ...spec, inputs };
  const bytes = utf8(JSON.stringify(named));
  if (bytes.length > MAX_SPEC_BYTES) {
    throw new SpecError("inputs", `the spec has ${bytes.length} bytes, at most ${MAX_SPEC_BYTES} are allowed`);
  }
  return { spec: named, bytes, hash: await blobs.put(bytes) };
}

async function storeInput(input: JobInput, field: string, blobs: BlobStore): Promise<string> {
  if (input.bytes === undefined) {
    // Read it, not just look for it: a damaged blob would only show when the job has been paid for.
    await blobs.get(fromHex(input.sha256 ?? "", 32));
    return (input.sha256 ?? "").toLowerCase();
  }
  const found = toHex(await sha256(input.bytes));
  if (input.sha256 !== undefined && input.sha256.toLowerCase() !== found) {
    throw new SpecError(field, `its bytes have the SHA-256 ${found}, the spec wants ${input.sha256}`);
  }
  return toHex(await blobs.put(input.bytes));
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
    flags: flagBits(asked),
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

function integer(field: string, value: number | undefined, least: number, most: number) {
  if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
    throw new SpecError(field, `write a whole number from ${least} to ${most}`);
  }
}

/** Whether `path` stays inside the folder that it is relative to, on any system. */
export function isSafePath(path: string): boolean {
  const names = path.split("/");
  return names.every((name) => name !== "" && name !== "." && name !== "..") && !/[\\:\p{Cc}]/u.test(path);
}

function checkFiles(spec: JobSpec) {
  for (const field of ["inputs", "outputs"] as const) {
    const paths = (spec[field] ?? []).map((file) => (typeof file === "string" ? file : file.path));
    if (paths.length > MAX_FILES) throw new SpecError(field, `at most ${MAX_FILES} files`);
    for (const [place, path] of paths.entries()) {
      const named = field === "inputs" ? `inputs[${place}].path` : `outputs[${place}]`;
      if (!isSafePath(path)) throw new SpecError(named, "write a path inside the job's folder: relative, without `..`");
      if (paths.indexOf(path) !== place) throw new SpecError(named, "is there twice");
    }
  }
  for (const [place, input] of (spec.inputs ?? []).entries()) {
    const named = input.bytes !== undefined || /^[0-9a-fA-F]{64}$/.test(input.sha256 ?? "");
    if (!named)
      throw new SpecError(`inputs[${place}]`, "give its `bytes`, a `sha256` of 64 hexadecimal digits, or both");
  }
}

function check(spec: JobSpec) {
  if (spec.version !== 1) throw new SpecError("version", "this package reads version 1");
  const characters = [...spec.name].length;
  if (characters < 1 || characters > 64 || /\p{Cc}/u.test(spec.name)) {
    throw new SpecError("name", "write 1 to 64 printable characters");
  }
  if (Object.keys(spec.runner).length !== 1) throw new SpecError("runner", "name exactly one runner");
  const command = spec.runner.process?.command;
  if (spec.runner.process !== undefined && !command?.[0]) {
    throw new SpecError("runner.process.command", 'name a program: ["program", "argument", …]');
  }
  checkFiles(spec);
  // How many digits the token has is known when the job is opened.
  const digits = spec.max_price_per_hour;
  if (!/^[0-9]+(\.[0-9]+)?$/.test(digits)) price(digits, 0);
  if (!/[1-9]/.test(digits)) throw new SpecError("max_price_per_hour", "must be above zero");
  const u16 = 0xffff;
  const u32 = 0xffff_ffff;
  integer("max_duration_seconds", spec.max_duration_seconds, 1, u32);
  integer("sla_uptime_bps", spec.sla_uptime_bps, 0, 10_000);
  integer("start_deadline_seconds", spec.start_deadline_seconds, 1, u32);
  integer("proof_timeout_seconds", spec.proof_timeout_seconds, 1, u32);
  const asked = spec.requirements ?? {};
  integer("requirements.gpu.count", asked.gpu?.count, 1, 255);
  integer("requirements.gpu.vram_gib", asked.gpu?.vram_gib, 0, u16);
  integer("requirements.ram_gib", asked.ram_gib, 0, u16);
  integer("requirements.disk_gib", asked.disk_gib, 0, u32);
  integer("requirements.mbps", asked.mbps, 0, u32);
  integer("requirements.tier", asked.tier, 0, 3);
  integer("requirements.reputation_bps", asked.reputation_bps, 0, 10_000);
  gpuModels(asked);
  countryCodes(asked);
  flagBits(asked);
}

function gpuModels(asked: NodeRequirements): number[] {
  const field = "requirements.gpu.models";
  const names = asked.gpu?.models ?? [];
  if (names.length > 4) throw new SpecError(field, "at most 4 models");
  const codes = names.map((name) => {
    const code = GPU_MODELS.indexOf(name.toLowerCase() as (typeof GPU_MODELS)[number]);
    if (code < 1) throw new SpecError(field, `\`${name}\` is unknown; there are ${GPU_MODELS.slice(1).join(", ")}`);
    return code;
  });
  return [...codes, 0, 0, 0, 0].slice(0, 4);
}

function countryCodes(asked: NodeRequirements): Uint8Array[] {
  const field = "requirements.countries";
  const names = asked.countries ?? [];
  if (names.length > 8) throw new SpecError(field, "at most 8 countries");
  const codes = names.map((name) => {
    if (!/^[A-Z]{2}$/.test(name)) {
      throw new SpecError(field, `\`${name}\` is no country code: write two capital letters, as in DE`);
    }
    return utf8(name);
  });
  return Array.from({ length: 8 }, (_, place) => codes[place] ?? new Uint8Array(2));
}

function flagBits(asked: NodeRequirements): number {
  return flagsToBits(asked.flags ?? []);
}

/**
 * The bits of `flags` on chain.
 *
 * @throws {SpecError} for a flag that is none.
 */
export function flagsToBits(flags: readonly Flag[]): number {
  return flags.reduce((bits, flag) => {
    const place = FLAGS.indexOf(flag);
    if (place < 0) throw new SpecError("requirements.flags", `\`${flag}\` is no flag; there are ${FLAGS.join(", ")}`);
    return bits | (1 << place);
  }, 0);
}

/** The flags that `bits` stand for. */
export function flagsFromBits(bits: number): Flag[] {
  return FLAGS.filter((_, place) => (bits & (1 << place)) !== 0);
}
