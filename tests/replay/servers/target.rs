//! A target that behaves as the path of a request wants.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// When a request came, and its path.
pub type Arrivals = Arc<Mutex<Vec<(Instant, String)>>>;

/// Its port.
pub fn start() -> u16 {
    start_with(&Arrivals::default())
}

/// The same, and what comes is noted.
pub fn start_with(arrivals: &Arrivals) -> u16 {
    let arrivals = Arc::clone(arrivals);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn(move || {
        for connection in listener.incoming().flatten() {
            // A connection that ends is no news: that is what it is for.
            let arrivals = Arc::clone(&arrivals);
            spawn(move || drop(serve(&connection, &arrivals)));
        }
    });
    port
}

fn serve(connection: &TcpStream, arrivals: &Arrivals) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut writer = connection;
    loop {
        let (mut path, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if path.is_empty() {
                path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        arrivals.lock().unwrap().push((Instant::now(), path.clone()));
        let status = match path.split('/').nth(1) {
            Some("hang") => {
                sleep(Duration::from_secs(600));
                return Ok(());
            }
            Some("reset") => return Ok(()),
            Some("busy") => "429 Too Many Requests",
            _ => "200 OK",
        };
        write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}")?;
    }
}
