import { type Address, isAddress } from "@solana/kit";
import {
  ASSOCIATED_TOKEN_PROGRAM_ADDRESS,
  SYSTEM_PROGRAM_ADDRESS,
  TOKEN_2022_PROGRAM_ADDRESS,
  TOKEN_PROGRAM_ADDRESS,
} from "./addresses.js";
import { formatAmount } from "./amount.js";
import { refusalTable } from "./generated/errors/refusals.js";
import { programAddresses } from "./generated/events/index.js";

/** What went wrong; each has what there is to know of it in {@link GantryError}`.details`. */
export type GantryErrorKind =
  | "program"
  | "unfunded"
  | "insufficient-tokens"
  | "mint-not-enabled"
  | "out-of-bounds"
  | "paused"
  | "not-found"
  | "wrong-signer"
  | "transaction"
  | "expired"
  | "rpc"
  | "held-back"
  | "decode";

/** Why a call did not do what was asked. The message says what to do. */
export class GantryError extends Error {
  override readonly name = "GantryError";

  /** @param kind What went wrong. @param message What to do. @param details What there is to know of it. */
  constructor(
    readonly kind: GantryErrorKind,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether a program refused with the error called `name`, as in the programs' documentation. */
  isRefusal(name: string): boolean {
    return this.kind === "program" && this.details["name"] === name;
  }
}

/** A refusal of one of the three programs. */
export interface Refusal {
  /** The custom error code: from 6000 of the registry, 7000 of staking, 8000 of the market. */
  code: number;
  /** Which program. */
  program: "registry" | "staking" | "market";
  /** Its name in the program. */
  name: string;
  /** What to do about it. */
  message: string;
}

/** The refusal with the custom error `code`, if one of the three programs has it. */
export function lookupRefusal(code: number): Refusal | undefined {
  const row = refusalTable().find(([found]) => found === code);
  return row && { code: row[0], program: row[1], name: row[2], message: row[3] };
}

/** `registry`, `staking`, `market`, or the address of another program. */
export function programName(program: Address): string {
  const found = Object.entries(programAddresses()).find(([, address]) => address === program);
  return found?.[0] ?? program;
}

const refused = (program: string, code: number, name: string, message: string): GantryError =>
  new GantryError("program", `${program} refused: ${message} (${name}, ${code})`, { program, code, name });

/**
 * What a failed transaction means.
 *
 * @param cause The runtime's error, as JSON-RPC gives it.
 * @param programs The programs of its instructions, in order.
 * @param payer Its fee payer.
 */
export function explainTransactionError(
  cause: unknown,
  logs: readonly string[],
  programs: readonly Address[],
  payer: Address,
): GantryError {
  const name = typeof cause === "string" ? cause : Object.keys(cause as object)[0];
  switch (name) {
    case "AccountNotFound":
    case "InsufficientFundsForFee":
    case "InvalidAccountForFee":
    case "InsufficientFundsForRent":
      return unfunded(payer);
    case "InstructionError": {
      const [index, inner] = (cause as { InstructionError: [number | bigint, unknown] }).InstructionError;
      const program = failedProgram(logs) ?? programs[Number(index)] ?? SYSTEM_PROGRAM_ADDRESS;
      if (typeof inner === "object" && inner !== null && "Custom" in inner) {
        return explainCode(Number(inner.Custom), program, logs);
      }
      return explainBuiltin(typeof inner === "string" ? inner : JSON.stringify(inner), program);
    }
    default: {
      const text =
        typeof cause === "string" ? cause : JSON.stringify(cause, (_, v) => (typeof v === "bigint" ? `${v}` : v));
      return new GantryError("transaction", `the transaction failed: ${text}${lastLog(logs)}`, { cause, logs });
    }
  }
}

/** The error of a wallet without SOL. */
export function unfunded(wallet: Address): GantryError {
  const message = `unfunded wallet: send SOL to ${wallet} for fees and rent`;
  return new GantryError("unfunded", message, { wallet });
}

/** The error of a wallet without enough of a token. */
export function insufficientTokens(
  wallet: Address,
  mint: Address,
  decimals: number,
  needed: bigint,
  available: bigint,
): GantryError {
  const [has, wants] = [formatAmount(available, decimals), formatAmount(needed, decimals)];
  const message = `wallet ${wallet} has ${has} of token ${mint}, ${wants} are needed: send it the difference`;
  return new GantryError("insufficient-tokens", message, { wallet, mint, decimals, needed, available });
}

/** The error of something that the market would refuse, seen before anything was sent. */
export function outOfBounds(field: string, problem: string): GantryError {
  return new GantryError("out-of-bounds", `${field}: ${problem}`, { field, problem });
}

/** The error of an account that is not there. */
export function notFound(what: string, address: Address): GantryError {
  return new GantryError("not-found", `there is no ${what} ${address}`, { address });
}

function explainBuiltin(name: string, program: Address): GantryError {
  const accounts = ["UninitializedAccount", "AccountDataTooSmall", "InvalidAccountOwner", "IncorrectProgramId"];
  const hint = accounts.includes(name) ? ": an account that this needs does not exist or is of another kind" : "";
  return refused(programName(program), 0, name, `${name}${hint}`);
}

function explainCode(code: number, program: Address, logs: readonly string[]): GantryError {
  // The three programs' codes do not overlap: the code says which one, also where it was called by another.
  const refusal = lookupRefusal(code);
  if (refusal !== undefined) return refused(refusal.program, code, refusal.name, refusal.message);
  const isToken = program === TOKEN_PROGRAM_ADDRESS || program === TOKEN_2022_PROGRAM_ADDRESS;
  if (program === SYSTEM_PROGRAM_ADDRESS && code === 0) {
    return refused("system", 0, "AccountAlreadyInUse", "an account that this would create exists already");
  }
  if (program === SYSTEM_PROGRAM_ADDRESS && code === 1) {
    return refused("system", 1, "InsufficientFunds", "the payer has too little SOL for rent: send it some");
  }
  if (isToken && code === 1) {
    return refused("token", 1, "InsufficientFunds", "the token account holds less than this needs");
  }
  if (isToken && code === 4) {
    return refused("token", 4, "OwnerMismatch", "the signer does not own this token account");
  }
  const name = program === ASSOCIATED_TOKEN_PROGRAM_ADDRESS ? "associated token" : programName(program);
  return refused(
    name,
    code,
    "Custom",
    `error ${code}${lastLog(logs)}: an account or argument is not what the program expects`,
  );
}

/** The innermost program that failed: the first that the logs report. */
function failedProgram(logs: readonly string[]): Address | undefined {
  for (const line of logs) {
    const program = /^Program (\S+) failed: /.exec(line)?.[1];
    if (program !== undefined && isAddress(program)) return program;
  }
  return undefined;
}

function lastLog(logs: readonly string[]): string {
  const line = logs.findLast((log) => log.startsWith("Program log: "));
  return line === undefined ? "" : ` (${line.slice("Program log: ".length)})`;
}
