//! The registry's instructions in the VM: what each does, and each refusal.

mod attestors;
mod authority;
mod convictions;
mod council;
mod draining;
mod hardware;
mod leases;
mod network;
mod provider_changes;
mod providers;
mod revocations;
