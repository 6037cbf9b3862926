/** Most bytes of a spec. */
export const MAX_SPEC_BYTES = 64 * 1024;

/** Attestation flags by their bits. */
export const FLAGS = ["DATACENTER", "GDPR_DPA", "ISO27001", "SOC2", "CONFIDENTIAL_COMPUTING", "EEA"] as const;
/** An attestation flag. Specs may have it in any case. */
export type Flag = (typeof FLAGS)[number];

/** A program on the host, in a folder of its own and without the node's environment: for trusted pools and tests. */
export interface ProcessRunner {
  /** Program and arguments, at most 256; no shell is involved. */
  command: string[];
  /** Its environment: at most 64 variables. */
  env?: Record<string, string>;
}

/** A container, through Docker or Podman. Limits that are left out are what the node gives a job at most. */
export interface ContainerRunner {
  /** The image by digest, `name@sha256:…`: a tag could mean another image tomorrow, and is refused. */
  image: string;
  /** What runs in it in place of the image's own command; an entry point of the image stays in front. */
  command?: string[];
  /** Added to the image's environment. */
  env?: Record<string, string>;
  /** GPUs that it sees, at most `requirements.gpu.count`; none unless said otherwise. */
  gpus?: number;
  /** What it may reach: nothing unless said otherwise, `outbound` only on nodes whose operator permits it. */
  network?: "none" | "outbound";
  /** Main memory, MiB: from 8. */
  memory_mib?: number;
  /** CPU time in thousandths of a core: from 10. */
  cpu_millis?: number;
  /** Processes and threads. */
  pids?: number;
  /** Everything that it writes into `/work`, MiB. */
  disk_mib?: number;
}

/** How a job is run: exactly one of these. */
export type Runner =
  | { process: ProcessRunner; container?: undefined }
  | { container: ContainerRunner; process?: undefined };

/** What a job asks of a node. Zero, empty and left out mean that anything will do. */
export interface NodeRequirements {
  /** GPUs: 1 to 255 of any of at most 4 models; left out for a job that needs none. */
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

/** A file that is there when the job starts: its bytes, a file to read them from, or the SHA-256 of a blob that is stored already. */
export interface JobInput {
  /** Where the job finds it, in its folder. */
  path: string;
  /** Its bytes: stored when the job is prepared. */
  bytes?: Uint8Array;
  /** What spec files have in their place: a file, which {@link PrepareOptions}`.files` reads when the job is prepared. */
  file?: string;
  /** SHA-256 of its bytes, hexadecimal. With bytes or a file, it makes sure that they are the ones that were meant. */
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
  /** Files that are there when it starts: at most 64. */
  inputs?: JobInput[];
  /** Files that it leaves behind, as paths in its folder: at most 64. */
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

  /** @param field Path of the field, such as `inputs[0].path`; empty for the spec as a whole. @param problem What to write instead. */
  constructor(
    readonly field: string,
    readonly problem: string,
  ) {
    super(field === "" ? `job spec: ${problem}` : `job spec field \`${field}\`: ${problem}`);
  }
}
