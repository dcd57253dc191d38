//! Records of files, as the line takes them.

use super::run::Source;
use crate::traffic::{Input, Ledger, RecordStream};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Records that wait; their bytes are bounded by the memory budget.
const QUEUED: usize = 1024;

/// A source out of records of files. There is nothing to commit to: the next run begins at the start again.
///
/// To be called in a runtime of Tokio.
#[must_use]
pub fn from_files(records: RecordStream) -> Source {
    let (sender, inputs) = mpsc::channel(QUEUED);
    let (held, is_held) = watch::channel(false);
    tokio::spawn(pass_on(records, sender, is_held));
    Source {
        inputs,
        // One file is read after the other: what holds one back holds all back.
        hold: Box::new(move |_: &Ledger, hold| {
            held.send_replace(hold);
        }),
        commit: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        // Where a pipe is silent, nobody knows whether the source was.
        is_quiet: Box::new(|_| false),
        ends: true,
        notes: None,
    }
}

/// Passes records on until there are none, or nobody takes them.
async fn pass_on(mut records: RecordStream, inputs: mpsc::Sender<Input>, mut is_held: watch::Receiver<bool>) {
    let mut ledger: Option<Ledger> = None;
    while let Some(record) = records.next().await {
        let input = match record {
            Err(error) => Input::Failed(error),
            Ok(record) => {
                let of_record = record.token.ledger();
                if !ledger.as_ref().is_some_and(|ledger| ledger.is_same(of_record)) {
                    ledger = Some(of_record.clone());
                    if inputs.send(Input::Assigned(of_record.clone())).await.is_err() {
                        return;
                    }
                }
                Input::Record(record)
            }
        };
        let is_last = matches!(input, Input::Failed(_));
        if is_held.wait_for(|is_held| !is_held).await.is_err() || inputs.send(input).await.is_err() || is_last
        {
            return;
        }
    }
}
