import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, createKeyPairFromPrivateKeyBytes, getAddressDecoder } from "@solana/kit";
import { fromHex, toHex } from "../../src/bytes.js";
import {
  decodeReceipt,
  encodeReceipt,
  type Receipt,
  ReceiptError,
  receiptInstruction,
  signReceipt,
  verifyReceipt,
} from "../../src/receipt.js";
import { vectors } from "../support.js";

interface Vector {
  name: string;
  receipt: Record<string, string> & { assignment: number; status: number; exit_code: number };
  encoded: string;
  seed: string;
  public_key: string;
  signature: string;
  precompile_instruction: string;
}

const address = (hex = ""): Address => getAddressDecoder().decode(fromHex(hex, 32));
const receiptOf = ({ receipt: it }: Vector): Receipt => ({
  genesisHash: fromHex(it["genesis_hash"] ?? "", 32),
  market: address(it["market"]),
  job: address(it["job"]),
  assignment: it.assignment,
  sequence: BigInt(it["sequence"] ?? ""),
  servedSeconds: BigInt(it["served_seconds"] ?? ""),
  issuedAt: BigInt(it["issued_at"] ?? ""),
  status: (["running", "completed", "failed"] as const)[it.status] ?? "running",
  exitCode: it.exit_code,
  outputDigest: fromHex(it["output_digest"] ?? "", 32),
});
const load = async () => {
  const { vectors: cases } = await vectors<{ vectors: Vector[] }>("receipt-v1");
  assert.ok(cases.length >= 5);
  return cases;
};

test("every receipt encodes, signs and is carried as in Rust", async () => {
  for (const vector of await load()) {
    const receipt = receiptOf(vector);
    const pair = await createKeyPairFromPrivateKeyBytes(fromHex(vector.seed, 32));
    assert.equal(toHex(encodeReceipt(receipt)), vector.encoded, vector.name);
    const signature = await signReceipt(receipt, pair.privateKey);
    assert.equal(toHex(signature), vector.signature, vector.name);
    const carried = receiptInstruction(receipt, address(vector.public_key), signature);
    assert.equal(toHex(carried.data ?? new Uint8Array()), vector.precompile_instruction, vector.name);
  }
});

test("every receipt reads back, and one flipped bit spoils its signature", async () => {
  for (const vector of await load()) {
    const bytes = fromHex(vector.encoded);
    assert.deepEqual(decodeReceipt(bytes), receiptOf(vector), vector.name);
    const [nodeKey, signature] = [address(vector.public_key), fromHex(vector.signature, 64)];
    assert.ok(await verifyReceipt(receiptOf(vector), nodeKey, signature), vector.name);
    for (const at of [24, 56, 88, 120, 124, 132, 140, 149, 153, 184]) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      assert.ok(!(await verifyReceipt(decodeReceipt(flipped), nodeKey, signature)), `${vector.name} byte ${at}`);
    }
  }
});

test("odd bytes are no receipt, and odd fields have no bytes", async () => {
  const [first] = await load();
  assert.ok(first !== undefined);
  const bytes = fromHex(first.encoded);
  const spoilt = (at: number, value: number) => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };
  for (const odd of [bytes.slice(1), Uint8Array.of(...bytes, 0), spoilt(0, 0), spoilt(148, 3)]) {
    assert.throws(() => decodeReceipt(odd), ReceiptError);
  }
  const receipt = receiptOf(first);
  for (const odd of [{ sequence: -1n }, { exitCode: 2 ** 31 }, { genesisHash: new Uint8Array(31) }]) {
    assert.throws(() => encodeReceipt({ ...receipt, ...odd }), ReceiptError);
  }
});
