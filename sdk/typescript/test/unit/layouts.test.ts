import assert from "node:assert/strict";
import { test } from "node:test";
import type { Codec } from "@solana/kit";
import { fromHex } from "../../src/bytes.js";
import { decodeEvent } from "../../src/events.js";
import { eventTable, programAddresses } from "../../src/generated/events/index.js";
import * as generated from "../../src/generated/index.js";
import { plain, vectors } from "../support.js";

interface Vector {
  program: "registry" | "staking" | "market";
  name: string;
  data: string;
  value: unknown;
}

const document = vectors<{ accounts: Vector[]; events: Vector[] }>("layouts-v1");

/** `served_seconds` becomes `servedSeconds`, at every depth. */
function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (value === null || typeof value !== "object") return value;
  const name = (text: string) => text.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([field, item]) => [name(field), camel(item)]));
}

test("every account decodes as the IDL reads it, and encodes to the same bytes", async () => {
  const { accounts } = await document;
  assert.equal(accounts.length, 13);
  for (const { name, data, value } of accounts) {
    const codecOf = generated[`get${name}Codec` as keyof typeof generated] as () => Codec<object>;
    const sizeOf = generated[`get${name}Size` as keyof typeof generated] as () => number;
    const bytes = fromHex(data);
    const { discriminator, ...decoded } = codecOf().decode(bytes) as { discriminator: Uint8Array };
    assert.deepEqual(plain(decoded), camel(value), name);
    assert.equal(sizeOf(), bytes.length, name);
    assert.deepEqual(codecOf().encode(decoded), bytes, name);
    assert.equal(Buffer.from(discriminator).toString("hex"), data.slice(0, 16), name);
  }
});

test("every event decodes as the IDL reads it, and only whole and from its own program", async () => {
  const { events } = await document;
  assert.equal(events.length, eventTable().length);
  const addresses = programAddresses();
  for (const { program, name, data, value } of events) {
    const bytes = fromHex(data);
    const event = decodeEvent(addresses[program], bytes);
    assert.deepEqual({ program: event?.program, name: event?.name }, { program, name });
    assert.deepEqual(plain(event?.data), camel(value), name);
    assert.equal(decodeEvent(addresses[program], bytes.slice(0, -1)), undefined, `${name} cut short`);
    assert.equal(decodeEvent(addresses[program], Uint8Array.of(...bytes, 0)), undefined, `${name} with more`);
    const other = program === "market" ? "registry" : "market";
    assert.equal(decodeEvent(addresses[other], bytes), undefined, `${name} of another program`);
  }
});
