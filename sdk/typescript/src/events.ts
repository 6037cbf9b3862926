import { type Address, getBase64Encoder, isAddress, type ReadonlyUint8Array } from "@solana/kit";
import { sameBytes } from "./bytes.js";
import { eventTable, type GantryEvent, programAddresses } from "./generated/events/index.js";

const DATA_PREFIX = "Program data: ";

/** The event in `data` (discriminator and fields) that `program` emitted; `undefined` for any other data. */
export function decodeEvent(program: Address, data: ReadonlyUint8Array): GantryEvent | undefined {
  const addresses = programAddresses();
  const head = data.slice(0, 8);
  for (const [owner, name, discriminator, decoder] of eventTable()) {
    if (addresses[owner] !== program || !sameBytes(discriminator, head)) continue;
    try {
      const [value, end] = decoder().read(data, 8);
      return end === data.length ? ({ program: owner, name, data: value } as GantryEvent) : undefined;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** The events in a transaction's logs, in order, each attributed to the program that the runtime says was running. */
export function decodeLogs(logs: readonly string[]): GantryEvent[] {
  const running: Address[] = [];
  const events: GantryEvent[] = [];
  for (const line of logs) {
    if (line.startsWith(DATA_PREFIX)) {
      const program = running.at(-1);
      const data = base64(line.slice(DATA_PREFIX.length));
      const event = program && data && decodeEvent(program, data);
      if (event) events.push(event);
      continue;
    }
    // Programs can print lines that look alike, but those have no key here: "Program log: …".
    const [word, program = "", ...rest] = line.split(" ");
    if (word !== "Program" || !isAddress(program)) continue;
    const what = rest.join(" ");
    if (what.startsWith("invoke [")) running.push(program);
    else if (what === "success" || what.startsWith("failed")) running.pop();
  }
  return events;
}

function base64(text: string): ReadonlyUint8Array | undefined {
  try {
    return getBase64Encoder().encode(text);
  } catch {
    return undefined;
  }
}
