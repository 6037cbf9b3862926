/**
 * The three programs as their IDLs describe them: accounts, instructions, events, errors and addresses of accounts, generated.
 *
 * @module
 */

export type { GantryEvent, GantryEventName } from "./generated/events/index.js";
export * from "./generated/index.js";
