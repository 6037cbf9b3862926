// The JSON Schema of job specs gives the verdicts that the parser gives: sdk/rust/tests/spec_verdicts.rs has its side.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { ROOT } from "../support.js";
import { specOf, verdicts } from "./verdicts.js";

const repository = join(ROOT, "../..");
const read = async (path: string) => await readFile(join(repository, path), "utf8");

/** A validator that refuses keywords it does not know, and says everything that is wrong. */
async function validator() {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictTuples: false, allErrors: true });
  return ajv.compile(JSON.parse(await read("docs/schema/job-spec-v1.json")));
}

test("the schema gives every spec the parser's verdict, or the table says why it cannot", async () => {
  const validate = await validator();
  const { bases, cases } = await verdicts();
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
