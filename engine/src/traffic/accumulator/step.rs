//! What the looking at one observation has at hand.

use super::super::ledger::Token;
use super::super::quarantine::{QuarantineKind, Quarantined};
use super::super::transaction::Connection;
use super::AccumulatorSettings;
use super::batch::Batch;
use super::counts::{AccumulatorCounts, add};
use super::message::Message;
use std::sync::Arc;
use std::time::SystemTime;

/// One observation, or another reason to look at a connection.
#[derive(Debug)]
pub(super) struct Step<'a> {
    /// When it was, by the source's clock.
    pub(super) at: SystemTime,
    /// The record that it is in, if it is in one.
    pub(super) token: Option<&'a Token>,
    pub(super) connection: &'a Arc<Connection>,
    pub(super) batch: &'a mut Batch,
    pub(super) counts: &'a mut AccumulatorCounts,
    pub(super) settings: &'a AccumulatorSettings,
}

impl Step<'_> {
    /// Puts the bytes of a request where those go that cannot be used, and forgets them.
    pub(super) fn quarantine(&mut self, message: &mut Message, reason: &str) {
        add(&mut self.counts.quarantined_requests, 1);
        if let Some(token) = message.first_token() {
            self.settings.quarantine.put(&Quarantined {
                kind: QuarantineKind::Request,
                token,
                key: None,
                connection: Some(&self.connection.id),
                reason,
                value: &message.parts(),
            });
        }
        message.clear();
    }
}
