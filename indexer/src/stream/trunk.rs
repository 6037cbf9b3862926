//! The chain as far as it was given out: what the next block must descend from, and where another branch may leave it.

use std::collections::VecDeque;

/// A block that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Slot.
    pub slot: u64,
    /// Blockhash, base58.
    pub blockhash: String,
}

/// See the module's page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trunk {
    /// Everything up to this slot is settled: no branch leaves the trunk below it.
    pub root: u64,
    /// After a snapshot no block is known: the next may have any parent up to this slot.
    pub floor: Option<u64>,
    /// The lowest slot that can be gone back to.
    pub undo_floor: u64,
    /// Blocks from the root on, oldest first.
    pub blocks: VecDeque<Block>,
}

/// How a block's parent lies to the trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the newest block.
    Tip,
    /// It is an older block, in this slot: a branch.
    Below(u64),
    /// It is not in the trunk.
    Elsewhere,
}

impl Trunk {
    /// A trunk that begins after `slot`, of whose blocks nothing is known.
    #[must_use]
    pub fn above(slot: u64) -> Self {
        Self {
            root: slot,
            floor: Some(slot),
            undo_floor: slot,
            blocks: VecDeque::new(),
        }
    }

    /// A trunk whose one block is in `slot`.
    #[must_use]
    pub fn on(slot: u64, blockhash: &str) -> Self {
        let block = Block {
            slot,
            blockhash: blockhash.to_owned(),
        };
        Self {
            root: slot,
            floor: None,
            undo_floor: slot,
            blocks: [block].into(),
        }
    }

    /// The slot of the newest block; that of the snapshot where there is none.
    #[must_use]
    pub fn tip(&self) -> u64 {
        self.blocks
            .back()
            .map_or(self.floor.unwrap_or(self.root), |block| block.slot)
    }

    /// Whether this very block was given out.
    #[must_use]
    pub fn has(&self, slot: u64, blockhash: &str) -> bool {
        self.at(slot).is_some_and(|block| block.blockhash == blockhash)
    }

    /// The block in `slot`.
    #[must_use]
    pub fn at(&self, slot: u64) -> Option<&Block> {
        let place = self.blocks.binary_search_by_key(&slot, |block| block.slot).ok()?;
        self.blocks.get(place)
    }

    /// Where the block in `slot` with this hash lies. An empty hash is not known, and taken for the one that fits.
    pub(super) fn place(&self, slot: u64, blockhash: &str) -> Place {
        if self.blocks.is_empty() && self.floor.is_some_and(|floor| slot <= floor) {
            return Place::Tip;
        }
        match self.at(slot) {
            Some(block) if !blockhash.is_empty() && block.blockhash != blockhash => Place::Elsewhere,
            Some(block) if block.slot == self.tip() => Place::Tip,
            Some(block) => Place::Below(block.slot),
            None => Place::Elsewhere,
        }
    }

    /// Adds a block.
    pub fn extend(&mut self, slot: u64, blockhash: &str) {
        self.blocks.push_back(Block {
            slot,
            blockhash: blockhash.to_owned(),
        });
    }

    /// Goes back to the block in `slot`.
    pub fn cut(&mut self, slot: u64) {
        while self.blocks.pop_back_if(|block| block.slot > slot).is_some() {}
    }

    /// Everything up to `slot` is final.
    pub fn finalize(&mut self, slot: u64) {
        self.root = self.root.max(slot.min(self.tip()));
        while self.blocks.len() > 1 && self.blocks[1].slot <= self.root {
            self.blocks.pop_front();
        }
    }
}
