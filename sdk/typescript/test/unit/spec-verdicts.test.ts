// The check of job specs gives the verdicts that the Rust parser gives: sdk/rust/tests/spec_verdicts.rs has its side.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkSpec, parseSpec, SpecError } from "../../src/spec.js";
import { ROOT } from "../support.js";
import { specOf, verdicts } from "./verdicts.js";

/** What `work` throws, which must be the error of a refused spec. */
function refusal(work: () => unknown): SpecError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof SpecError, String(error));
    return error;
  }
}

test("every spec gets the parser's verdict, as text and as an object", async () => {
  const { bases, cases } = await verdicts();
  const counts = { valid: 0, refused: 0 };
  for (const item of cases) {
    const spec = specOf(item, bases);
    const text = JSON.stringify(spec);
    const found = refusal(() => parseSpec(text));
    assert.equal(found === undefined, item.valid, `${item.name}: ${found?.message}\n${text}`);
    assert.deepEqual(refusal(() => checkSpec(spec))?.message, found?.message, item.name);
    assert.deepEqual(refusal(() => parseSpec(new TextEncoder().encode(text)))?.message, found?.message, item.name);
    counts[item.valid ? "valid" : "refused"] += 1;
  }
  assert.ok(counts.valid > 100 && counts.refused > 400, JSON.stringify(counts));
});

test("what is refused is named by its path, and the message says what to write", async () => {
  const { bases, cases } = await verdicts();
  for (const item of cases) {
    if (item.valid) continue;
    const error = refusal(() => checkSpec(specOf(item, bases)));
    const [pointer = ""] = item.remove === undefined ? Object.keys(item.set ?? {}) : [item.remove];
    const names = pointer.split("/").slice(1);
    // Where it was changed, or what holds that: of a list or an object the whole may be what is wrong.
    const changed = names.map((name) => (/^\d+$/.test(name) ? `[${name}]` : `.${name}`)).join("");
    const field = `.${error?.field}`;
    const near = changed.startsWith(field) || field.startsWith(changed);
    assert.ok(error?.problem !== "" && near, `${item.name}: ${error?.message}, changed at ${changed}`);
  }
});

test("a spec is left with what was checked", async () => {
  const { bases } = await verdicts();
  for (const base of Object.values(bases)) assert.deepEqual(checkSpec(base), base);
  const container = { image: `debian@sha256:${"0".repeat(64)}`, memory_mib: null, pids: undefined };
  const spec = {
    version: 1,
    name: "x",
    runner: { container, process: undefined },
    requirements: { gpu: null },
    max_price_per_hour: "1",
    max_duration_seconds: 1,
    outputs: undefined,
  };
  assert.deepEqual(checkSpec(spec), {
    version: 1,
    name: "x",
    runner: { container: { image: container.image } },
    requirements: {},
    max_price_per_hour: "1",
    max_duration_seconds: 1,
  });
});

test("text that other programs read otherwise is refused", async () => {
  const { bases } = await verdicts();
  const spec = JSON.stringify(bases["process"]);
  const swap = (from: string, to: string) => {
    assert.ok(spec.includes(from), from);
    return spec.replace(from, to);
  };
  const cases: [string, string, RegExp][] = [
    ["no JSON", "{", /no JSON/],
    ["a mark in front", `\uFEFF${spec}`, /no JSON/],
    ["a list", "[]", /write an object/],
    ["a deep list", `${"[".repeat(30_000)}${"]".repeat(30_000)}`, /write an object|no JSON/],
    ["a text without an end", '{"a', /no JSON/],
    ["nothing", "null", /write an object/],
    ["more than 64 KiB", swap('"render"', `"${"x".repeat(65_536)}"`), /at most 65536 are allowed/],
    ["a field twice", swap('"version":1', '"version":1,"version":1'), /`version`: is there twice/],
    ["a field twice, once escaped", swap('"tier":2', '"tier":2,"\\u0074ier":2'), /`requirements.tier`: is there twice/],
    ["a variable twice, once no text", swap('"env":{', '"env":{"SEED":0,'), /`runner.process.env.SEED`: write text/],
    ["a fraction of nothing", swap('"max_duration_seconds":120', '"max_duration_seconds":120.0'), /write 60, not 60.0/],
    ["a power", swap('"max_duration_seconds":120', '"max_duration_seconds":12e1'), /write 60, not 60.0/],
    ["less than nothing", swap('"tier":2', '"tier":-0'), /write 60/],
    ["half a letter", swap('"render"', '"\\ud83e"'), /half of a surrogate pair/],
    ["an object like no other", swap('"env":{', '"env":{"__proto__x":1,'), /`runner.process.env.__proto__x`/],
  ];
  for (const [name, text, problem] of cases) {
    assert.match(refusal(() => parseSpec(text))?.message ?? "accepted", problem, name);
  }
  const bytes = new TextEncoder().encode(spec);
  bytes[spec.indexOf("render")] = 0xff;
  assert.match(refusal(() => parseSpec(bytes))?.message ?? "accepted", /no JSON/);
  // The last one counts in an environment, for every program alike.
  const twice = parseSpec(swap('"env":{', '"env":{"SEED":"0",'));
  assert.equal(twice.runner.process?.env?.["SEED"], "1");
  assert.equal(parseSpec(swap('"render"', '"1.5e3, \\"version\\":"')).name, '1.5e3, "version":');
});

test("names that only look like others in another script are refused", () => {
  const spec = {
    version: 1,
    name: "x",
    runner: { process: { command: ["x"] } },
    max_price_per_hour: "1",
    max_duration_seconds: 1,
  };
  for (const flag of ["\u0131so27001", "\u017fOC2"]) {
    assert.equal(refusal(() => checkSpec({ ...spec, requirements: { flags: [flag] } }))?.field, "requirements.flags");
  }
});

test("the examples are valid", async () => {
  const examples = join(ROOT, "../../examples");
  const names = (await readdir(examples)).filter((name) => name.endsWith(".json"));
  assert.ok(names.length > 2, names.join());
  for (const name of names) parseSpec(await readFile(join(examples, name)));
});
