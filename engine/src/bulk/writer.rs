//! How the documents of one index become operations.

use crate::document::Document;
use codecs::bulk::{Action, OpType};

/// Makes the actions of the documents of one index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperationWriter {
    /// What is done with each document.
    pub op: OpType,
    /// Leave out `_id`, because the cluster makes ids (collections of OpenSearch Serverless for time series and vectors).
    pub server_ids: bool,
    /// Send the type of each document, for clusters that have types.
    pub types: bool,
    /// Send the parent of each document, for clusters that have `_parent`. Others need nothing: the parent is in the
    /// routing of the document too.
    pub parents: bool,
}

impl OperationWriter {
    /// The action for a document.
    #[must_use]
    pub fn action<'a>(&self, document: &Document<'a>) -> Action<'a> {
        Action {
            op: self.op,
            index: None,
            type_name: document.type_name.filter(|_| self.types),
            id: (!self.server_ids).then_some(document.id),
            routing: document.routing,
            parent: document.parent.filter(|_| self.parents),
        }
    }
}
