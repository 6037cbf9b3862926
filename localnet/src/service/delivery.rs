//! What faults make of the updates of one subscription.

use std::collections::VecDeque;

use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{SlotStatus, SubscribeUpdate};

use crate::faults::{Faults, Wire};

/// Updates among which one is chosen to come again later.
const REMEMBERED: usize = 64;

pub(super) struct Delivery {
    faults: Faults,
    /// Updates until the connection is cut.
    left: Option<u64>,
    /// Content of a bank whose block meta is awaited.
    shuffled: Vec<SubscribeUpdate>,
    /// Confirmations that are held back.
    late: VecDeque<SubscribeUpdate>,
    remembered: VecDeque<SubscribeUpdate>,
}

impl Delivery {
    pub(super) fn new(faults: Faults) -> Self {
        Self {
            faults,
            left: None,
            shuffled: Vec::new(),
            late: VecDeque::new(),
            remembered: VecDeque::new(),
        }
    }

    /// What is sent for `update`, in order; nothing in place of an update is the end of the connection.
    pub(super) fn pass(&mut self, update: SubscribeUpdate, wire: &Wire) -> Vec<Option<SubscribeUpdate>> {
        let mut ready = Vec::new();
        self.reorder(update, wire, &mut ready);
        let mut sent = Vec::new();
        for mut update in ready {
            if self.is_cut(wire) {
                self.faults.count("cuts");
                sent.push(None);
                break;
            }
            self.faults.spoil(&mut update);
            shift(&mut update, wire.clock_seconds);
            for _ in 0..wire.repeats {
                self.faults.count("duplicates");
                sent.push(Some(update.clone()));
                let again = self.faults.below(REMEMBERED as u64) as usize;
                sent.extend(self.remembered.get(again).cloned().map(Some));
            }
            if wire.repeats > 0 && matters(&update) {
                self.remembered.push_back(update.clone());
                if self.remembered.len() > REMEMBERED {
                    self.remembered.pop_front();
                }
            }
            sent.push(Some(update));
        }
        sent
    }

    fn is_cut(&mut self, wire: &Wire) -> bool {
        let Some(within) = wire.cut_within else {
            self.left = None;
            return false;
        };
        let left = self.left.get_or_insert_with(|| self.faults.below(within));
        match left.checked_sub(1) {
            Some(fewer) => *left = fewer,
            None => return true,
        }
        false
    }

    fn reorder(&mut self, update: SubscribeUpdate, wire: &Wire, ready: &mut Vec<SubscribeUpdate>) {
        if !wire.shuffle {
            ready.append(&mut self.shuffled);
        }
        while self.late.len() > wire.late_statuses {
            ready.extend(self.late.pop_front());
        }
        match &update.update_oneof {
            Some(UpdateOneof::Account(_) | UpdateOneof::Transaction(_)) if wire.shuffle => self.shuffled.push(update),
            Some(UpdateOneof::BlockMeta(_)) => {
                while !self.shuffled.is_empty() {
                    let chosen = self.faults.below(self.shuffled.len() as u64) as usize;
                    self.faults.count("reordered");
                    ready.push(self.shuffled.swap_remove(chosen));
                }
                ready.push(update);
            }
            Some(UpdateOneof::Slot(slot))
                if wire.late_statuses > 0 && slot.status == i32::from(SlotStatus::SlotConfirmed) =>
            {
                self.faults.count("delays");
                self.late.push_back(update);
            }
            _ => ready.push(update),
        }
    }
}

/// Sets the clock that the update was made by.
fn shift(update: &mut SubscribeUpdate, seconds: i64) {
    if let Some(at) = update.created_at.as_mut() {
        at.seconds = at.seconds.saturating_add(seconds);
    }
    if let Some(UpdateOneof::BlockMeta(meta)) = update.update_oneof.as_mut()
        && let Some(time) = meta.block_time.as_mut()
    {
        time.timestamp = time.timestamp.saturating_add(seconds);
    }
}

fn matters(update: &SubscribeUpdate) -> bool {
    !matches!(
        update.update_oneof,
        None | Some(UpdateOneof::Ping(_) | UpdateOneof::Pong(_))
    )
}
