//! The body of a request that is passed on.

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A body that is at hand as a whole, and the trailers behind it.
///
/// Trailers are sent when the headers say `Transfer-Encoding: chunked` and `Trailer` names them.
#[derive(Debug, Clone, Default)]
pub struct RequestBody {
    data: Option<Bytes>,
    /// In a box, as next to no request has any.
    trailers: Option<Box<HeaderMap>>,
}

impl RequestBody {
    /// A body with trailers behind it; none of either is nothing.
    #[must_use]
    pub fn new(data: Bytes, trailers: HeaderMap) -> Self {
        let trailers = (!trailers.is_empty()).then(|| Box::new(trailers));
        Self { data: (!data.is_empty()).then_some(data), trailers }
    }
}

impl From<Bytes> for RequestBody {
    fn from(data: Bytes) -> Self {
        Self::new(data, HeaderMap::new())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.data.take() {
            Some(data) => Some(Frame::data(data)),
            None => self.trailers.take().map(|trailers| Frame::trailers(*trailers)),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64)
    }
}
