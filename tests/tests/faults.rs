//! What goes wrong between a chain and its tables, on purpose: a local network whose stream can be broken, a real
//! Postgres that can be killed, and an indexer that can be too. After each fault the tables are the chain's, to the byte,
//! and nothing was counted twice. Each prints a line with what it did.

mod faults {
    pub(crate) mod branches;
    pub(crate) mod clock;
    pub(crate) mod crashes;
    pub(crate) mod disk;
    pub(crate) mod garbage;
    pub(crate) mod lab;
    pub(crate) mod network;
    pub(crate) mod postgres;
    pub(crate) mod proxy;
    pub(crate) mod readers;
    pub(crate) mod recorded;
    pub(crate) mod replay;
    pub(crate) mod restore;
    pub(crate) mod stream;
    pub(crate) mod sustained;
    pub(crate) mod tls;
    pub(crate) mod trade;
}
