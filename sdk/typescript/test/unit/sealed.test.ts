import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeyPairFromPrivateKeyBytes, generateKeyPairSigner, getAddressDecoder } from "@solana/kit";
import { memoryBlobs } from "../../src/blobs.js";
import { fromHex, sameBytes, toHex, utf8 } from "../../src/bytes.js";
import {
  isSealed,
  Opener,
  paddedLength,
  type SealContext,
  SealError,
  type SealErrorKind,
  Sealer,
  SealKey,
  type SealKind,
  sealWith,
} from "../../src/seal.js";
import { type JobSpec, prepareSpec } from "../../src/spec.js";
import { key, signer, vectors } from "../support.js";

interface Vector {
  name: string;
  kind: number;
  genesis_hash: string;
  job: string;
  recipient_seed: string;
  recipient_public_key: string;
  sender_secret: string;
  nonce: string;
  content: string;
  sealed: string;
}

const KINDS: SealKind[] = ["spec", "manifest", "file", "log"];
const seed = (byte: number) => new Uint8Array(32).fill(byte);

function context(job: number, cluster = 7): SealContext {
  return { genesisHash: new Uint8Array(32).fill(cluster), job: key(job) };
}

async function rejects(work: Promise<unknown>, kind: SealErrorKind, what: string): Promise<SealError> {
  const error: unknown = await work.then(
    () => undefined,
    (caught) => caught,
  );
  assert.ok(error instanceof SealError && error.kind === kind, `${what}: ${error ?? "accepted"}`);
  return error;
}

test("the vectors seal and open", async () => {
  const { vectors: cases } = await vectors<{ vectors: Vector[] }>("sealed-v1");
  assert.ok(cases.length >= 4);
  for (const vector of cases) {
    const kind = KINDS[vector.kind - 1] as SealKind;
    const place = {
      genesisHash: fromHex(vector.genesis_hash, 32),
      job: getAddressDecoder().decode(fromHex(vector.job, 32)),
    };
    const secret = await SealKey.from(fromHex(vector.recipient_seed, 32));
    assert.equal(secret.address, getAddressDecoder().decode(fromHex(vector.recipient_public_key, 32)));
    const content = fromHex(vector.content);
    const random = [fromHex(vector.sender_secret, 32), fromHex(vector.nonce, 24)] as const;
    const sealed = await sealWith(new Sealer(secret.address, place), kind, content, ...random);
    assert.equal(toHex(sealed), vector.sealed, vector.name);
    assert.deepEqual(await new Opener(secret, place).open(kind, fromHex(vector.sealed)), content, vector.name);
  }
});

test("what is sealed opens for its recipient alone, for its job, cluster and kind", async () => {
  const secret = await SealKey.from(seed(3));
  const sealer = new Sealer(secret.address, context(1));
  for (const content of [new Uint8Array(), utf8("{}"), new Uint8Array(70_000).fill(9)]) {
    const sealed = await sealer.seal("spec", content);
    assert.ok(isSealed(sealed) && !Buffer.from(sealed).includes(Buffer.from("\x09\x09\x09\x09\x09\x09\x09\x09")));
    assert.deepEqual(await new Opener(secret, context(1)).open("spec", sealed), content);
    assert.ok(!sameBytes(await sealer.seal("spec", content), sealed), "no two are the same");
  }
  const sealed = await sealer.seal("spec", utf8("content"));
  const other = await SealKey.from(seed(4));
  await rejects(new Opener(other, context(1)).open("spec", sealed), "closed", "another key");
  await rejects(new Opener(secret, context(2)).open("spec", sealed), "closed", "another job");
  await rejects(new Opener(secret, context(1, 8)).open("spec", sealed), "closed", "another cluster");
  const moved = await rejects(new Opener(secret, context(1)).open("file", sealed), "kind", "another kind");
  assert.match(moved.message, /sealed as a spec, not as a file/);
});

