//! The small HTTP server of `--listen`: a table of routes, one request a connection.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Connections that are open at once; more wait for their turn.
const CONNECTIONS: usize = 32;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(5);

/// Bytes of the head, at most.
const HEAD_BYTES: usize = 16 << 10;

/// Bytes of the body of a request, at most.
const BODY_BYTES: usize = 4 << 10;

/// How long a connection lives: request, answer, end.
const CONNECTION: Duration = Duration::from_secs(10);

/// How long requests that are under way may take when the server is told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// What to wait before the next connection when one could not be taken, as when there are too many files.
const BREATH: Duration = Duration::from_millis(100);

/// What a route answers.
#[derive(Debug, Clone)]
pub struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

impl Reply {
    /// Text.
    #[must_use]
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: text.into() }
    }

    /// JSON.
    #[must_use]
    pub fn json(status: StatusCode, value: &impl serde::Serialize) -> Self {
        // Fails only for maps whose keys are no strings, and for failing `Serialize`.
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self { status, content_type: "application/json", body: body.into() }
    }

    /// The text format of Prometheus.
    #[must_use]
    pub fn metrics(text: String) -> Self {
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        Self { status: StatusCode::OK, content_type, body: text.into() }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}

struct Route {
    method: Method,
    path: &'static str,
    answer: Answer,
}

enum Answer {
    /// The request has no body that counts.
    Plain(Box<dyn Fn() -> Reply + Send + Sync>),
    /// It is about what the body says.
    OfBody(OfBody),
}

type OfBody = Box<dyn Fn(&[u8]) -> Reply + Send + Sync>;

/// What a server answers.
///
/// A browser lets any page send a `POST` to any address, this machine's too; it says which page by `Origin`. So what changes
/// something is done only without one.
#[derive(Default)]
pub struct Routes(Vec<Route>);

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|route| (&route.method, route.path))).finish()
    }
}

impl Routes {
    /// The same with one more. The answer must not wait: it is made on a thread that serves other tasks, too.
    #[must_use]
    pub fn with(
        mut self,
        method: Method,
        path: &'static str,
        answer: impl Fn() -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.0.push(Route { method, path, answer: Answer::Plain(Box::new(answer)) });
        self
    }

    /// The same with one more, whose answer depends on the body of the request: at most 4 KiB. It must not wait, either.
    #[must_use]
    pub fn with_body(
        mut self,
        method: Method,
        path: &'static str,
        answer: impl Fn(&[u8]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.0.push(Route { method, path, answer: Answer::OfBody(Box::new(answer)) });
        self
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        // The body of an answer to HEAD is left out by hyper.
        let wanted = if head.method == Method::HEAD { Method::GET } else { head.method };
        let mut of_path = self.0.iter().filter(|route| route.path == head.uri.path());
        let Some(route) = of_path.find(|route| route.method == wanted) else {
            return self.refusal(head.uri.path());
        };
        if route.method != Method::GET && head.headers.contains_key(ORIGIN) {
            let text = "a page in a browser asks for this (`Origin`): it has to be asked for without one, as curl does\n";
            return Reply::text(StatusCode::FORBIDDEN, text).into_response();
        }
        let reply = match &route.answer {
            Answer::Plain(answer) => answer(),
            Answer::OfBody(answer) => read(body).await.map_or_else(|refusal| refusal, |body| answer(&body)),
        };
        reply.into_response()
    }

    /// No route has the path, or none of them the method.
    fn refusal(&self, path: &str) -> Response<Full<Bytes>> {
        let methods: Vec<&str> =
            self.0.iter().filter(|route| route.path == path).map(|route| route.method.as_str()).collect();
        if methods.is_empty() {
            let mut paths: Vec<&str> = self.0.iter().map(|route| route.path).collect();
            paths.dedup();
            let text = format!("no such path; there are: {}\n", paths.join(", "));
            return Reply::text(StatusCode::NOT_FOUND, text).into_response();
        }
        let text = format!("no such method; there are: {}\n", methods.join(", "));
        let mut response = Reply::text(StatusCode::METHOD_NOT_ALLOWED, text).into_response();
        if let Ok(allowed) = HeaderValue::from_str(&methods.join(", ")) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        response
    }
}

/// The whole body, or what is answered instead.
async fn read(body: Incoming) -> Result<Bytes, Reply> {
    match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let text = format!("the body has more than {BODY_BYTES} bytes\n");
            Err(Reply::text(StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Err(error) => {
            let text = format!("the body did not come whole: {error}\n");
            Err(Reply::text(StatusCode::BAD_REQUEST, text))
        }
    }
}

/// Nothing can listen at an address.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on `{address}`")]
pub struct ListenError {
    address: String,
    #[source]
    source: io::Error,
}

impl ListenError {
    /// What to do, in words.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                "another process listens there, maybe another ferry: give another port, or 0 for any that is free"
            }
            io::ErrorKind::AddrNotAvailable => "this machine has no such address: give one that it has",
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: give a higher one",
            _ => return None,
        })
    }
}

/// Answers requests until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens on `HOST:PORT`.
    ///
    /// # Errors
    ///
    /// The address is taken, not of this machine, or no address.
    pub async fn start(listen: &str, routes: Routes) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address: listen.to_owned(), source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, Arc::new(routes), stopped));
        Ok(Self { address, stop, task })
    }

    /// Where it listens: with the real port, where port 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and returns when those that are open have ended.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ = (&mut self.task).await; // It cannot be cancelled before, and a panic was reported.
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, routes: Arc<Routes>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while !*stop.borrow_and_update() {
        tokio::select! {
            _ = stop.changed() => {}
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((connection, _)) => {
                    connections.spawn(serve(connection, Arc::clone(&routes)));
                }
                Err(error) => {
                    tracing::debug!(%error, "could not take a connection");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, drained).await; // What is still there then is cut.
}

async fn serve(connection: TcpStream, routes: Arc<Routes>) {
    let answer = |request: Request<Incoming>| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, Infallible>(routes.answer(request).await) }
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).keep_alive(false);
    let served = http.serve_connection(TokioIo::new(connection), service_fn(answer));
    match tokio::time::timeout(CONNECTION, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
        Err(_) => tracing::debug!("a connection took too long"),
    }
}
