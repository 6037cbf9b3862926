import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryBlobs } from "../../src/blobs.js";
import { toHex, utf8 } from "../../src/bytes.js";
import { getOpenJobInstructionDataEncoder } from "../../src/generated/index.js";
import { type JobSpec, jobTerms, type PreparedSpec, prepareSpec, SpecError } from "../../src/spec.js";
import { NO_ADDRESS } from "../../src/state.js";
import { vectors } from "../support.js";

interface Vector {
  spec: JobSpec;
  prepared: string;
  spec_hash: string;
  open_job: string;
}

const least: JobSpec = {
  version: 1,
  name: "least",
  runner: { process: { command: ["true"] } },
  max_price_per_hour: "2",
  max_duration_seconds: 1,
};

test("specs open jobs on the terms that the Rust SDK makes of them", async () => {
  const { vectors: cases } = await vectors<{ vectors: Vector[] }>("specs-v1");
  assert.ok(cases.length >= 3);
  for (const { spec, prepared, spec_hash, open_job } of cases) {
    const blobs = memoryBlobs();
    // The same bytes have the same hash in both; the bytes themselves are each implementation's.
    assert.equal(toHex(await blobs.put(utf8(prepared))), spec_hash);
    const ours = await prepareSpec(spec, blobs);
    assert.deepEqual(await blobs.get(ours.hash), ours.bytes);
    const theirs: PreparedSpec = { ...ours, hash: await blobs.put(utf8(prepared)) };
    const data = { ...jobTerms(theirs, 6), id: 3n, node: NO_ADDRESS, matcher: NO_ADDRESS };
    assert.equal(toHex(getOpenJobInstructionDataEncoder().encode(data)), open_job, spec.name);
  }
});

test("inputs become blobs, and are named by their hash alone", async () => {
  const blobs = memoryBlobs();
  const hello = utf8("hello");
  const hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const inputs = [
    { path: "a", bytes: hello },
    { path: "b", sha256: hash },
  ];
  const { spec, bytes } = await prepareSpec({ ...least, inputs }, blobs);
  assert.deepEqual(spec.inputs, [
    { path: "a", sha256: hash },
    { path: "b", sha256: hash },
  ]);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), spec);
  await assert.rejects(
    prepareSpec({ ...least, inputs: [{ path: "a", sha256: "0".repeat(64) }] }, blobs),
    /not in this store/,
  );
  const wrong = [{ path: "a", bytes: hello, sha256: "0".repeat(64) }];
  await assert.rejects(prepareSpec({ ...least, inputs: wrong }, blobs), /the spec wants/);
});

test("what the market or the node would refuse is refused by its field", async () => {
  const cases: [string, Partial<JobSpec>][] = [
    ["name", { name: "" }],
    ["runner", { runner: {} as never }],
    ["runner.container.image", { runner: { container: { image: "debian:12" } } }],
    ["runner.shell", { runner: { shell: {} } as never }],
    ["inputs[0].file", { inputs: [{ path: "a", file: "b" }] }],
    ["runner.process.command", { runner: { process: { command: [] } } }],
    ["inputs[0].path", { inputs: [{ path: "../up", bytes: utf8("x") }] }],
    ["inputs[0]", { inputs: [{ path: "a" }] }],
    ["outputs[1]", { outputs: ["a", "a"] }],
    ["max_price_per_hour", { max_price_per_hour: "0.0" }],
    ["max_price_per_hour", { max_price_per_hour: "1,5" }],
    ["max_duration_seconds", { max_duration_seconds: 0 }],
    ["max_duration_seconds", { max_duration_seconds: 1.5 }],
    ["sla_uptime_bps", { sla_uptime_bps: 10_001 }],
    ["requirements.gpu.count", { requirements: { gpu: { count: 0 } } }],
    ["requirements.gpu.models", { requirements: { gpu: { count: 1, models: ["none"] } } }],
    ["requirements.countries", { requirements: { countries: ["de"] } }],
    ["requirements.flags", { requirements: { flags: ["NONE" as never] } }],
    ["surprise", { surprise: 1 } as never],
    ["requirements.tier", { requirements: { tier: 4 } }],
  ];
  for (const [field, change] of cases) {
    await assert.rejects(
      prepareSpec({ ...least, ...change }, memoryBlobs()),
      (error) => error instanceof SpecError && error.field === field,
      field,
    );
  }
});
