// The JSON Schema of job specs gives the verdicts that the parser gives: sdk/rust/tests/spec_verdicts.rs has its side.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { ROOT, vectors } from "../support.js";

interface Case {
  name: string;
  base: string;
  set?: Record<string, unknown>;
  remove?: string;
  valid: boolean;
  schema?: boolean;
}

interface Table {
  bases: Record<string, object>;
  cases: Case[];
}

const repository = join(ROOT, "../..");
const read = async (path: string) => await readFile(join(repository, path), "utf8");

/** A validator that refuses keywords it does not know, and says everything that is wrong. */
async function validator() {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictTuples: false, allErrors: true });
  return ajv.compile(JSON.parse(await read("docs/schema/job-spec-v1.json")));
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

function specOf({ name, base, set, remove }: Case, bases: Table["bases"]): object {
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

test("the schema gives every spec the parser's verdict, or the table says why it cannot", async () => {
  const validate = await validator();
  const { bases, cases } = await vectors<Table>("spec-verdicts-v1");
  const counts = { valid: 0, refused: 0, beyond: 0 };
  for (const item of cases) {
    const expected = item.schema ?? item.valid;
    const verdict = validate(specOf(item, bases));
    assert.equal(verdict, expected, `${item.name}: ${JSON.stringify(validate.errors)}`);
    counts[verdict ? "valid" : "refused"] += 1;
    if (item.schema !== undefined) counts.beyond += 1;
  }
  assert.ok(counts.valid > 100 && counts.refused > 400 && counts.beyond < 10, JSON.stringify(counts));
});

test("the examples are valid by the schema", async () => {
  const validate = await validator();
  const page = await read("docs/job-spec.md");
  const specs = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, spec]) => spec ?? "");
  assert.ok(specs.length > 0, "docs/job-spec.md shows no spec");
  const examples = (await readdir(join(repository, "examples"))).filter((name) => name.endsWith(".json"));
  assert.ok(examples.length > 2, examples.join());
  for (const name of examples) specs.push(await read(`examples/${name}`));
  for (const spec of specs) assert.ok(validate(JSON.parse(spec)), `${JSON.stringify(validate.errors)}\n${spec}`);
});
