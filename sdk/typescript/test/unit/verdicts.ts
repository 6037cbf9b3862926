import assert from "node:assert/strict";
import { vectors } from "../support.js";

/** A base with one change, and whether that is valid. */
export interface Case {
  name: string;
  base: string;
  set?: Record<string, unknown>;
  remove?: string;
  valid: boolean;
  /** The JSON Schema's verdict, where it cannot say what the parser checks. */
  schema?: boolean;
}

/** Job specs, good and bad. */
export interface Table {
  bases: Record<string, object>;
  cases: Case[];
}

/** The table of `sdk/vectors`. */
export async function verdicts(): Promise<Table> {
  return await vectors<Table>("spec-verdicts-v1");
}

/** What holds the value at a JSON pointer, and its name in there. */
function place(spec: object, pointer: string): [Record<string, unknown>, string] {
  const names = pointer.split("/").slice(1);
  const last = names.pop() ?? "";
  let parent = spec as Record<string, unknown>;
  for (const name of names) {
    const next = parent[name];
    assert.ok(typeof next === "object" && next !== null, `nothing holds ${pointer}`);
    parent = next as Record<string, unknown>;
  }
  return [parent, last];
}

/** The spec of a case. */
export function specOf({ name, base, set, remove }: Case, bases: Table["bases"]): object {
  const spec = structuredClone(bases[base]);
  assert.ok(spec !== undefined, `${name}: no base ${base}`);
  for (const [pointer, value] of Object.entries(set ?? {})) {
    const [parent, last] = place(spec, pointer);
    parent[last] = value;
  }
  if (remove !== undefined) {
    const [parent, last] = place(spec, remove);
    assert.ok(last in parent, `${name}: no ${remove}`);
    delete parent[last];
  }
  return spec;
}
