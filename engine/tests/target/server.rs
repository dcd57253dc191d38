//! An HTTP or HTTPS server on loopback that keeps what it gets and answers by a function.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::target::{Client, ClientOptions};
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The how manieth connection it came on.
    pub(crate) connection: usize,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer(http::Response<Bytes>),
    /// The connection ends without an answer.
    Drop,
    /// A body whose length is not announced.
    Chunked(&'static str),
    /// The connection ends inside of the body.
    Cut(&'static str),
    /// No answer comes.
    Never,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self::with_headers(status, &[], body)
    }

    pub(crate) fn with_headers(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let builder = http::Response::builder().status(status);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        Self::Answer(builder.body(body.into()).unwrap())
    }
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

/// The server; it ends with the runtime of the test.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    script: Arc<Script>,
}

fn streamed<const N: usize>(
    pieces: [std::io::Result<&'static str>; N],
) -> http::Response<BoxBody<Bytes, std::io::Error>> {
    let frames = pieces.map(|piece| piece.map(|piece| Frame::data(Bytes::from(piece))));
    http::Response::new(BodyExt::boxed(StreamBody::new(stream::iter(frames))))
}

impl Server {
    pub(crate) async fn http(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, script).await
    }

    pub(crate) async fn https(
        config: rustls::ServerConfig,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config))), script).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, received: Arc::default(), script: Arc::new(script) };
        let accepting = server.clone();
        tokio::spawn(async move {
            for connection in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(accepting.clone().connection(connection, stream, tls.clone()));
            }
        });
        server
    }

    async fn connection(self, number: usize, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let Some(tls) = tls else { return self.serve(number, stream).await };
        match tls.accept(stream).into_fallible().await {
            Ok(stream) => self.serve(number, stream).await,
            // To its end, so that the client reads the alert before it sees the connection go.
            Err((_, mut stream)) => drop(stream.read_to_end(&mut Vec::new()).await),
        }
    }

    async fn serve(self, number: usize, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.clone().answer(number, request));
        let serving =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let _ = serving.await; // It fails where the script wants it to.
    }

    async fn answer(
        self,
        connection: usize,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<BoxBody<Bytes, std::io::Error>>, std::io::Error> {
        let (head, body) = request.into_parts();
        let received = Received {
            connection,
            method: head.method.to_string(),
            path: head.uri.to_string(),
            headers: head.headers,
            body: body.collect().await.map_err(std::io::Error::other)?.to_bytes(),
        };
        let reply = (self.script)(&received);
        self.received.lock().unwrap().push(received);
        match reply {
            Reply::Answer(answer) => {
                Ok(answer.map(|body| Full::new(body).map_err(|never: Infallible| match never {}).boxed()))
            }
            Reply::Drop => Err(std::io::Error::other("dropped by script")),
            Reply::Chunked(body) => Ok(streamed([Ok(body)])),
            Reply::Cut(start) => Ok(streamed([Ok(start), Err(std::io::Error::other("cut by script"))])),
            Reply::Never => std::future::pending().await,
        }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, scheme: &str, host: &str) -> Url {
        Url::parse(&format!("{scheme}://{host}:{}/", self.port)).unwrap()
    }

    /// Of a client without anything special.
    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions::new(self.url("http", "127.0.0.1"))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }
}
