/** Text that is no amount of a token. */
export class AmountError extends Error {
  override readonly name = "AmountError";
}

/**
 * Base units of the amount `text` of a token with `decimals`.
 *
 * @throws {AmountError} if it is no plain decimal number, is more precise than the token, or exceeds 64 bits.
 */
export function parseAmount(text: string, decimals: number): bigint {
  const matched = /^([0-9]+)(?:\.([0-9]+))?$/.exec(text);
  if (matched === null) {
    throw new AmountError(`\`${text}\` is no amount: write digits with at most one point, such as 1.50`);
  }
  const [, whole = "", fraction = ""] = matched;
  if (fraction.length > decimals) {
    throw new AmountError(`\`${text}\` has more than the token's ${decimals} digits after the point`);
  }
  const units = BigInt(whole + fraction.padEnd(decimals, "0"));
  if (units >= 1n << 64n) throw new AmountError(`\`${text}\` is more than a token account can hold`);
  return units;
}

/** `baseUnits` of a token with `decimals` as people write it, with at least two digits after the point where there are. */
export function formatAmount(baseUnits: bigint, decimals: number): string {
  const digits = baseUnits.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals);
  const shortest = Math.max(fraction.replace(/0+$/, "").length, Math.min(decimals, 2));
  return shortest === 0 ? whole : `${whole}.${fraction.slice(0, shortest)}`;
}
