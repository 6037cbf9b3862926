// What a job spec may say: the same as the Rust parser lets through, and `sdk/vectors/spec-verdicts-v1.json` holds both to it.

import { GPU_MODELS } from "../gpu.js";
import { list, may, mayBeNull, need, type Read, record, table, text, whole } from "./form.js";
import { imageProblem } from "./image.js";
import { FLAGS, type Flag, type JobSpec, MAX_SPEC_BYTES, SpecError } from "./types.js";

const MAX_FILES = 64;
const MAX_PATH_BYTES = 255;
/** More digits after the point than any token has. */
const MOST_DECIMALS = 19;
const U16 = 0xffff;
const U32 = 0xffff_ffff;
/** Far beyond any machine. */
const MOST = 1 << 24;
const LIMIT_HINT = "; leave it out for what the node gives at most";

/** Whether `path` stays inside the folder that it is relative to, on any system; at most 255 bytes. */
export function isSafePath(path: string): boolean {
  const names = path.split("/");
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) return false;
  return names.every((name) => name !== "" && name !== "." && name !== "..") && !/[\\:\p{Cc}]/u.test(path);
}

/** Upper and lower case of ASCII alone: no other letter becomes one of these. */
const lowerCase = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** The code of the GPU model called `name`, in any case. @throws {SpecError} for one that the catalogue does not have. */
export function gpuCode(name: string, field: string): number {
  const code = GPU_MODELS.indexOf(lowerCase(name) as (typeof GPU_MODELS)[number]);
  if (code < 1) throw new SpecError(field, `\`${name}\` is unknown; there are ${GPU_MODELS.slice(1).join(", ")}`);
  return code;
}

/** The bit of the flag called `name`, in any case. @throws {SpecError} for one that is none. */
export function flagBit(name: string, field: string): number {
  const place = FLAGS.findIndex((flag) => lowerCase(flag) === lowerCase(name));
  if (place < 0) throw new SpecError(field, `\`${name}\` is no flag; there are ${FLAGS.join(", ")}`);
  return 1 << place;
}

const noZero = (subject: string) => (value: string) =>
  value.includes("\0") ? `no ${subject} can hold a zero character` : undefined;

function name(value: string): string | undefined {
  const characters = [...value].length;
  const printable = characters >= 1 && characters <= 64 && !/\p{Cc}/u.test(value);
  return printable ? undefined : "write 1 to 64 printable characters";
}

function path(value: string): string | undefined {
  if (isSafePath(value)) return undefined;
  return `write a path inside the job's folder: relative, at most ${MAX_PATH_BYTES} bytes, without \`..\`, \`\\\` or \`:\``;
}

function price(value: string): string | undefined {
  const matched = /^[0-9]+(?:\.([0-9]+))?$/.exec(value);
  if (matched === null) return `\`${value}\` is no amount: write digits with at most one point, such as 1.50`;
  if ((matched[1] ?? "").length > MOST_DECIMALS)
    return `\`${value}\` has more than ${MOST_DECIMALS} digits after the point`;
  // How many digits the token has is known when the job is opened.
  return /[1-9]/.test(value) ? undefined : "must be above zero";
}

function country(value: string): string | undefined {
  if (/^[A-Z]{2}$/.test(value)) return undefined;
  return `\`${value}\` is no country code: write two capital letters, as in DE`;
}

function variable(value: string): string | undefined {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return undefined;
  return "names have letters, digits and `_`, and no digit first";
}

function sha256(value: string): string | undefined {
  return /^[0-9a-fA-F]{64}$/.test(value) ? undefined : "is no SHA-256: write its 64 hexadecimal digits";
}

const bytes: Read<Uint8Array> = (value, field) => {
  if (!(value instanceof Uint8Array)) throw new SpecError(field, "give a Uint8Array, or a `file`");
  return value;
};

const command = () => list(256, "arguments", text(noZero("argument")));
const env = () => table(64, text(noZero("value")), variable);

const process: Read<object> = (value, field) => {
  const read = record({ command: need(command()), env: may(env()) })(value, field) as { command: string[] };
  if (!read.command[0]) throw new SpecError(`${field}.command`, 'name a program: ["program", "argument", …]');
  return read;
};

const container = record({
  image: need(text(imageProblem)),
  command: may(command()),
  env: may(env()),
  gpus: may(whole(0, 255)),
  network: may(text((value) => (value === "none" || value === "outbound" ? undefined : "write `none` or `outbound`"))),
  memory_mib: mayBeNull(whole(8, MOST, LIMIT_HINT)),
  cpu_millis: mayBeNull(whole(10, MOST, LIMIT_HINT)),
  pids: mayBeNull(whole(1, MOST, LIMIT_HINT)),
  disk_mib: mayBeNull(whole(1, MOST, LIMIT_HINT)),
});

const runner: Read<object> = (value, field) => {
  const read = record({ process: may(process), container: may(container) })(value, field);
  if (Object.keys(read).length !== 1) throw new SpecError(field, "name exactly one runner: `process` or `container`");
  return read;
};

const input: Read<{ path: string }> = (value, field) => {
  const members = {
    path: need(text(path)),
    bytes: may(bytes),
    file: mayBeNull(text()),
    sha256: mayBeNull(text(sha256)),
  };
  const read = record(members)(value, field) as { path: string; bytes?: Uint8Array; file?: string; sha256?: string };
  if (read.bytes === undefined && read.file === undefined && read.sha256 === undefined) {
    throw new SpecError(
      field,
      "give its `bytes`, a `file`, the `sha256` of a stored blob, or one of them and its `sha256`",
    );
  }
  if (read.bytes !== undefined && read.file !== undefined) {
    throw new SpecError(field, "has `bytes` and a `file`: leave one of them out");
  }
  return read;
};

