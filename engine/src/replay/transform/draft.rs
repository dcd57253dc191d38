//! A request on its way through the steps.

use super::super::coding;
use super::super::message::payload;
use super::super::request::Outgoing;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// Headers that speak of the bytes of a body: wrong for another one.
const OF_BODY: [&str; 3] = ["content-md5", "content-digest", "digest"];

/// A request on its way through the steps. Its body is decoded when a step asks for it, and encoded at the end as the headers say then.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Its `body` is the captured one; a new one is in `body`.
    pub(crate) request: Outgoing,
    /// Positions in the captured request of the items of a bulk request, or of the searches of `_msearch`, that were dropped; sorted.
    dropped_items: Vec<usize>,
    body: Arc<Body>,
    is_written: bool,
}

/// A body, and what it is without its content coding.
#[derive(Debug)]
pub(crate) struct Body {
    raw: Bytes,
    coding: String,
    plain: OnceLock<Result<Bytes, String>>,
}

impl Body {
    /// The body without its content coding.
    pub(crate) fn plain(&self) -> Result<&Bytes, String> {
        let plain = self.plain.get_or_init(|| coding::decode(&self.coding, &self.raw));
        plain.as_ref().map_err(Clone::clone)
    }

    /// The payload of a message.
    pub(crate) fn payload(&self, content_type: Option<&str>) -> Result<Vec<u8>, String> {
        Ok(payload::of_body(self.plain()?, content_type))
    }
}

impl Draft {
    /// A request of which some items were left out already.
    pub(crate) fn new(request: Outgoing, dropped_items: Vec<usize>) -> Self {
        let coding = coding::coding(&request.headers);
        let body = Body { raw: request.body.clone(), coding, plain: OnceLock::new() };
        Self { request, dropped_items, body: Arc::new(body), is_written: false }
    }

    /// The body as it is now.
    pub(crate) const fn body(&self) -> &Arc<Body> {
        &self.body
    }

    /// Gives the request another body.
    pub(crate) fn write(&mut self, plain: Vec<u8>) {
        let plain = OnceLock::from(Ok(Bytes::from(plain)));
        // What it was in stays known: a step may change its header.
        let coding = self.body.coding.clone();
        self.body = Arc::new(Body { raw: Bytes::new(), coding, plain });
        self.is_written = true;
    }

    /// Notes that items were dropped; positions are those before this, in ascending order.
    pub(crate) fn drop_items(&mut self, positions: &[usize]) {
        if positions.is_empty() {
            return;
        }
        let mut dropped = positions.iter().copied().peekable();
        let mut earlier = std::mem::take(&mut self.dropped_items).into_iter().peekable();
        let mut position = 0_usize;
        for original in 0_usize.. {
            if earlier.next_if_eq(&original).is_some() {
                self.dropped_items.push(original);
                continue;
            }
            if dropped.next_if_eq(&position).is_some() {
                self.dropped_items.push(original);
            }
            if dropped.peek().is_none() && earlier.peek().is_none() {
                break;
            }
            position = position.saturating_add(1);
        }
    }

    /// The request as it is now, its body in the coding that its headers name.
    pub(crate) fn finish(self) -> Result<(Outgoing, Vec<usize>), String> {
        let Self { mut request, dropped_items, body, is_written } = self;
        let coding = coding::coding(&request.headers);
        if is_written || coding != body.coding {
            request.body = coding::encode(&coding, body.plain()?.clone())?;
            OF_BODY.iter().for_each(|name| {
                request.headers.remove(name);
            });
        }
        let mut transfer = request.headers.list("transfer-encoding");
        request.chunked = transfer.any(|coding| coding.eq_ignore_ascii_case("chunked"));
        drop(transfer);
        Ok((request, dropped_items))
    }
}