test("no changed byte goes unnoticed, and what is cut short says so", async () => {
  const secret = await SealKey.from(seed(3));
  const opener = new Opener(secret, context(1));
  const sealed = await new Sealer(secret.address, context(1)).seal("file", utf8("content"));
  const expected = (place: number): SealErrorKind => {
    if (place < 13) return "not-sealed";
    if (place === 13) return "version";
    return place === 14 ? "kind" : "closed";
  };
  // All of the header, the first and the last of the content, and a few between: each costs an exchange of keys.
  const few = (place: number) => place < 90 || place >= sealed.length - 20 || place % 97 === 0;
  for (const place of Array.from(sealed.keys()).filter(few)) {
    const changed = new Uint8Array(sealed);
    changed[place] = (changed[place] ?? 0) ^ 0x40;
    await rejects(opener.open("file", changed), expected(place), `byte ${place}`);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    const kind = length < 13 ? "not-sealed" : "truncated";
    await rejects(opener.open("file", sealed.subarray(0, length)), kind, `${length} bytes`);
  }
  const longer = new Uint8Array(sealed.length + 1);
  longer.set(sealed);
  await assert.rejects(opener.open("file", longer), SealError);
  // A sender's key of small order would make a key that everybody knows.
  const weak = new Uint8Array(sealed);
  weak.fill(0, 15, 47);
  await rejects(opener.open("file", weak), "closed", "a weak sender");
});

test("lengths are hidden in their order of magnitude", async () => {
  assert.deepEqual([0, 1, 1_024].map(paddedLength), [1_024, 1_024, 1_024]);
  assert.deepEqual([1_025, 1_088, 1_089].map(paddedLength), [1_088, 1_088, 1_152]);
  for (let length = 1_024; length < 3_000_000; length += 997) {
    const long = paddedLength(length);
    assert.ok(long >= length && long - length <= length * 0.12, `${length} becomes ${long}`);
    assert.equal(paddedLength(long), long);
  }
  assert.equal(paddedLength(2 ** 49 - 1), 2 ** 49);
});

test("nothing is sealed to a key that nobody can have", async () => {
  const small = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ];
  for (const weak of [...small, "ff".repeat(32), "02".padEnd(64, "0")]) {
    const recipient = getAddressDecoder().decode(fromHex(weak, 32));
    await rejects(new Sealer(recipient, context(1)).seal("spec", utf8("x")), "recipient", weak);
  }
});

test("keys come as seeds, key files and extractable pairs, and others say what to give", async () => {
  const pair = await createKeyPairFromPrivateKeyBytes(seed(5), true);
  const exported = await SealKey.from(pair);
  const file = new Uint8Array(64);
  file.set(seed(5));
  const wallet = await generateKeyPairSigner(true);
  file.set(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)), 32);
  for (const source of [seed(5), file]) assert.equal((await SealKey.from(source)).address, exported.address);
  assert.equal((await SealKey.from(wallet)).address, wallet.address);
  const sealed = await new Sealer(wallet.address, context(1)).seal("log", utf8("x"));
  assert.deepEqual(await new Opener(await SealKey.from(wallet), context(1)).open("log", sealed), utf8("x"));

  const closed = await rejects(SealKey.from(await generateKeyPairSigner()), "key", "a key pair that keeps its key");
  assert.match(closed.message, /32-byte seed.*64 bytes.*extractable/);
  file.fill(1, 32);
  await rejects(SealKey.from(file), "key", "two halves of different keys");
  await rejects(SealKey.from(seed(5).subarray(1)), "key", "31 bytes");
  const device = await rejects(SealKey.from(signer(5) as never), "key", "a wallet elsewhere");
  assert.match(device.message, /no secret key/);
  const exchange = (await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, [
    "deriveBits",
  ])) as CryptoKeyPair;
  await rejects(SealKey.from(exchange), "key", "a key pair of another curve");
});

test("a sealed spec and its inputs are the node's alone, and name what they replace", async () => {
  const node = await SealKey.from(seed(6));
  const sealer = new Sealer(node.address, context(1));
  const opener = new Opener(node, context(1));
  const blobs = memoryBlobs();
  const plain = await blobs.put(utf8("known to all"));
  const inputs = [
    { path: "secret", bytes: utf8("known to few") },
    { path: "public", sha256: toHex(plain) },
  ];
  const spec: JobSpec = {
    version: 1,
    name: "sealed",
    runner: { process: { command: ["true"] } },
    inputs,
    max_price_per_hour: "1",
    max_duration_seconds: 1,
  };
  const prepared = await prepareSpec(spec, blobs, { sealer });
  assert.ok(isSealed(prepared.bytes) && prepared.sealer === sealer);
  assert.deepEqual(await blobs.get(prepared.hash), prepared.bytes);
  const opened = JSON.parse(new TextDecoder().decode(await opener.open("spec", prepared.bytes)));
  assert.deepEqual(opened, prepared.spec);
  const [secret, known] = opened.inputs as { path: string; sha256: string }[];
  assert.equal(known?.sha256, toHex(plain));
  const stored = await blobs.get(fromHex(secret?.sha256 ?? "", 32));
  assert.deepEqual(await opener.open("file", stored), utf8("known to few"));
});
