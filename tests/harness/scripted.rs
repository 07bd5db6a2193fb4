//! A server that answers as a test tells it to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its path and query, as sent.
    pub target: String,
    /// The lines of its head behind the first.
    pub headers: Vec<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What comes back.
pub enum Reply {
    /// A status, the lines of a head, and a body.
    Answer(u16, Vec<String>, String),
    /// These bytes, and then the connection is closed without a word.
    Last(Vec<u8>),
    /// Nothing, ever. The connection stays open.
    Silence,
    /// The connection is closed.
    Hangup,
}

impl Reply {
    /// A status, without anything else.
    pub fn status(status: u16) -> Reply {
        Reply::Answer(status, vec![], String::new())
    }

    /// What S3 says of an object that it has stored.
    pub fn stored() -> Reply {
        Reply::Answer(200, vec!["ETag: \"an etag\"".to_owned()], String::new())
    }

    /// An error as S3 words it.
    pub fn error(status: u16, code: &str, message: &str) -> Reply {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Reply::Answer(status, vec![], body)
    }
}

/// A server on a port of its own. Its threads end with the test's process.
pub struct Scripted {
    address: SocketAddr,
    seen: Receiver<Request>,
}

type Script = Arc<Mutex<dyn FnMut(&Request) -> Reply + Send>>;

impl Scripted {
    /// Answers each request with what `script` makes of it.
    pub fn start(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, seen) = channel();
        let script: Script = Arc::new(Mutex::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, sender) = (script.clone(), sender.clone());
                std::thread::spawn(move || serve(stream, &script, &sender));
            }
        });
        Scripted { address, seen }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next request that `wanted` holds for; passes over others.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Request) -> bool) -> Request {
        loop {
            match self.seen.recv_timeout(super::program::PATIENCE) {
                Ok(request) if wanted(&request) => return request,
                Ok(_) => {}
                Err(_) => panic!("no {what} comes"),
            }
        }
    }

    /// The requests that were not waited for.
    pub fn rest(&self) -> Vec<Request> {
        self.seen.try_iter().collect()
    }
}

fn serve(stream: TcpStream, script: &Script, seen: &Sender<Request>) {
    let Ok(mut out) = stream.try_clone() else { return };
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let reply = (script.lock().expect("no script panics"))(&request);
        let _ = seen.send(request);
        match reply {
            Reply::Answer(status, headers, body) => {
                let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} .\r\n{headers}content-length: {length}\r\n\r\n");
                if out.write_all((head + &body).as_bytes()).is_err() {
                    return;
                }
            }
            Reply::Last(bytes) => {
                let _ = out.write_all(&bytes);
                return;
            }
            // For longer than any test takes; the client may go away, and that changes nothing.
            Reply::Silence => return std::thread::sleep(Duration::from_secs(3_600)),
            Reply::Hangup => return,
        }
    }
}

/// The next request; nothing where the client is gone or speaks something else.
fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|count| *count > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let mut first = head.first()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<String> = head.into_iter().skip(1).collect();
    let length = headers.iter().find_map(|header| {
        let (name, value) = header.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(Request { method, target, headers, body })
}