/** A list of files, no two with one path. */
function files<T>(read: Read<T>, pathOf: (file: T) => string, pathField: (field: string) => string): Read<T[]> {
  return (value, field) => {
    const found = list(MAX_FILES, "files", read)(value, field);
    const paths = found.map(pathOf);
    const twice = paths.findIndex((item, place) => paths.indexOf(item) !== place);
    if (twice >= 0) throw new SpecError(pathField(`${field}[${twice}]`), "is there twice");
    return found;
  };
}

const gpu = record({
  count: need(whole(1, 255, "; leave `gpu` out for a job without GPUs")),
  models: may((value, field) => {
    const models = list(4, "models", text())(value, field);
    for (const model of models) gpuCode(model, field);
    return models;
  }),
  vram_gib: may(whole(0, U16)),
});

const requirements = record({
  gpu: mayBeNull(gpu),
  ram_gib: may(whole(0, U16)),
  disk_gib: may(whole(0, U32)),
  mbps: may(whole(0, U32)),
  countries: may((value, field) => {
    // Which of them is wrong is in the message.
    return list(8, "countries", (item) => text(country)(item, field))(value, field);
  }),
  flags: may((value, field) => {
    const flags = list(Number.POSITIVE_INFINITY, "flags", text())(value, field);
    for (const flag of flags) flagBit(flag, field);
    return flags;
  }),
  tier: may(whole(0, 3)),
  reputation_bps: may(whole(0, 10_000)),
});

const spec = record({
  version: need((value, field) => {
    if (value !== 1) throw new SpecError(field, "this package reads version 1: write 1");
    return value;
  }),
  name: need(text(name)),
  runner: need(runner),
  inputs: may(
    files(
      input,
      (file) => file.path,
      (field) => `${field}.path`,
    ),
  ),
  outputs: may(
    files(
      text(path),
      (file) => file,
      (field) => field,
    ),
  ),
  requirements: may(requirements),
  max_price_per_hour: need(text(price)),
  max_duration_seconds: need(whole(1, U32)),
  sla_uptime_bps: may(whole(0, 10_000)),
  start_deadline_seconds: may(whole(1, U32)),
  proof_timeout_seconds: may(whole(1, U32)),
});

/**
 * Checks a spec of any origin: an object that a program made, or what `JSON.parse` gave. Everything that can be checked without the
 * network and without reading files is.
 *
 * @returns The spec, with nothing in it but what was checked; `null`, where the format permits it, is left out.
 * @throws {SpecError} naming the first field that is unknown or missing, or has a value that cannot be.
 */
export function checkSpec(value: unknown): JobSpec {
  const read = spec(value, "") as JobSpec;
  const gpus = read.runner.container?.gpus ?? 0;
  const given = read.requirements?.gpu?.count ?? 0;
  if (gpus > given) {
    const problem = `asks for ${gpus} GPUs, \`requirements.gpu.count\` for ${given}: ask for as many there`;
    throw new SpecError("runner.container.gpus", problem);
  }
  return read;
}

/**
 * Reads a spec file's text, and checks it as {@link checkSpec} does.
 *
 * @throws {SpecError} also if it is no JSON, has a field twice, or more than 65,536 bytes.
 */
export function parseSpec(json: string | Uint8Array): JobSpec {
  const encoded = typeof json === "string" ? new TextEncoder().encode(json) : json;
  if (encoded.length > MAX_SPEC_BYTES) throw tooLong(encoded.length);
  let written: string;
  let value: unknown;
  try {
    written = typeof json === "string" ? json : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    value = JSON.parse(written);
  } catch (error) {
    throw new SpecError("", `this is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  const read = checkSpec(value);
  checkText(written);
  return read;
}

/** The error of a spec with `bytes` bytes. */
export function tooLong(bytes: number): SpecError {
  return new SpecError("", `it has ${bytes} bytes, at most ${MAX_SPEC_BYTES} are allowed: pass large things as inputs`);
}

/** What `JSON.parse` does not tell: fields that are there twice, of which it takes the last, and `60.0`, which it takes for 60. */
function checkText(json: string): void {
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|-?[0-9][0-9.eE+-]*/g) ?? [];
  const open: { names: Set<string>; name: string; free: boolean }[] = [];
  const at = () =>
    open
      .map(({ name }) => name)
      .filter((name) => name !== "")
      .join(".");
  for (const [place, token] of tokens.entries()) {
    const top = open.at(-1);
    if (token === "{" || token === "[") open.push({ names: new Set(), name: "", free: top?.name === "env" });
    else if (token === "}" || token === "]") open.pop();
    else if (token.startsWith('"') && tokens[place + 1] === ":" && top !== undefined) {
      top.name = JSON.parse(token) as string;
      // In an environment the last one counts, as for every other program, and all are text.
      if (top.names.has(top.name) && !top.free) throw new SpecError(at(), "is there twice: leave one out");
      if (top.free && !tokens[place + 2]?.startsWith('"')) throw new SpecError(at(), 'write text, "…"');
      top.names.add(top.name);
    } else if (/^[-0-9]/.test(token) && !/^[0-9]+$/.test(token)) {
      throw new SpecError(at(), `\`${token}\` is no whole number to other programs: write 60, not 60.0 or 6e1`);
    }
  }
}

/** The bits of `flags` on chain. @throws {SpecError} for a flag that is none. */
export function flagsToBits(flags: readonly Flag[]): number {
  return flags.reduce((bits, flag) => bits | flagBit(flag, "requirements.flags"), 0);
}

/** The flags that `bits` stand for. */
export function flagsFromBits(bits: number): Flag[] {
  return FLAGS.filter((_, place) => (bits & (1 << place)) !== 0);
}
